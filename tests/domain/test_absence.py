"""Whether a finished scan may be believed about who is missing from it."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.absence import Doubt, ScanEnd, doubt_about_absence, is_endless

WHOLE = ScanEnd(
    profiles=1_000,
    announced=1_000,
    has_end_marker=True,
    definition_before="d1",
    definition_after="d1",
    is_gone=False,
)
# In the order in which they are named, should several hold.
SPOILED = [
    (Doubt.GONE, {"is_gone": True}),
    (Doubt.CLOCK, {"is_clock_wrong": True}),
    (Doubt.UNDEFINED, {"definition_after": ""}),
    (Doubt.REDEFINED, {"definition_before": "d0"}),
    (Doubt.NO_END, {"has_end_marker": False}),
    (Doubt.EMPTY, {"profiles": 0}),
    (Doubt.SHORT, {"announced": 1_000_000}),
]


def test_a_whole_and_undisturbed_scan_may_say_who_left():
    assert doubt_about_absence(WHOLE) is None


@pytest.mark.parametrize(("doubt", "spoiled"), SPOILED)
def test_one_doubt_is_enough_to_say_nothing_about_who_left(doubt, spoiled):
    assert doubt_about_absence(replace(WHOLE, **spoiled)) is doubt


def test_doubts_keep_the_names_under_which_they_were_stored():
    assert [str(doubt) for doubt in Doubt] == [
        *("empty", "no_end_marker", "fewer_than_announced", "audience_redefined", "definition_not_given"),
        *("audience_gone", "cursor_expired", "cursor_repeated", "too_many_pages", "identifiers_missing"),
        "clock_set",
    ]


@pytest.mark.parametrize("before", ["", "d1"])
@pytest.mark.parametrize("after", ["", "d1"])
def test_a_definition_that_was_not_given_proves_nothing(before, after):
    end = replace(WHOLE, definition_before=before, definition_after=after)

    assert doubt_about_absence(end) is (None if before and after else Doubt.UNDEFINED)


@pytest.mark.parametrize("is_spoiled", list(product([False, True], repeat=len(SPOILED))))
def test_of_several_doubts_the_gravest_is_named(is_spoiled):
    held = [(doubt, spoiled) for (doubt, spoiled), holds in zip(SPOILED, is_spoiled, strict=True) if holds]
    end = replace(WHOLE, **{key: value for _, spoiled in held for key, value in spoiled.items()})

    assert doubt_about_absence(end) is (held[0][0] if held else None)


@pytest.mark.parametrize(
    ("profiles", "announced", "doubt"),
    [
        (980, 1_000, None),
        (979, 1_000, Doubt.SHORT),
        (1, 1, None),
        (49, 50, None),
        (48, 50, Doubt.SHORT),
        (48, 49, Doubt.SHORT),
        (1_200, 1_000, None),
        (5, 0, None),
        (5, None, None),
        (0, 0, Doubt.EMPTY),
        (0, None, Doubt.EMPTY),
        (9_799_999, 10_000_000, Doubt.SHORT),
        (9_800_000, 10_000_000, None),
    ],
)
def test_fewer_than_98_percent_of_what_was_announced_is_short_and_none_is_empty(profiles, announced, doubt):
    assert doubt_about_absence(replace(WHOLE, profiles=profiles, announced=announced)) is doubt


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_the_share_is_that_of_whole_numbers(profiles, announced):
    doubt = doubt_about_absence(replace(WHOLE, profiles=profiles, announced=announced))

    assert (doubt is Doubt.SHORT) == (100 * profiles < 98 * announced)


@pytest.mark.parametrize(
    ("pages", "announced", "is_too_many"),
    [
        (20, 0, False),
        (21, 0, True),
        (21, 100, False),
        (22, 100, False),
        (23, 100, True),
        (2_020, 100_000, False),
        (2_021, 100_000, True),
        (10**9, None, False),
    ],
)
def test_twice_the_pages_expected_and_some_to_spare_is_a_circle(pages, announced, is_too_many):
    assert is_endless(pages, announced=announced, page_size=100) is is_too_many


@given(st.integers(0, 10**7), st.integers(1, 1_000))
def test_an_audience_that_doubles_while_it_is_read_is_still_no_circle(announced, page_size):
    pages = -(-2 * announced // page_size)

    assert not is_endless(pages, announced=announced, page_size=page_size)


@pytest.mark.parametrize(
    ("unnamed", "before", "doubt"),
    [(2, None, None), (3, None, Doubt.UNNAMED), (32, 0.30, None), (33, 0.30, Doubt.UNNAMED), (100, 0.0, Doubt.UNNAMED)],
)
def test_a_scan_in_which_many_lost_their_identifier_cannot_say_who_left(unnamed, before, doubt):
    end = replace(WHOLE, profiles=100, announced=100, unnamed=unnamed, share_unnamed_before=before)

    assert doubt_about_absence(end) is doubt
