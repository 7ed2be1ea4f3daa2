"""
When it is unusual that no trigger came for so long: judged by the job's own past, never by a fixed time.

Any one of three signs is enough:

- minutes, for up to 2 hours: in as long a time just before, and at the same time yesterday, 15 or more had changes,
  and it is more than 3 times the longest pause of the 4 hours before;
- the clock: hours like those that passed, on the last 7 days or on that weekday of the last 4 weeks, were so seldom
  empty that as many empty ones in a row come once in a million times;
- pauses: more than 3 times the longest pause of 4 weeks that had changes in 20 hours or more.

Changes that come together count once, and the emptiest day must be half full: so neither a burst nor a weekend passes
for a rhythm. Hours that differ make the clock's sign weaker, never stronger: a product of shares is at most the mean
share to the same power. How often it is wrong is measured by a test, over nights, weekends and bursts.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
LEAST_SECONDS = 30 * MINUTE
BUSY_MINUTES = 15
STRETCH = 4 * HOUR
MINUTES_SPEAK_FOR = 2 * HOUR  # beyond that, a busy stretch and a quiet one pass for one
SPANS = ((DAY, 7), (WEEK, 4))
CHANCE = 1e-6
TIMES_LONGEST, FEWEST_HOURS = 3, 20
LEARNING = WEEK  # a younger job is not judged
LOOKS_BACK = 4 * WEEK + DAY
TIMES_VOUCHED = 2  # a silence that proved real is asked about again once it is twice as long


@dataclass(frozen=True, slots=True)
class Past:
    """
    When a job's audience changed; all in seconds since 1970, earliest first.

    Args:
        hours: the starts of hours with a change, within LOOKS_BACK.
        minutes: the starts of minutes with a change, within a day or so.
        since: when the first trigger came.
    """

    hours: Sequence[int]
    minutes: Sequence[int]
    since: int


def is_unusual(past: Past, *, heard: int, now: int, vouched: int = 0) -> bool:
    """
    Return whether it is unusual that nothing came from *heard* to *now*.

    Args:
        heard: when the last trigger came, in seconds since 1970, as all of these.
        vouched: until when a comparison of the whole audience showed that nobody was missed.
    """
    silence = now - heard
    if heard - past.since < LEARNING or silence < max(LEAST_SECONDS, TIMES_VOUCHED * (vouched - heard)):
        return False
    signs = (_is_beyond_minutes, _is_beyond_clock, _is_beyond_pauses)
    return any(sign(past, heard, now) for sign in signs)


def _is_beyond_minutes(past: Past, heard: int, now: int) -> bool:
    if now - heard > MINUTES_SPEAK_FOR:
        return False
    before = _count(past.minutes, heard - (now - heard), heard)
    yesterday = _count(past.minutes, heard - DAY, now - DAY)
    if min(before, yesterday) < BUSY_MINUTES or not _has_each_day(past, heard, now):
        return False
    return now - heard > TIMES_LONGEST * _longest_pause(past.minutes, heard - STRETCH, heard, step=MINUTE)


def _has_each_day(past: Past, heard: int, now: int) -> bool:
    """Whether something came within these hours on each of the last 7 days: a Friday says nothing of a Saturday."""
    return all(_count(past.hours, heard - heard % HOUR - back * DAY, now - back * DAY) for back in range(1, 8))


def _count(moments: Sequence[int], since: int, until: int) -> int:
    return bisect_right(moments, until) - bisect_left(moments, since)


def _is_beyond_clock(past: Past, heard: int, now: int) -> bool:
    hours = range(heard - heard % HOUR + HOUR, now - HOUR + 1, HOUR)
    known = frozenset(past.hours)
    return any(_is_seldom_empty(hours, known, step=step, spans=spans) for step, spans in SPANS)


def _is_seldom_empty(hours: range, known: frozenset[int], *, step: int, spans: int) -> bool:
    active = [sum(hour - back * step in known for hour in hours) for back in range(1, spans + 1)]
    asked = len(hours) * spans
    share_empty = (asked - sum(active) + 1) / (asked + 1)
    return 2 * min(active) >= len(hours) and share_empty ** len(hours) < CHANCE


def _is_beyond_pauses(past: Past, heard: int, now: int) -> bool:
    began = heard - 4 * WEEK
    if _count(past.hours, began, heard) < FEWEST_HOURS:
        return False
    return now - heard > TIMES_LONGEST * _longest_pause(past.hours, began, heard, step=HOUR)


def _longest_pause(moments: Sequence[int], since: int, until: int, *, step: int) -> int:
    """Return how long a pause was at most: a bucket of *step* seconds does not say when in it something came."""
    within = moments[bisect_left(moments, since) : bisect_right(moments, until)]
    return max(later - earlier for earlier, later in pairwise([*within, until])) + step
