"""How fast one Mapp account may be spoken to, in virtual time."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.pace_world import PaceWorld, TokenBucket
from usher.domain.pace import FORGET_SECONDS, LEAST_PER_SECOND, Pace

START = 1_000.0
LIMITS = st.floats(0.05, 60) | st.sampled_from([0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 2.9, 3, 10, 33.3])


def free_pace():
    return Pace(requests_per_second=None, max_in_flight=16)


def limited_to(limit):
    return Pace(requests_per_second=limit, max_in_flight=16)


def slowed_pace(*, per_second=20.0, now=START):
    """A pace that *per_second* were answered by lately, and that was just throttled."""
    pace = free_pace()
    for n in range(round(per_second * 2)):
        pace.answered(now - 1.9 + n / (per_second * 2))
    throttle_often(pace, now, answered=round(per_second * 2))
    return pace


def throttle_often(pace, now, *, answered):
    """Throttle as often as only a rate that is too high can explain, *answered* being what got through lately."""
    for _ in range(2 + answered // 40):
        pace.throttled(now)


def most_within(times, seconds):
    """The most of *times* in any stretch of *seconds*, both its ends counted."""
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def sent_by_one_who_asks_after(pace, pauses):
    """Ask after each of *pauses* (None: after what the pace said); return when something was sent."""
    now, sent = START, []
    for pause in pauses:
        wait = pace.wait_seconds(now)
        if wait == 0:
            pace.sent(now)
            sent.append(now)
            continue
        now += wait if pause is None else pause
    return sent


def busy_world(per_second, *, depth=None, seed=1, **more):
    return PaceWorld(free_pace(), TokenBucket(per_second, depth or max(1, per_second / 10)), Random(seed), **more)


def test_nothing_is_held_back_before_anybody_said_so():
    pace = free_pace()
    for _ in range(1_000):
        assert pace.wait_seconds(START) == 0
        pace.sent(START)

    assert pace.per_second is None
    assert pace.room_for(15) == 1_000_000


@given(LIMITS, st.lists(st.none() | st.floats(0.001, 1.5), max_size=150))
def test_the_configured_limit_is_never_passed_in_any_closed_second(limit, pauses):
    sent = sent_by_one_who_asks_after(limited_to(limit), pauses)

    assert most_within(sent, 1.0) <= max(1, limit)
    assert limit > 1 or most_within(sent, 1 / limit) <= 1


@pytest.mark.parametrize(("limit", "in_ten_seconds"), [(0.5, 5), (1, 10), (1.5, 10), (2, 20), (10, 100), (100, 1_000)])
def test_the_configured_limit_is_used_but_for_a_twentieth(limit, in_ten_seconds):
    sent = sent_by_one_who_asks_after(limited_to(limit), [None] * 2_500)

    assert 0.95 * in_ten_seconds <= sum(at < START + 9.99 for at in sent) <= in_ten_seconds


def test_a_limit_holds_however_late_the_answers_come():
    pace = limited_to(5)
    for _ in range(5):
        pace.sent(START)
    pace.answered(START + 0.5)

    assert pace.wait_seconds(START + 0.5) == pytest.approx(0.55)
    assert pace.wait_seconds(START + 1.049) > 0
    assert pace.wait_seconds(START + 1.051) == 0


def test_a_limit_is_spread_over_its_second_so_that_what_comes_next_waits_for_a_moment_only():
    pace = limited_to(100)
    for _ in range(10):
        pace.sent(START)
    assert 0 < pace.wait_seconds(START) < 0.1
    assert pace.wait_seconds(START + 0.1) == 0


@pytest.mark.parametrize("per_second", [5, 37, 400])
@pytest.mark.parametrize("seconds_deep", [0.1, 1, 10])
def test_an_undisclosed_rate_is_found_within_a_minute_and_seldom_passed(per_second, seconds_deep):
    world = busy_world(per_second, depth=max(1, per_second * seconds_deep))
    world.run(105)
    taken = sum(at >= 60 for at in world.taken)
    throttled = sum(at >= 60 for at in world.throttled)

    assert taken / 45 == pytest.approx(per_second, rel=0.15)
    assert throttled < 0.05 * (taken + throttled)


@pytest.mark.parametrize("per_second", [35, 200])
@pytest.mark.parametrize("seconds_deep", [0.1, 1])
def test_an_undisclosed_rate_is_kept_to_though_each_throttle_costs_a_second_of_silence(per_second, seconds_deep):
    world = busy_world(per_second, depth=per_second * seconds_deep, retry_after_seconds=1.0)
    world.run(120)
    taken = sum(at >= 60 for at in world.taken)
    throttled = sum(at >= 60 for at in world.throttled)

    assert taken / 60 == pytest.approx(per_second, rel=0.1)
    assert throttled < 0.02 * (taken + throttled)


def test_throttles_that_come_at_whatever_rate_slow_nobody_for_long():
    chance = TokenBucket(1, 1)
    draws = Random(3)
    chance.takes = lambda now: draws.random() >= 0.0005
    world = PaceWorld(free_pace(), chance, Random(1), retry_after_seconds=1.0)
    world.run(120)
    taken = sum(at >= 60 for at in world.taken)
    with_every_silence = 800 / (1 + 800 * 0.0005)

    assert taken / 60 > 0.8 * with_every_silence


def test_the_rate_that_brought_a_long_silence_is_not_tried_again_soon():
    pace = slowed_pace()
    for second in range(1, 20):
        pace.answered(START + second)
    tried = pace.per_second
    pace.throttled(START + 20, retry_after_seconds=2)
    for second in range(22, 20 + 2 + 60):
        pace.answered(START + second)
    held = pace.per_second
    for second in range(82, 100):
        pace.answered(START + second)

    assert held == pytest.approx(0.95 * tried)
    assert pace.per_second > tried


@pytest.mark.parametrize(("before", "after"), [(40, 8), (8, 40)])
def test_a_rate_that_changes_is_found_again(before, after):
    world = busy_world(before, depth=4)
    world.run(60)
    world.server.per_second = after
    world.run(135, since=60)
    taken = sum(at >= 105 for at in world.taken)

    assert taken / 30 == pytest.approx(after, rel=0.15)


def test_the_configured_limit_holds_while_a_lower_rate_is_sought():
    world = PaceWorld(limited_to(30), TokenBucket(20, 5), Random(1))
    world.run(90)

    assert most_within(world.sent, 1.0) <= 30
    assert sum(at >= 60 for at in world.taken) / 30 == pytest.approx(20, rel=0.15)


@pytest.mark.parametrize("retry_after_seconds", [1.0, 7.5, 60.0])
def test_nothing_is_sent_until_mapp_wants_to_hear_again(retry_after_seconds):
    world = busy_world(20, retry_after_seconds=retry_after_seconds)
    world.run(200)
    gaps = [min((at - said for at in world.sent if at > said), default=999) for said in world.throttled]

    assert len(gaps) > 2
    assert min(gaps) >= retry_after_seconds
    assert world.sent[-1] > 100


def test_of_several_waits_that_mapp_asked_for_the_longest_counts():
    pace = free_pace()
    pace.throttled(START, retry_after_seconds=30)
    pace.throttled(START + 1, retry_after_seconds=5)
    pace.throttled(START + 2)

    assert pace.wait_seconds(START + 3) == pytest.approx(27)
    assert pace.wait_seconds(START + 30) < 27


@pytest.mark.parametrize("asked", [0.0, None])
def test_a_throttle_that_asks_for_no_wait_only_slows_down(asked):
    pace = slowed_pace()
    pace.throttled(START, retry_after_seconds=asked)

    assert pace.wait_seconds(START) == pytest.approx(1 / pace.per_second)


def test_a_throttle_slows_to_a_little_less_than_what_got_through():
    assert slowed_pace(per_second=20).per_second == pytest.approx(19)


def test_answers_to_what_was_already_in_flight_slow_down_no_further():
    pace = slowed_pace()
    for n in range(20):
        pace.throttled(START + n / 20)

    assert pace.per_second == pytest.approx(19)

    pace.throttled(START + 1.1)
    assert pace.per_second < 19


def test_a_rate_far_above_what_gets_through_falls_to_it_at_once():
    pace = slowed_pace(per_second=100)
    for n in range(8):
        pace.answered(START + 8.1 + n / 4)
    found = pace.per_second
    pace.throttled(START + 10)

    assert found > 90
    assert pace.per_second == pytest.approx(0.95 * 4)


def test_what_got_through_long_ago_says_nothing():
    pace = slowed_pace(per_second=100)
    for n in range(4):
        pace.answered(START + 3 + n / 10)
    found = pace.per_second
    pace.throttled(START + 10)

    assert pace.per_second == pytest.approx(0.95 * found)


def test_what_got_through_lately_never_raises_the_rate():
    pace = slowed_pace(per_second=10)
    for n in range(400):
        pace.answered(START + 1.1 + n / 1_000)
    found = pace.per_second
    throttle_often(pace, START + 1.6, answered=400)

    assert pace.per_second == pytest.approx(0.95 * found)


def test_throttles_by_chance_slow_nothing():
    pace, rng = free_pace(), Random(7)
    for n in range(20_000):
        if rng.random() < 0.005:
            pace.throttled(START + n / 500)
        else:
            pace.answered(START + n / 500)

    assert pace.per_second is None


def test_an_account_that_takes_nothing_is_asked_now_and_then():
    pace = free_pace()
    for n in range(200):
        pace.throttled(START + 2 * n)
    now = START + 400

    assert pace.per_second == LEAST_PER_SECOND
    assert 0 < pace.wait_seconds(now - 2) <= 5
    assert pace.room_for(2) == 1
    assert pace.room_for(60) == 12


def test_the_rate_rises_gently_at_first_and_then_ever_faster():
    pace, rates = slowed_pace(), []
    for second in range(1, 31):
        pace.answered(START + second)
        rates.append(pace.per_second)
    steps = [after / before - 1 for before, after in pairwise(rates)]

    assert rates[0] == pytest.approx(19 * 1.005)
    assert steps == pytest.approx([0.005 * second for second in range(2, 31)])


def test_the_rate_rises_with_time_and_not_with_the_number_of_answers():
    often, seldom = slowed_pace(), slowed_pace()
    for n in range(1, 101):
        often.answered(START + n / 10)
    for second in range(1, 11):
        seldom.answered(START + second)

    assert often.per_second == pytest.approx(seldom.per_second, rel=0.1)


def test_no_rest_more_than_doubles_the_rate():
    pace = slowed_pace()
    pace.answered(START + 100)

    assert pace.per_second == pytest.approx(38)


def test_a_silence_that_mapp_asked_for_is_no_sign_that_more_would_do():
    pace = slowed_pace()
    pace.throttled(START, retry_after_seconds=60)
    pace.answered(START + 0.1)
    pace.answered(START + 59)
    assert pace.per_second == pytest.approx(19)

    pace.answered(START + 62)
    assert 19 < pace.per_second < 19 * 2


def test_a_found_rate_is_forgotten_after_two_minutes_without_a_throttle():
    pace = slowed_pace()
    pace.answered(START + FORGET_SECONDS)
    assert pace.per_second is not None

    pace.answered(START + FORGET_SECONDS + 0.1)
    assert pace.per_second is None
    assert pace.wait_seconds(START + 121) == 0
    assert FORGET_SECONDS == 120


def test_a_found_rate_spaces_requests_out():
    pace = slowed_pace(per_second=20)
    pace.sent(START + 1)

    assert pace.wait_seconds(START + 1) == pytest.approx(1 / 19, abs=0.021)
    assert pace.wait_seconds(START + 1.1) == 0


def test_a_rest_is_not_made_good_by_a_burst():
    pace = slowed_pace(per_second=20)
    sent = 0
    while pace.wait_seconds(START + 50) == 0:
        pace.sent(START + 50)
        sent += 1

    assert sent <= 2


def test_a_timer_that_wakes_late_costs_nothing():
    pace, now, sent = slowed_pace(per_second=20), START + 1, 0
    while now < START + 11:
        pace.sent(now)
        sent += 1
        now += pace.wait_seconds(now) + 0.015

    assert sent == pytest.approx(190, abs=2)


@pytest.mark.parametrize(("limit", "per_second"), [(None, 19), (30, 19), (10, 10)])
def test_the_lower_of_both_limits_is_in_force(limit, per_second):
    pace = Pace(requests_per_second=limit, max_in_flight=16)
    for n in range(40):
        pace.answered(START - 1.9 + n / 40)
    throttle_often(pace, START, answered=40)

    assert pace.per_second == pytest.approx(per_second)
    assert pace.room_for(10) == 10 * per_second


@pytest.mark.parametrize(("seconds", "room"), [(0, 1), (0.4, 1), (1, 2), (15, 37)])
def test_there_is_room_for_what_can_be_sent_in_time_and_at_least_for_one(seconds, room):
    assert limited_to(2.5).room_for(seconds) == room


def test_what_was_answered_lately_is_what_was_answered_in_two_seconds():
    pace = free_pace()
    for n in range(1, 101):
        pace.answered(START + n / 10)

    assert pace.answered_per_second == 10
    assert free_pace().answered_per_second == 0


def test_memory_does_not_grow_with_what_was_sent():
    pace = limited_to(50)
    sent_by_one_who_asks_after(pace, [None] * 5_000)
    for n in range(5_000):
        pace.answered(START + n / 50)

    assert len(pace._sent) <= 51
    assert len(pace._answered) <= 101


def test_a_rate_that_fell_by_far_for_throttles_in_a_pause_is_soon_back() -> None:
    pace = Pace(requests_per_second=None, max_in_flight=64)
    for tick in range(10_000):
        pace.answered(tick / 1_000)
    for moment in (20.0, 20.5):
        pace.answered(moment)
        pace.throttled(moment)
    assert pace.per_second is not None
    assert pace.per_second < 1
    now = 20.5
    while pace.per_second is not None and pace.per_second < 5:
        now += 1 / pace.per_second
        pace.answered(now)
    assert now < 32


def test_a_rate_that_fell_by_far_because_mapp_takes_less_is_tried_again_only_once() -> None:
    pace = Pace(requests_per_second=None, max_in_flight=64)
    for tick in range(3_000):
        pace.answered(tick / 1_000)
    asked = throttled = 0
    now, room, looked = 3.0, 0.0, 3.0
    while now < 123.0:
        now += 1 / min(pace.per_second or 1_000.0, 1_000.0)
        room, looked = min(5.0, room + (now - looked) * 10), now
        has_settled = now >= 63.0
        asked += has_settled
        if room >= 1:
            room -= 1
            pace.answered(now)
        else:
            throttled += has_settled
            pace.throttled(now)
    assert throttled <= 0.05 * asked
    assert asked >= 0.8 * 10 * 60
