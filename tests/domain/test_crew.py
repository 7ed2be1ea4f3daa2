"""Shares: dealt so that they add up to the limit, whatever view each worker has; and when they may be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.crew import (
    LEASE_SLACK_SECONDS,
    WINDOW_SPARE_SECONDS,
    Crew,
    Seat,
    crew_of,
    lives_ms,
    rate_share,
    share_of,
    window_seconds,
)
from usher.domain.worker import Standing, Stay, Worker, job_of_lease, scan_lease, silent_until

LIMITS = st.integers(0, 10_000)
SIZES = st.integers(1, 50)
A, B, C = Stay(1, "a"), Stay(2, "b"), Stay(3, "c")
WINDOW = 1 + WINDOW_SPARE_SECONDS


def worker(stay: Stay, *knows: Stay, **standing: Standing) -> Worker:
    return Worker(stay, "worker", "h", 1, lives_ms=7_000, knows=frozenset(knows), standing=standing)


def seat_of(me: Stay, *workers: Worker, at: float = 0.0, is_alone: bool = False) -> Seat:
    return Seat(me.id, is_alone=is_alone).show(workers, begun=at, now=at)


@pytest.mark.parametrize(
    ("limit", "of", "dealt"),
    [(64, 1, [64]), (64, 3, [22, 21, 21]), (2, 3, [1, 1, 0]), (0, 2, [0, 0]), (1, 2, [1, 0])],
    ids=str,
)
def test_tokens_are_dealt_round(limit: int, of: int, dealt: list[int]) -> None:
    assert [share_of(limit, rank=rank, of=of) for rank in range(of)] == dealt


@given(limit=LIMITS, of=SIZES)
def test_shares_sum_to_the_limit(limit: int, of: int) -> None:
    assert sum(share_of(limit, rank=rank, of=of) for rank in range(of)) == limit


@given(limit=LIMITS, of=st.integers(2, 50), data=st.data())
def test_somebody_elses_going_never_lowers_a_share_and_coming_never_raises_it(
    limit: int, of: int, data: st.DataObject
) -> None:
    mine = data.draw(st.integers(0, of - 1))
    gone = data.draw(st.integers(0, of - 1).filter(lambda rank: rank != mine))
    alone = share_of(limit, rank=mine - (gone < mine), of=of - 1)
    assert share_of(limit, rank=mine, of=of) <= alone


@given(limit=LIMITS, views=st.lists(st.sets(st.integers(5, 20)), min_size=5, max_size=5))
def test_workers_that_see_one_another_never_pass_the_limit_whomever_else_each_sees(
    limit: int, views: list[set[int]]
) -> None:
    """Each of 0..4 sees at least these five, mixed in some order with others that only it sees."""
    place = {number: (number * 7) % 23 for number in range(21)}
    total = 0
    for me, others in enumerate(views):
        order = sorted({0, 1, 2, 3, 4} | others, key=lambda one: place[one])
        total += share_of(limit, rank=order.index(me), of=len(order))
    assert total <= limit


@pytest.mark.parametrize(
    ("per_second", "dealt"),
    [(None, [None, None]), (5, [3.0, 2.0]), (5.9, [3.0, 2.0]), (1, [1.0, 0.0]), (0.5, [0.5, 0.0])],
    ids=str,
)
def test_a_rate_is_dealt_in_whole_requests_and_a_slow_one_is_the_first_workers(
    per_second: float | None, dealt: list[float | None]
) -> None:
    assert [rate_share(per_second, rank=rank, of=2) for rank in range(2)] == dealt


@given(per_second=st.floats(0.001, 10_000), of=SIZES)
def test_shares_of_a_rate_never_pass_it(per_second: float, of: int) -> None:
    shares = [rate_share(per_second, rank=rank, of=of) or 0.0 for rank in range(of)]
    assert sum(shares) == (int(per_second) if per_second >= 1 else per_second)


def test_whoever_came_first_stands_first() -> None:
    crew = crew_of([worker(C, A, B, C), worker(A, A, B, C), worker(B, A, B, C)], "b")
    assert (crew.stays, crew.rank, crew.size) == ((A, B, C), 1, 3)


@pytest.mark.parametrize(
    ("first_knows", "may"),
    [((A, B), True), ((A,), False), ((), False), ((A, Stay(1, "b")), False)],
    ids=["known", "unknown", "knows-nobody", "known-by-an-earlier-stay"],
)
def test_one_that_joined_waits_until_those_before_it_know_it(first_knows: tuple[Stay, ...], may: bool) -> None:
    crew = crew_of([worker(A, *first_knows), worker(B)], "b")
    assert crew.may_send == may
    assert crew.share_of(10) == (5 if may else 0)
    assert crew.rate_share(None) == (None if may else 0.0)


def test_nobody_waits_for_one_that_joined_later() -> None:
    assert crew_of([worker(A, A), worker(B)], "a").may_send


def test_before_the_first_beat_nothing_may_be_sent() -> None:
    seat = Seat("a")
    assert not seat.may_claim(0.0)
    assert (seat.crew.share_of(10), seat.rate_share(10, 0.0), seat.rate_share(None, 0.0)) == (0, 0.0, 0.0)
    assert Crew().size == 0


@pytest.mark.parametrize(("age", "may"), [(0.0, True), (4.9, True), (LEASE_SLACK_SECONDS, False)], ids=str)
def test_claiming_ends_when_the_last_beat_began_too_long_ago(age: float, may: bool) -> None:
    assert seat_of(A, worker(A, A), at=100.0).may_claim(100.0 + age) == may


def test_the_age_of_a_beat_counts_from_its_beginning() -> None:
    seat = Seat("a").show([worker(A, A)], begun=100.0, now=104.0)
    assert seat.may_claim(104.9)
    assert not seat.may_claim(105.0)


def test_a_worker_is_taken_for_dead_only_when_its_room_is_over() -> None:
    alive = Worker(A, "worker", "h", 1, lives_ms=lives_ms(send_room_seconds=15), seen_ms=1_000)
    assert (alive.is_alive(20_999), alive.is_alive(21_000)) == (True, False)


def test_a_smaller_share_counts_at_once_and_a_larger_one_a_window_later() -> None:
    alone, two = [worker(A, A)], [worker(A, A, B), worker(B)]
    seat = seat_of(A, *alone)
    assert (seat.rate_share(10, 0.5), seat.rate_share(10, WINDOW)) == (0.0, 10.0)
    seat = seat.show(two, begun=20.0, now=20.0)
    assert seat.rate_share(10, 20.0) == 5.0
    seat = seat.show(alone, begun=30.0, now=30.0)
    assert (seat.rate_share(10, 30.0 + WINDOW - 0.001), seat.rate_share(10, 30.0 + WINDOW)) == (5.0, 10.0)


def test_a_share_that_was_larger_only_for_a_moment_is_not_used() -> None:
    seat = seat_of(A, worker(A, A, B), worker(B))
    seat = seat.show([worker(A, A)], begun=20.0, now=20.0).show([worker(A, A), worker(B)], begun=20.5, now=20.5)
    assert [seat.rate_share(10, at) for at in (20.5, 21.2, 30.0)] == [5.0] * 3


def test_a_share_of_a_former_stay_counts_for_nothing() -> None:
    again = Stay(9, "a")
    seat = seat_of(A, worker(A, A)).show([worker(again)], begun=50.0, now=50.0)
    assert (seat.rate_share(10, 50.0), seat.rate_share(10, 50.0 + WINDOW)) == (0.0, 10.0)


def test_a_slow_rate_grows_only_when_one_request_of_it_had_its_time() -> None:
    seat = seat_of(B, worker(A, A, B), worker(B)).show([worker(B)], begun=50.0, now=50.0)
    assert (seat.rate_share(0.1, 59.9), seat.rate_share(0.1, 60.1)) == (0.0, 0.1)
    assert window_seconds(0.0001) < 601


def test_without_a_limit_there_is_nothing_to_wait_for_once_known() -> None:
    assert seat_of(A, worker(A, A)).rate_share(None, 0.0) is None


def test_where_nobody_else_can_work_the_whole_share_counts_at_once() -> None:
    seat = seat_of(A, worker(A), at=7.0, is_alone=True)
    assert seat.may_claim(7.0)
    assert (seat.rate_share(10, 7.0), seat.rate_share(0.1, 7.0), seat.crew.share_of(64)) == (10.0, 0.1, 64)


def test_only_what_was_taken_into_account_is_said_to_be_known() -> None:
    seat = seat_of(A, worker(A, A), worker(B))
    assert seat.adopted == frozenset()
    assert seat.adopt(seat.crew).adopted == {A, B}


def test_crews_are_remembered_no_longer_than_the_longest_window() -> None:
    seat = seat_of(A, worker(A, A))
    for turn in range(1, 2_000):
        others = [worker(B)] if turn % 2 else []
        seat = seat.show([worker(A, A), *others], begun=float(turn), now=float(turn))
    assert len(seat.shown) < 605


def test_an_authorization_is_left_alone_as_long_as_anybody_was_told() -> None:
    told = [
        worker(A, mapp1=Standing(silent_until_ms=500)),
        worker(B, mapp1=Standing(silent_until_ms=900), mapp2=Standing()),
        worker(C, mapp1=Standing()),
    ]
    assert [silent_until(told, auth) for auth in ("mapp1", "mapp2", "mapp3")] == [900, None, None]


@pytest.mark.parametrize(("name", "job"), [(scan_lease(12), 12), ("prune", None), ("scan x", None)], ids=str)
def test_the_lease_on_a_scan_names_its_job(name: str, job: int | None) -> None:
    assert job_of_lease(name) == job
