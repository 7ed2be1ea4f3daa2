"""Places that are held: until when, for whom, and that nobody claims for a job that has left its place."""

from dataclasses import replace

import pytest

from tests.store.stores import HOLD_MS, LATER, Store, run, seen
from usher.domain.job import LIVE, Job, Status
from usher.domain.outcome import Accepted
from usher.store import jobs, trials
from usher.store.delivery import SqlDelivery
from usher.store.statements import LANE_BULK, LANE_LIVE

HERE, THERE = "here", "there"


def hold(store: Store, place: str, *, for_ms: int) -> int:
    until_ms = store.clock.now_ms() + for_ms
    store.write(lambda txn: trials.hold(txn, place, until_ms=until_ms))
    return until_ms


def held(store: Store, place: str) -> int | None:
    return store.read(lambda txn: trials.held_until(txn, place))


def newest_claim_end(store: Store, job: int = 1) -> int | None:
    return store.read(lambda txn: trials.newest_claim_end(txn, job, hold_ms=HOLD_MS))


@pytest.mark.parametrize(("first", "second", "stays"), [(9, 5, "first"), (5, 9, "second"), (5, 5, "first")])
def test_a_hold_is_made_longer_and_never_shorter(store: Store, first: int, second: int, stays: str) -> None:
    ends = {"first": hold(store, HERE, for_ms=first), "second": hold(store, HERE, for_ms=second)}
    assert held(store, HERE) == ends[stays]
    assert held(store, THERE) is None


def test_a_hold_is_over_at_its_moment_and_goes_with_the_next(store: Store) -> None:
    hold(store, HERE, for_ms=1_000)
    store.clock.pass_ms(999)
    assert held(store, HERE) is not None
    store.clock.pass_ms(1)
    assert held(store, HERE) is None
    hold(store, THERE, for_ms=1_000)
    assert store.fetch("SELECT place FROM trials") == [(THERE,)]


def test_a_trial_that_ends_lets_go_of_no_longer_hold(store: Store) -> None:
    until_ms = store.write(lambda txn: trials.begin_trial(txn, HERE, hold_ms=HOLD_MS))
    longer = hold(store, HERE, for_ms=HOLD_MS + 1)
    store.write(lambda txn: trials.end_trial(txn, HERE, until_ms=until_ms))
    assert held(store, HERE) == longer


@pytest.mark.parametrize("lane", [LANE_LIVE, LANE_BULK])
def test_the_newest_claim_that_lives_is_found_in_any_lane_and_is_over_once_settled(store: Store, lane: int) -> None:
    store.observe(seen("old", True, 1), seen("new", True, 1))
    store.write(lambda txn: txn.conn.exec_driver_sql(f"UPDATE ledger SET lane = {lane}") and None)
    assert newest_claim_end(store) is None
    (first,) = store.claim(lane=lane, limit=1)
    store.clock.pass_ms(10)
    (second,) = store.claim(lane=lane, limit=1)
    assert newest_claim_end(store) == second.token
    assert newest_claim_end(store, job=2) is None
    store.settle(second, Accepted())
    assert newest_claim_end(store) == first.token
    store.clock.pass_ms(HOLD_MS)
    assert newest_claim_end(store) is None


def test_a_wait_longer_than_any_claims_is_no_living_request(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), LATER, delay_ms=HOLD_MS + 1)
    assert newest_claim_end(store) is None


def claims_for(store: Store, job: Job) -> int | None:
    found = run(SqlDelivery(store.database, store.sql).claim(job, lane=LANE_LIVE, limit=9, hold_ms=HOLD_MS))
    return None if found is None else len(found)


@pytest.mark.parametrize("status", Status)
def test_nobody_claims_for_a_job_that_has_ended_whatever_they_were_told(store: Store, status: Status) -> None:
    job = store.add_job()
    store.observe(seen("jo", True, 1))
    store.write(lambda txn: jobs.change_job(txn, job.key, status=status))
    assert claims_for(store, job) == (1 if status in LIVE else None)
    assert (newest_claim_end(store) is None) == (status not in LIVE)


@pytest.mark.parametrize("column", ["config", "mapp_auth"])
def test_nobody_claims_for_the_place_that_a_job_has_left(store: Store, column: str) -> None:
    job = store.add_job()
    store.observe(seen("jo", True, 1))
    moved = {"config": replace(job.config, mapp_attribute_name="another"), "mapp_auth": "another"}[column]
    store.write(lambda txn: jobs.change_job(txn, job.key, **{column: moved}))
    assert claims_for(store, job) is None
    assert claims_for(store, store.job()) == 1


def test_a_job_that_only_got_another_name_is_claimed_for_by_who_knows_the_old_one(store: Store) -> None:
    job = store.add_job()
    store.observe(seen("jo", True, 1))
    store.write(lambda txn: jobs.change_job(txn, job.key, name="Renamed"))
    assert claims_for(store, job) == 1
