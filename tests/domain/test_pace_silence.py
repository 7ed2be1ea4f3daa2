"""How a pace finds its way back: after a throttle that costs a silence, and after a fall by more than half."""

import pytest

from usher.domain.pace import Pace

START = 1_000.0


def pace_of(per_second: float, *, now: float = START) -> Pace:
    made = Pace(requests_per_second=None, max_in_flight=16)
    made.learn(found=per_second, silent_until=None, now=now)
    return made


def answer(pace: Pace, now: float, *, times: int = 1) -> None:
    for _ in range(times):
        pace.answered(now)


def silenced_pace() -> Pace:
    """A pace whose rate of 10 cost a second of silence at START + 20, and is 9.5 since."""
    pace = pace_of(10.0)
    pace.throttled(START + 20, retry_after_seconds=1.0)
    assert pace.per_second == 9.5
    return pace


def tolerant_pace() -> Pace:
    """A pace that was throttled four times, each time at a lower rate, the last time at START + 26."""
    pace = silenced_pace()
    pace.throttled(START + 22, retry_after_seconds=1.0)
    pace.throttled(START + 24, retry_after_seconds=1.0)
    assert pace.per_second == pytest.approx(10 * 0.95**3)
    answer(pace, START + 25.5, times=60)
    pace.throttled(START + 26, retry_after_seconds=1.0)
    return pace


def fallen_pace() -> Pace:
    """A pace that fell from 95 to 2.375 a second at START + 11.5, with little asked for just before."""
    pace = pace_of(100.0)
    pace.throttled(START + 10)
    answer(pace, START + 10.5, times=5)
    pace.throttled(START + 11.5)
    assert pace.per_second == 2.375
    return pace


def test_a_rate_that_cost_a_silence_is_not_tried_again_within_thirty_times_as_long() -> None:
    pace = silenced_pace()
    answer(pace, START + 21 + 15)
    answer(pace, START + 21 + 30)
    assert pace.per_second == 9.5


def test_after_thirty_times_the_silence_the_rate_rises_gently_anew() -> None:
    pace = silenced_pace()
    answer(pace, START + 21 + 30)
    answer(pace, START + 21 + 31)
    assert pace.per_second == pytest.approx(9.5 * 1.005)


def test_below_the_rate_that_cost_a_silence_it_rises_as_ever_and_no_further() -> None:
    pace = silenced_pace()
    answer(pace, START + 22, times=12)
    pace.throttled(START + 23, retry_after_seconds=1.0)
    assert pace.per_second == pytest.approx(0.95 * 6)
    answer(pace, START + 24 + 30)
    assert pace.per_second == pytest.approx(0.95 * 9.5)


def test_a_share_of_a_rate_that_cost_a_silence_is_held_at_that_share() -> None:
    pace = silenced_pace()
    pace.scale(0.5)
    answer(pace, START + 41)
    assert pace.per_second == pytest.approx(0.95 * 5)


def test_throttles_in_a_row_at_ever_lower_rates_give_back_the_rate_that_was_tried_first() -> None:
    assert tolerant_pace().per_second == 10.0


def test_after_the_rate_was_given_back_it_takes_three_throttles_in_a_row_again() -> None:
    pace = silenced_pace()
    for second in (22, 24, 26, 28, 30):
        pace.throttled(START + second, retry_after_seconds=1.0)
    assert pace.per_second == pytest.approx(10 * 0.95**3)
    pace.throttled(START + 32, retry_after_seconds=1.0)
    assert pace.per_second == 9.5


@pytest.mark.parametrize(("after", "is_slowed"), [(300.0, False), (300.5, True)])
def test_throttles_at_whatever_rate_are_taken_for_chance_for_five_minutes(after: float, is_slowed: bool) -> None:
    pace, now = tolerant_pace(), START + 26 + after
    answer(pace, now - 0.25, times=60)
    pace.throttled(now, retry_after_seconds=1.0)
    assert (pace.per_second is not None) is is_slowed


def test_what_was_answered_just_before_the_measured_seconds_does_not_count() -> None:
    pace = Pace(requests_per_second=None, max_in_flight=16)
    answer(pace, START - 2, times=20)
    answer(pace, START - 1, times=20)
    pace.throttled(START)
    pace.throttled(START)
    assert pace.per_second == pytest.approx(0.95 * 10)


def test_a_rate_that_fell_by_far_doubles_until_it_is_past_half_of_what_it_was() -> None:
    pace, rates = fallen_pace(), []
    for second in range(1, 7):
        answer(pace, START + 11.5 + second)
        rates.append(pace.per_second)
    assert rates[:5] == [4.75, 9.5, 19.0, 38.0, 76.0]
    assert rates[5] == pytest.approx(76 * 1.03)


def test_a_share_of_a_fallen_rate_doubles_until_it_is_past_half_of_its_share() -> None:
    pace, rates = fallen_pace(), []
    pace.scale(0.5)
    for second in range(1, 7):
        answer(pace, START + 11.5 + second)
        rates.append(pace.per_second)
    assert rates[:5] == [2.375, 4.75, 9.5, 19.0, 38.0]
    assert rates[5] == pytest.approx(38 * 1.03)


def test_a_rate_that_is_throttled_while_it_doubles_doubles_no_more() -> None:
    pace = fallen_pace()
    answer(pace, START + 12.0)
    pace.throttled(START + 13.0)
    assert pace.per_second == pytest.approx(0.475)
    answer(pace, START + 14.0)
    assert pace.per_second == pytest.approx(0.475 * 1.005)
