"""When so many people would leave that a person should look first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.removal_brake import WINDOW_MS, stops


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


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_fifth_is_that_of_whole_numbers(leaving, inside):
    assert stops(leaving, inside=inside) == (leaving > 500 and 5 * leaving > inside)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 1_000))
def test_more_who_leave_never_release_the_brake(leaving, inside, more):
    assert stops(leaving + more, inside=inside) or not stops(leaving, inside=inside)


def test_triggered_exits_are_counted_over_a_quarter_of_an_hour():
    assert WINDOW_MS == 900_000
