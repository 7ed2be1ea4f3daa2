"""The one sum that must always come out right."""

import pytest

from usher.jobs.totals import Totals


@pytest.mark.parametrize(
    ("totals", "expected"),
    [((5, 3, 1, 1), True), ((5, 3, 1, 0), False), ((4, 3, 1, 1), False), ((0, 0, 0, 0), True), ((0, 1, 0, 0), False)],
)
def test_a_trigger_that_is_lost_or_counted_twice_shows_in_the_sum(totals, expected):
    assert Totals(*totals).adds_up is expected
