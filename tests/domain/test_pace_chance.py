"""Which throttles are taken for chance, so that they slow nothing."""

import pytest

from usher.domain.pace import Pace

START = 1_000.0


def heard(pace, now, *, answered=0, throttled=0):
    """Let *pace* hear so many answers, and then so many throttles, at *now*."""
    for _ in range(answered):
        pace.answered(now)
    for _ in range(throttled):
        pace.throttled(now)


def free_pace():
    return Pace(requests_per_second=None, max_in_flight=16)


def slowed_pace():
    """A pace that found a rate at START, when half of everything was throttled."""
    pace = free_pace()
    heard(pace, START, answered=20, throttled=20)
    return pace


def is_slowed_by(pace, now, **more):
    """Whether what is heard at *now* makes *pace* slower than its answers alone would."""
    heard(pace, now, answered=more.get("answered", 0))
    before = pace.per_second
    heard(pace, now, throttled=more["throttled"])
    return pace.per_second != before


@pytest.mark.parametrize(("answered", "is_slowed"), [(0, True), (9, True), (10, False), (1_000, False)])
def test_the_first_throttle_of_all_is_chance_among_ten_answers(answered, is_slowed):
    assert is_slowed_by(free_pace(), START, answered=answered, throttled=1) is is_slowed


@pytest.mark.parametrize(
    ("answered", "throttled", "is_slowed"),
    [(48, 1, True), (49, 1, False), (97, 2, True), (98, 2, False), (146, 3, True), (147, 3, False)],
)
def test_once_a_rate_was_found_one_throttle_in_fifty_answers_is_chance(answered, throttled, is_slowed):
    pace = slowed_pace()
    heard(pace, START + 20, answered=answered)
    before = pace.per_second
    for _ in range(throttled - 1):
        pace.throttled(START + 20)
        assert pace.per_second == before

    assert is_slowed_by(pace, START + 20, throttled=1) is is_slowed


@pytest.mark.parametrize(("seconds_later", "is_slowed"), [(9.9, False), (10.0, True), (30.0, True)])
def test_only_the_last_ten_seconds_count(seconds_later, is_slowed):
    pace = slowed_pace()
    heard(pace, START + 20, answered=200, throttled=3)

    assert is_slowed_by(pace, START + 20 + seconds_later, answered=30, throttled=1) is is_slowed


def test_what_a_rate_was_slowed_for_does_not_count_against_the_next():
    pace = slowed_pace()

    assert not is_slowed_by(pace, START + 2, answered=60, throttled=1)


def test_throttles_by_chance_are_counted_for_what_they_are_in_the_end():
    pace = free_pace()
    heard(pace, START, answered=100, throttled=2)
    assert pace.per_second is None

    heard(pace, START + 1, throttled=1)
    assert pace.per_second is not None


def test_a_throttle_by_chance_is_silent_for_as_long_as_it_asks_all_the_same():
    pace = free_pace()
    heard(pace, START, answered=100)
    pace.throttled(START, retry_after_seconds=0.2)

    assert pace.per_second is None
    assert pace.wait_seconds(START) == pytest.approx(0.2)


def test_what_costs_more_silence_than_is_tolerated_is_not_chance():
    pace = free_pace()
    heard(pace, START, answered=100)
    pace.throttled(START, retry_after_seconds=0.21)

    assert pace.per_second is not None
