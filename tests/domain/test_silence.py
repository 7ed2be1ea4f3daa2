"""Silence counts only beside what a job did before: a broken webhook is seen, and a quiet audience is left alone."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from random import Random

import pytest

from usher.domain.silence import DAY, HOUR, LEAST_SECONDS, LOOKS_BACK, MINUTE, WEEK, Past, is_unusual

Rate = Callable[[int], float]  # changes a second, by the second
WEEKS = 6


def flat(per_hour: float) -> Rate:
    return lambda _at: per_hour / HOUR


def with_nights(per_hour: float) -> Rate:
    return lambda at: per_hour / HOUR * (1.0 if 7 <= at % DAY // HOUR < 22 else 0.02)


def in_office_hours(per_hour: float) -> Rate:
    return lambda at: per_hour / HOUR * (1.0 if 8 <= at % DAY // HOUR < 18 and at % WEEK // DAY < 5 else 0.005)


def in_waves(per_hour: float) -> Rate:
    return lambda at: per_hour / HOUR * (0.05 + 0.95 * (1 + math.sin(2 * math.pi * at / DAY)) / 2)


def arrivals(rate: Rate, *, burst: int, seed: str) -> list[int]:
    """Draw moments from a process whose rate changes, by thinning; each brings up to *burst* within a few minutes."""
    rng, found, at = Random(seed), list[int](), 0.0
    peak = max(rate(hour * HOUR) for hour in range(WEEK // HOUR)) / burst
    while (at := at + rng.expovariate(peak)) < WEEKS * WEEK:
        if rng.random() < rate(int(at)) / burst / peak:
            found += [int(at + rng.uniform(0, 300)) for _ in range(rng.randint(1, 2 * burst - 1))]
    return sorted(found)


class Watched:
    """Looks at a job's past as the service does."""

    def __init__(self, changes: list[int]) -> None:
        self.changes = changes
        self._hours = sorted({at - at % HOUR for at in changes})
        self._minutes = sorted({at - at % MINUTE for at in changes})

    def cries(self, heard: int, now: int) -> bool:
        past = Past(
            hours=self._hours[bisect_left(self._hours, now - LOOKS_BACK) : bisect_right(self._hours, heard)],
            minutes=self._minutes[bisect_left(self._minutes, now - 25 * HOUR) : bisect_right(self._minutes, heard)],
            since=self.changes[0],
        )
        return is_unusual(past, heard=heard, now=now)

    def false_alarms(self) -> int:
        pauses = zip(self.changes, self.changes[1:], strict=False)
        return sum(any(self.cries(heard, now) for now in looks(heard, after)) for heard, after in pauses)

    def seconds_to_notice(self, broken_at: int) -> int | None:
        heard = self.changes[bisect_right(self.changes, broken_at) - 1]
        seen = (now for now in looks(heard, broken_at + 4 * WEEK) if self.cries(heard, now))
        first = next(seen, None)
        return None if first is None else first - broken_at


def looks(heard: int, until: int) -> Iterator[int]:
    step = 600 if until - heard < DAY else HOUR
    return iter(range(heard + LEAST_SECONDS, until, step))


PROCESSES = [
    ("flat", flat, (0.25, 4, 60)),
    ("nights", with_nights, (0.25, 4, 60)),
    ("office", in_office_hours, (1, 20, 60)),
    ("waves", in_waves, (0.25, 4, 60)),
]
CASES = [(name, rate(each), burst) for name, rate, every in PROCESSES for each in every for burst in (1, 8)]


def test_a_quiet_audience_is_left_alone_whatever_its_rhythm(measured):
    job_weeks = alarms = 0
    for number, (name, rate, burst) in enumerate(CASES):
        watched = Watched(arrivals(rate, burst=burst, seed=f"{name} {number}"))
        alarms += watched.false_alarms()
        job_weeks += WEEKS - 1  # the first is for learning
    assert job_weeks == 120
    measured("gaps.silence.job_weeks", job_weeks)
    measured("gaps.silence.false_alarms", alarms)
    assert alarms <= 2


NOTICED = [
    ("a busy job within an hour", flat(60), 1, HOUR),
    ("a job with nights within a day", with_nights(20), 1, DAY),
    ("one with an idle weekend within a week", in_office_hours(20), 1, WEEK),
    ("a small one within four days", flat(0.25), 1, 4 * DAY),
    ("one that changes in bursts within two days", flat(8), 8, 2 * DAY),
]


@pytest.mark.parametrize(("name", "rate", "burst", "within"), NOTICED, ids=[name for name, *_ in NOTICED])
def test_a_webhook_that_delivers_nothing_any_more_is_noticed(name: str, rate: Rate, burst: int, within: int):
    watched = Watched(arrivals(rate, burst=burst, seed=name))
    for broken_at in (5 * WEEK + 9 * HOUR, 5 * WEEK + DAY + 15 * HOUR, 5 * WEEK + 3 * DAY + 11 * HOUR):
        seconds = watched.seconds_to_notice(broken_at)
        assert seconds is not None
        assert seconds <= within


def test_a_job_in_its_first_week_is_not_judged():
    every_minute = list(range(0, 6 * DAY, MINUTE))
    assert Watched(every_minute).seconds_to_notice(5 * DAY) is None


def test_an_audience_with_a_few_changes_a_month_is_not_judged():
    assert Watched(list(range(0, 6 * WEEK, 2 * DAY))).seconds_to_notice(5 * WEEK) is None


def test_a_silence_that_proved_real_is_asked_about_again_once_it_is_twice_as_long():
    every_minute = list(range(0, 5 * WEEK, MINUTE))
    past = Past(tuple(range(0, 5 * WEEK, HOUR)), every_minute[-1440:], since=0)
    heard = every_minute[-1]
    vouched = heard + 45 * MINUTE
    assert is_unusual(past, heard=heard, now=heard + 45 * MINUTE)
    assert not is_unusual(past, heard=heard, now=heard + 89 * MINUTE, vouched=vouched)
    assert is_unusual(past, heard=heard, now=heard + 90 * MINUTE, vouched=vouched)
