"""Which of two sightings is newer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.observation import (
    FURTHEST_AHEAD_NS,
    Observation,
    Source,
    newest_per_member,
    version_of_scan,
    version_of_trigger,
)

NOON_MS = 1_790_000_000_000
NOON_NS = NOON_MS * 1_000_000
MINUTE_NS = 60_000_000_000
G_SECONDS = 120


def seen(member, version, *, is_in=True):
    return Observation(member, is_in, version, Source.TRIGGER)


def test_a_trigger_without_a_time_is_as_old_as_its_arrival():
    assert version_of_trigger(None, received_ms=NOON_MS) == (NOON_NS, False)


@pytest.mark.parametrize("claimed", [0, 1, NOON_NS - MINUTE_NS, NOON_NS, NOON_NS + 1, NOON_NS + 5 * MINUTE_NS])
def test_a_trigger_is_as_old_as_it_says_even_a_little_ahead_of_us(claimed):
    assert version_of_trigger(claimed, received_ms=NOON_MS) == (claimed, False)


@pytest.mark.parametrize("claimed", [NOON_NS + 5 * MINUTE_NS + 1, NOON_NS + 365 * 86_400_000_000_000, 2**63, 10**30])
def test_a_trigger_from_the_future_cannot_pin_a_member_for_ever(claimed):
    assert version_of_trigger(claimed, received_ms=NOON_MS) == (NOON_NS, True)


@given(st.none() | st.integers(min_value=0), st.integers(0, 4_000_000_000_000))
def test_no_trigger_is_ever_more_than_five_minutes_ahead(claimed, received_ms):
    version, was_clamped = version_of_trigger(claimed, received_ms=received_ms)

    assert version <= received_ms * 1_000_000 + 5 * MINUTE_NS
    assert was_clamped == (claimed is not None and claimed != version)


def test_the_furthest_ahead_is_five_minutes():
    assert FURTHEST_AHEAD_NS == 5 * MINUTE_NS


@pytest.mark.parametrize(
    ("guard_seconds", "version"),
    [(0, NOON_NS), (120, NOON_NS - 120_000_000_000), (0.5, NOON_NS - 500_000_000), (86_400, NOON_NS - 86_400 * 10**9)],
)
def test_a_scan_speaks_of_the_moment_it_was_asked_less_the_guard(guard_seconds, version):
    assert version_of_scan(NOON_MS, guard_seconds=guard_seconds) == version


@given(st.integers(0, 10**6), st.integers(0, G_SECONDS * 1000), st.integers(0, G_SECONDS * 1000), st.integers(1, 10**6))
def test_a_scan_that_lags_within_the_guard_never_beats_the_exit_it_missed(asked_after, lag_ms, skew_ms, more_ms):
    """Races R1 to R3: the scan still lists who left up to *lag* before it was asked, by a clock *skew* ahead."""
    if lag_ms + skew_ms > G_SECONDS * 1000:
        lag_ms = G_SECONDS * 1000 - skew_ms
    asked_ms = NOON_MS + asked_after
    exit_ns, _ = version_of_trigger((asked_ms - lag_ms) * 1_000_000, received_ms=asked_ms)
    of_page = version_of_scan(asked_ms + skew_ms, guard_seconds=G_SECONDS)

    assert exit_ns >= of_page
    assert version_of_scan(asked_ms + skew_ms + more_ms, guard_seconds=G_SECONDS) > of_page


def test_who_entered_after_a_scan_began_is_not_absent_from_it():
    """Race R5: absence speaks of the scan's start, not of its end."""
    began_ms = NOON_MS
    entered_ns, _ = version_of_trigger(NOON_NS + 1, received_ms=NOON_MS + 1_000)

    assert entered_ns > version_of_scan(began_ms, guard_seconds=0)


@pytest.mark.parametrize(
    ("seen_in_order", "kept"),
    [
        ([], []),
        ([("a", 1, True)], [("a", 1, True)]),
        ([("a", 1, True), ("a", 2, False)], [("a", 2, False)]),
        ([("a", 2, False), ("a", 1, True)], [("a", 2, False)]),
        ([("a", 1, True), ("a", 1, False)], [("a", 1, False)]),
        ([("a", 1, False), ("a", 1, True)], [("a", 1, True)]),
        ([("b", 1, True), ("a", 1, True), ("b", 2, False)], [("b", 2, False), ("a", 1, True)]),
        ([("a", 5, True), ("a", 4, False), ("a", 5, False), ("a", 3, True)], [("a", 5, False)]),
        ([("a", -1, True), ("A", -2, False)], [("a", -1, True), ("A", -2, False)]),
    ],
)
def test_each_member_keeps_its_newest_sighting_and_of_equals_the_later(seen_in_order, kept):
    found = newest_per_member([seen(member, version, is_in=is_in) for member, version, is_in in seen_in_order])

    assert found == [seen(member, version, is_in=is_in) for member, version, is_in in kept]


SIGHTINGS = st.lists(st.builds(seen, st.sampled_from("abc"), st.integers(-3, 3), is_in=st.booleans()))


@given(SIGHTINGS)
def test_members_keep_the_order_in_which_they_were_first_seen(sightings):
    newest = newest_per_member(sightings)

    assert [o.member for o in newest] == list(dict.fromkeys(o.member for o in sightings))
    assert all(o.version == max(s.version for s in sightings if s.member == o.member) for o in newest)


@given(SIGHTINGS)
def test_what_is_kept_is_one_of_the_very_sightings_given(sightings):
    """The receiver counts as superseded whatever is not the same object."""
    assert {id(o) for o in newest_per_member(sightings)} <= {id(o) for o in sightings}


@given(SIGHTINGS, SIGHTINGS)
def test_sorting_a_message_in_parts_changes_nothing(first, second):
    assert newest_per_member(newest_per_member(first) + second) == newest_per_member(first + second)
