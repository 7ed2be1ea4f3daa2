"""What workers tell one another of a pace, and what a person allows."""

import pytest

from usher.domain.pace import FORGET_SECONDS, LEAST_PER_SECOND, Limits, Pace
from usher.domain.worker import Standing, Stay, Worker, down_until, found_by

NOW = 1_000.0


def pace() -> Pace:
    return Pace(requests_per_second=None, max_in_flight=16)


def taught(*, found: float | None = 10.0, silent_until: float | None = None) -> Pace:
    made = pace()
    made.learn(found=found, silent_until=silent_until, now=NOW)
    return made


def slowed(*, retry_after: float | None = None) -> Pace:
    """A pace of 20 a second that was just throttled, and so found a rate."""
    made = pace()
    for number in range(40):
        made.answered(NOW - 1.9 + number / 40)
    throttle(made, NOW, retry_after=retry_after)
    return made


def throttle(made: Pace, now: float, *, retry_after: float | None = None) -> None:
    for _ in range(5):
        made.throttled(now, retry_after_seconds=retry_after)


def worker(number: int, **standing: Standing) -> Worker:
    return Worker(Stay(number, str(number)), "worker", "h", 1, lives_ms=1, standing=standing)


@pytest.mark.parametrize(
    ("per_second", "in_flight", "allows"),
    [(None, 1, True), (1.0, 1, True), (0.5, 2, True), (0, 1, False), (None, 0, False), (5.0, 0, False), (0, 0, False)],
)
def test_limits_allow_some_only_where_neither_is_nought(per_second: float | None, in_flight: int, allows: bool) -> None:
    assert Limits(per_second, in_flight).allow_some is allows


def test_other_limits_hold_from_now_on() -> None:
    made = pace()
    made.limit_to(Limits(4.0, 3))
    assert (made.per_second, made.max_in_flight) == (4.0, 3)
    made.limit_to(Limits(None, 5))
    assert (made.per_second, made.max_in_flight) == (None, 5)


def test_nothing_is_sent_at_a_rate_of_nought_but_it_is_asked_again_each_second() -> None:
    assert Pace(requests_per_second=0, max_in_flight=1).wait_seconds(NOW) == 1.0


def test_a_rate_that_others_found_is_taken_over_and_used_at_once() -> None:
    made = taught()
    assert made.per_second == made.found(NOW) == 10.0
    assert made.wait_seconds(NOW) == 0.0


def test_a_rate_found_here_is_not_given_up_for_another_s() -> None:
    made = taught()
    made.learn(found=3.0, silent_until=None, now=NOW + 1)
    assert made.found(NOW + 1) == 10.0


def test_from_others_who_found_nothing_there_is_nothing_to_learn() -> None:
    made = taught(found=None)
    assert made.per_second is None
    assert made.found(NOW) is None
    assert made.silent_until(NOW) is None


def test_learning_a_rate_does_not_send_the_next_request_earlier_than_one_s_own_spacing() -> None:
    made = taught(found=1.0)
    made.sent(NOW)
    made.sent(NOW)
    waited = made.wait_seconds(NOW)
    made.scale(1.0)
    made.learn(found=9.0, silent_until=None, now=NOW)
    assert made.wait_seconds(NOW) == waited > 1


def test_a_learnt_rate_is_spaced_from_when_it_was_learnt_not_from_the_beginning() -> None:
    made = taught(found=1.0)
    made.sent(NOW)
    assert made.wait_seconds(NOW) == 1.0


def test_from_the_first_moment_of_the_clock_something_may_be_sent() -> None:
    assert Pace(requests_per_second=1.0, max_in_flight=1).wait_seconds(0.0) == 0.0
    learner = pace()
    learner.learn(found=10.0, silent_until=None, now=0.0)
    assert learner.wait_seconds(0.0) == 0.0


def test_throttles_of_what_was_in_flight_slow_down_once_only() -> None:
    made = slowed()
    found = made.found(NOW)
    assert found is not None
    throttle(made, NOW + 1.0)
    assert made.found(NOW + 1.0) == found
    throttle(made, NOW + 1.001)
    assert (made.found(NOW + 1.001) or 0) < found


def test_an_answer_just_as_the_silence_ends_is_no_sign_of_calm() -> None:
    made = slowed(retry_after=5.0)
    made.answered(NOW + 5.0)
    assert made.found(NOW + FORGET_SECONDS + 1) is None


def test_a_found_rate_is_told_for_as_long_as_it_is_not_forgotten() -> None:
    made = taught()
    assert made.found(NOW + FORGET_SECONDS) == 10.0
    assert made.found(NOW + FORGET_SECONDS + 0.001) is None


def test_a_share_of_what_was_found_never_falls_below_the_least_rate() -> None:
    made = taught()
    made.scale(0.5)
    assert made.found(NOW) == 5.0
    made.scale(0.0001)
    assert made.found(NOW) == LEAST_PER_SECOND


def test_where_nothing_was_found_there_is_nothing_to_share() -> None:
    made = pace()
    made.scale(0.5)
    assert made.found(NOW) is None


def test_all_are_silent_for_as_long_as_any_was_told_to_be() -> None:
    made = taught(found=None, silent_until=NOW + 5)
    assert made.silent_until(NOW + 4.9) == NOW + 5
    assert made.silent_until(NOW + 5) is None
    made.learn(found=None, silent_until=NOW + 2, now=NOW)
    assert made.silent_until(NOW) == NOW + 5
    made.learn(found=None, silent_until=NOW + 9, now=NOW)
    assert made.silent_until(NOW) == NOW + 9
    assert made.wait_seconds(NOW) == 9.0


def test_mapp_is_down_until_the_latest_that_any_worker_says_of_this_account() -> None:
    crew = [worker(1, m=Standing(down_until_ms=5)), worker(2, m=Standing(down_until_ms=9)), worker(3, m=Standing())]
    assert down_until([*crew, worker(4, other=Standing(down_until_ms=99))], "m") == 9
    assert down_until([worker(1, m=Standing()), worker(2)], "m") is None
    assert down_until([], "m") is None


def test_a_share_of_a_found_rate_is_the_average_of_those_who_found_one() -> None:
    crew = [worker(1, m=Standing(4.0)), worker(2, m=Standing(8.0)), worker(3, m=Standing())]
    assert found_by([*crew, worker(4, other=Standing(99.0))], "m") == 6.0
    assert found_by([worker(1, m=Standing()), worker(2)], "m") is None
