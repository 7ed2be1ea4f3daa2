"""Where each sign of an unusual silence begins, to the second and to the hour."""

from itertools import chain

import pytest

from usher.domain import silence
from usher.domain.silence import DAY, HOUR, MINUTE, WEEK, Past, is_unusual

T = 3_000 * WEEK  # the start of an hour, in our days
YOUNG = T - WEEK


def test_the_signs_are_judged_by_these_figures():
    assert (MINUTE, HOUR, DAY, WEEK) == (60, 3_600, 86_400, 604_800)
    assert (silence.LEAST_SECONDS, silence.STRETCH, silence.MINUTES_SPEAK_FOR) == (1_800, 14_400, 7_200)
    assert silence.SPANS == ((DAY, 7), (WEEK, 4))
    assert (silence.BUSY_MINUTES, silence.TIMES_LONGEST, silence.FEWEST_HOURS) == (15, 3, 20)
    assert silence.LOOKS_BACK == 29 * DAY


def busy(*, before: int = 15, yesterday: int = 15, without_day: int | None = None, heard: int = T) -> Past:
    """Changes every two minutes before *heard*, and as many a day ago; an hour with some on each of seven days."""
    hours = sorted(heard - heard % HOUR - back * DAY for back in range(1, 8) if back != without_day)
    then = [heard - DAY + 2 * MINUTE * number for number in range(yesterday)]
    lately = [heard - 2 * MINUTE * number for number in reversed(range(before))]
    return Past(hours, [*then, *lately], since=heard - WEEK)


def test_half_an_hour_without_a_change_is_unusual_where_there_was_one_every_other_minute():
    assert is_unusual(busy(), heard=T, now=T + 30 * MINUTE) is True
    assert is_unusual(busy(), heard=T, now=T + 30 * MINUTE - 1) is False


def test_a_week_is_what_it_takes_to_learn():
    past = busy()
    assert is_unusual(past, heard=T, now=T + HOUR) is True
    younger = Past(past.hours, past.minutes, since=past.since + 1)
    assert is_unusual(younger, heard=T, now=T + HOUR) is False


@pytest.mark.parametrize(("before", "yesterday", "expected"), [(15, 15, True), (14, 15, False), (15, 14, False)])
def test_minutes_speak_where_fifteen_had_changes_lately_and_a_day_ago(before: int, yesterday: int, expected: bool):
    past = busy(before=before, yesterday=yesterday)
    assert silence._is_beyond_minutes(past, T, T + 30 * MINUTE) is expected


@pytest.mark.parametrize("missing", range(1, 8))
@pytest.mark.parametrize("heard", [T, T + 29 * MINUTE])
def test_minutes_do_not_speak_where_one_of_seven_days_had_none_at_that_time(missing: int, heard: int):
    assert silence._is_beyond_minutes(busy(heard=heard), heard, heard + 30 * MINUTE) is True
    assert silence._is_beyond_minutes(busy(heard=heard, without_day=missing), heard, heard + 30 * MINUTE) is False


def test_minutes_speak_for_two_hours_and_no_longer():
    every_minute = [T - DAY + MINUTE * number for number in range(1_441)]
    past = Past(busy().hours, every_minute, since=YOUNG)
    assert silence._is_beyond_minutes(past, T, T + 2 * HOUR) is True
    assert silence._is_beyond_minutes(past, T, T + 2 * HOUR + 1) is False


def test_minutes_ask_for_more_than_three_times_the_longest_pause_of_four_hours():
    lately = sorted(chain((T - MINUTE * number for number in range(15)), [T - 14 * MINUTE - 9 * MINUTE]))
    then = [T - DAY + MINUTE * number for number in range(30)]
    past = Past(busy().hours, [*then, *lately], since=YOUNG)
    assert silence._is_beyond_minutes(past, T, T + 30 * MINUTE) is False  # 3 times 9 minutes and one
    assert silence._is_beyond_minutes(past, T, T + 30 * MINUTE + 1) is True


def every_hour(*, back: int = 29 * DAY) -> Past:
    return Past(list(range(T - back, T + 1, HOUR)), [], since=T - back)


def test_the_clock_counts_whole_hours_that_passed():
    heard = T + 10 * MINUTE
    assert silence._is_beyond_clock(every_hour(), heard, T + 6 * HOUR - 1) is False
    assert silence._is_beyond_clock(every_hour(), heard, T + 6 * HOUR) is True


@pytest.mark.parametrize(
    ("spans", "hours", "active", "expected"),
    [
        (7, 4, [4] * 7, False),
        (7, 5, [5] * 7, True),
        (4, 5, [5] * 4, True),
        (4, 7, [6, 6, 6, 7], True),
        (4, 8, [7, 7, 7, 6], False),
        (7, 6, [6, 6, 3, 6, 6, 6, 6], True),
        (7, 7, [7, 7, 3, 7, 7, 7, 7], False),
        (7, 8, [0, 8, 8, 8, 8, 8, 8], False),
        (7, 8, [8, 8, 8, 8, 8, 8, 0], False),
    ],
)
def test_hours_are_seldom_empty_once_in_a_million_and_half_full_each_time(
    spans: int, hours: int, active: list[int], expected: bool
):
    asked = range(T, T + hours * HOUR, HOUR)
    known = frozenset(
        T + hour * HOUR - back * DAY for back, count in enumerate(active, start=1) for hour in range(count)
    )
    assert silence._is_seldom_empty(asked, known, step=DAY, spans=spans) is expected


@pytest.mark.parametrize(("step", "spans"), [(DAY, 7), (WEEK, 4)])
def test_a_rhythm_of_days_or_of_weeks_is_enough(step: int, spans: int):
    hours = sorted(T + hour * HOUR - back * step for back in range(1, spans + 1) for hour in range(1, 12))
    assert silence._is_beyond_clock(Past(hours, [], since=0), T, T + 12 * HOUR) is True


def with_pauses(count: int, *, longest: int) -> Past:
    """So many hours with changes that end with the one before T, the first two *longest* hours apart."""
    hours = [T - number * HOUR for number in range(1, count)]
    return Past(sorted([*hours, hours[-1] - longest * HOUR]), [], since=0)


def test_pauses_ask_for_more_than_three_times_the_longest():
    past = with_pauses(20, longest=9)
    assert silence._is_beyond_pauses(past, T, T + 30 * HOUR) is False  # 3 times 9 hours and one
    assert silence._is_beyond_pauses(past, T, T + 30 * HOUR + 1) is True


def test_pauses_speak_where_twenty_hours_had_changes():
    assert silence._is_beyond_pauses(with_pauses(19, longest=1), T, T + DAY) is False
    assert silence._is_beyond_pauses(with_pauses(20, longest=1), T, T + DAY) is True


def test_pauses_of_more_than_four_weeks_ago_are_forgotten():
    lately = list(range(T - 4 * WEEK, T + 1, HOUR))
    past = Past([T - 5 * WEEK + 1, *lately], [], since=0)
    assert silence._is_beyond_pauses(past, T, T + DAY) is True


def test_the_pause_that_leads_up_to_the_end_counts_too():
    assert silence._longest_pause([0, 100], 0, 500, step=10) == 410
    assert silence._longest_pause([0, 300, 400], 0, 500, step=10) == 310
