"""How often a message is tried that a channel does not take, and for how long."""

from random import Random

import pytest

from usher.domain.alert_delivery import (
    GIVE_UP_MS,
    LONGEST_SECONDS,
    MOST_MS,
    WAITING_KEEP,
    delay_seconds,
    is_due,
    is_given_up,
)

HOUR_MS = 3_600_000


class Fixed(Random):
    """Draws whatever lies at one share (0..1) of a range."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self._share = share

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self._share


LEAST, MIDDLE, MOST = Fixed(0.0), Fixed(0.5), Fixed(1.0)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (10, 2_560), (11, 3_600), (5_000, 3_600)]
)
def test_a_wait_doubles_from_five_seconds_to_an_hour(attempts: int, seconds: float) -> None:
    assert delay_seconds(attempts, rng=MIDDLE) == pytest.approx(seconds)


def test_a_wait_is_a_tenth_shorter_or_longer_and_never_over_an_hour() -> None:
    assert delay_seconds(2, rng=LEAST) == pytest.approx(9)
    assert delay_seconds(2, rng=MOST) == pytest.approx(11)
    assert delay_seconds(99, rng=LEAST) == pytest.approx(3_240)
    assert delay_seconds(99, rng=MOST) == 3_600


def test_a_receiver_may_ask_for_a_longer_wait_up_to_an_hour() -> None:
    assert delay_seconds(1, rng=MIDDLE, asked_seconds=120) == 120
    assert delay_seconds(1, rng=MIDDLE, asked_seconds=3) == pytest.approx(5)
    assert delay_seconds(1, rng=MIDDLE, asked_seconds=1e9) == 3_600


def test_a_next_try_beyond_the_longest_wait_is_a_clock_that_was_set_back() -> None:
    assert is_due(1_000, now_ms=1_000)
    assert not is_due(1_001, now_ms=1_000)
    assert not is_due(HOUR_MS + 1_000, now_ms=1_000)
    assert is_due(HOUR_MS + 1_001, now_ms=1_000)


def test_a_message_is_given_up_after_a_day() -> None:
    assert not is_given_up(5_000, now_ms=5_000 + 24 * HOUR_MS - 1)
    assert is_given_up(5_000, now_ms=5_000 + 24 * HOUR_MS)


def test_the_bounds_are_what_the_how_to_says() -> None:
    assert (LONGEST_SECONDS, MOST_MS, GIVE_UP_MS, WAITING_KEEP) == (3_600, HOUR_MS, 24 * HOUR_MS, 200)
