"""How long a row waits after a known failure."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.retry import LONGEST_SECONDS, backoff_seconds, throttle_seconds

DRAWS = 2_000


def waits(attempts):
    rng = Random(7)
    return [backoff_seconds(attempts, rng=rng) for _ in range(DRAWS)]


@pytest.mark.parametrize(
    ("attempts", "ceiling"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (100, 60), (10**12, 60)]
)
def test_the_wait_doubles_to_a_minute_and_is_spread_over_its_upper_half(attempts, ceiling):
    drawn = waits(attempts)

    assert ceiling / 2 <= min(drawn) < 0.52 * ceiling
    assert 0.98 * ceiling < max(drawn) <= ceiling
    assert sum(drawn) / DRAWS == pytest.approx(0.75 * ceiling, rel=0.01)


def test_rows_that_failed_together_do_not_come_back_together_even_at_the_cap():
    by_second = [sum(1 for wait in waits(1_000) if int(wait) == second) for second in range(30, 60)]

    assert max(by_second) < 2 * DRAWS / 30


@given(st.integers(-(10**30), 10**30), st.integers())
def test_no_wait_is_shorter_than_a_second_or_longer_than_a_minute(attempts, seed):
    assert 1 <= backoff_seconds(attempts, rng=Random(seed)) <= LONGEST_SECONDS == 60


@given(st.integers())
def test_a_throttled_row_is_back_within_two_seconds(seed):
    assert 0.5 <= throttle_seconds(rng=Random(seed)) <= 2.0


def test_throttled_rows_are_spread_too():
    rng = Random(7)
    drawn = [throttle_seconds(rng=rng) for _ in range(DRAWS)]

    assert min(drawn) < 0.55
    assert max(drawn) > 1.95
