"""When so many people would leave that a person should look first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.removal_brake import PEOPLE, PERCENT, WINDOW_MS, scan_limits, stops


@pytest.mark.parametrize(
    ("leaving", "inside", "is_stopped"),
    [
        (0, 0, False),
        (500, 500, False),
        (501, 501, True),
        (501, 0, True),
        (501, 2_504, True),
        (501, 2_505, False),
        (501, 10_000, False),
        (2_000, 10_000, False),
        (2_001, 10_000, True),
        (200_000, 1_000_000, False),
        (200_001, 1_000_000, True),
    ],
)
def test_the_brake_needs_more_than_500_people_and_more_than_a_fifth(leaving, inside, is_stopped):
    assert stops(leaving, inside=inside) is is_stopped


@pytest.mark.parametrize(
    ("is_set", "people", "percent", "limits"),
    [
        (True, 5, 1.0, (5, 1.0)),
        (True, 9_000, 90.0, (PEOPLE, PERCENT)),
        (True, 5, 90.0, (5, PERCENT)),
        (False, 5, 1.0, (PEOPLE, PERCENT)),
    ],
)
def test_a_scan_is_as_careful_as_the_job_s_own_limits_and_never_less_than_usual(is_set, people, percent, limits):
    assert scan_limits(is_set=is_set, people=people, percent=percent) == limits


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_fifth_is_that_of_whole_numbers(leaving, inside):
    assert stops(leaving, inside=inside) == (leaving > 500 and 5 * leaving > inside)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 1_000))
def test_more_who_leave_never_release_the_brake(leaving, inside, more):
    assert stops(leaving + more, inside=inside) or not stops(leaving, inside=inside)


@pytest.mark.parametrize(
    ("leaving", "inside", "limits", "is_stopped"),
    [
        (11, 20, {"people": 10}, True),
        (10, 20, {"people": 10}, False),
        (501, 10_000, {"percent": 5}, True),
        (501, 10_020, {"percent": 5}, False),
        (2, 10, {"people": 1, "percent": 12.5}, True),
        (1_000, 1_000, {"people": 1, "percent": 100}, False),
        (501, 10**9, {"percent": 0}, True),
    ],
)
def test_a_job_may_set_both_limits(leaving, inside, limits, is_stopped):
    assert stops(leaving, inside=inside, **limits) is is_stopped


def test_triggered_exits_are_counted_over_a_quarter_of_an_hour():
    assert WINDOW_MS == 900_000
