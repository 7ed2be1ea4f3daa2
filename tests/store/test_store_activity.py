"""Activity is counted with what it counts, by minute and hour, and goes when it is old or its job is deleted."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.clocks import NOON_MS, ManualClock
from tests.store.stores import JOB, NO_SUCH_USER, Store, all_in, names, prune_all, run, seen
from usher.domain.claim import Settlement
from usher.domain.delays import delay_name
from usher.domain.job import Status
from usher.domain.observation import NS_PER_MS, Source
from usher.domain.outcome import Accepted, Unknown
from usher.store import activity, ledger, notes, scans
from usher.store.activity import FORGET_STEPS, KEEP_SECONDS, PIECE_STEPS
from usher.store.database import HOUR, MINUTE, ThreadedDatabase, Txn
from usher.store.opening import FILE_NAME
from usher.store.sqlite import reader_engine, writer_engine
from usher.store.statements import LANE_BULK
from usher.store.supervision import SqlJobs

NOON = NOON_MS // 1000
NOW = NOON_MS * NS_PER_MS


def counted(store: Store, step: int = MINUTE, job: int = JOB) -> dict[str, int]:
    """What was counted in all, delays left out."""
    asked = "SELECT name, SUM(value) FROM activity WHERE job = :job AND step = :step GROUP BY name"
    return {name: value for name, value in store.fetch(asked, job=job, step=step) if not name.startswith("d")}


def delays(store: Store) -> dict[str, int]:
    asked = "SELECT name, value FROM activity WHERE step = 60 AND name LIKE 'd%'"
    return dict(store.fetch(asked))


def put(store: Store, *starts: int, step: int = MINUTE, job: int = JOB, name: str = "entered") -> None:
    """Count one of *name* in each of the buckets that begin at *starts*."""
    rows = [{"job": job, "step": step, "at": at, "name": name, "value": 1} for at in starts]
    insert = text("INSERT INTO activity (job, step, at, name, value) VALUES (:job, :step, :at, :name, :value)")

    def work(txn: Txn) -> None:
        txn.conn.execute(insert, rows)

    store.write(work)


def test_who_enters_and_exits_is_counted_in_the_minute_and_in_the_hour(store: Store) -> None:
    store.observe(seen("al", True, 1), seen("bo", True, 1))
    store.observe(seen("bo", False, 2))
    store.clock.pass_ms(60_000)
    store.observe(seen("al", False, 2))

    assert counted(store, MINUTE) == counted(store, HOUR) == {"entered": 2, "exited": 2}
    starts = {at for (at,) in store.fetch("SELECT at FROM activity WHERE step = 60")}
    assert starts == {NOON - NOON % 60, NOON - NOON % 60 + 60}
    assert store.fetch("SELECT DISTINCT at FROM activity WHERE step = 3600") == [(NOON - NOON % 3600,)]


def test_what_is_no_news_is_not_counted(store: Store) -> None:
    store.observe(seen("jo", True, 5))
    store.observe(seen("jo", True, 9))
    store.observe(seen("jo", False, 3))

    assert counted(store) == {"entered": 1}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source.TRIGGER, {"entered": 2}),
        (Source.RECONCILE, {"entered": 2}),
        (Source.BACKFILL, {}),
        (Source.BASELINE, {}),
    ],
)
def test_what_a_first_scan_finds_is_no_change(store: Store, source: Source, expected: dict[str, int]) -> None:
    store.observe(*all_in(["al", "bo"]), source=source)

    assert counted(store) == expected


def test_those_whom_a_whole_scan_did_not_find_exited(store: Store) -> None:
    store.observe(*all_in(["al", "bo"]), source=Source.BACKFILL)
    store.write(lambda txn: ledger.leave(txn, store.sql, JOB, version=9, after="", upto=None))

    assert counted(store) == {"exited": 2}


def test_acceptances_are_counted_by_lane_and_match_what_was_sent(store: Store) -> None:
    store.observe(*all_in(names(3), NOW))
    store.observe(*all_in(names(5, "b")), source=Source.BACKFILL)
    claims = store.claim() + store.claim(lane=LANE_BULK)
    store.settle_all([Settlement(claim, Accepted()) for claim in claims])

    assert counted(store) == {"entered": 3, "live": 3, "bulk": 5}
    assert store.counters()["sent.accepted"] == 8


@pytest.mark.parametrize("outcome", [NO_SUCH_USER, Unknown("timeout")])
def test_what_mapp_did_not_accept_is_not_counted_as_accepted(store: Store, outcome: object) -> None:
    store.observe(seen("jo", True, NOW))
    store.settle(store.claim_one(), outcome)

    assert counted(store) == {"entered": 1}
    assert delays(store) == {}


def test_a_live_change_s_delay_is_from_its_own_time_to_acceptance(store: Store) -> None:
    store.observe(seen("al", True, NOW - 1_000 * NS_PER_MS), seen("bo", True, NOW + 60_000 * NS_PER_MS))
    store.clock.pass_ms(500)
    store.settle_all([Settlement(claim, Accepted()) for claim in store.claim()])

    assert delays(store) == {delay_name(1_500): 1, delay_name(0): 1}


def test_a_backfill_has_no_delay(store: Store) -> None:
    store.observe(*all_in(["al"]), source=Source.BACKFILL)
    store.settle(store.claim_one(lane=LANE_BULK), Accepted())

    assert delays(store) == {}


async def test_what_a_work_counted_that_failed_goes_and_what_its_group_counted_stays(folder: Path) -> None:
    path, gate = folder / FILE_NAME, threading.Event()
    database = ThreadedDatabase(writer_engine(path), reader_engine(path), clock=ManualClock())

    def counts(txn: Txn) -> None:
        txn.tally[JOB, "triggers.received"] += 1
        txn.activity[JOB, "entered"] += 1

    def fails(txn: Txn) -> None:
        counts(txn)
        raise ValueError

    works = (lambda _: gate.wait(10), counts, fails, counts)
    waiting = [asyncio.ensure_future(database.write(work)) for work in works]
    await asyncio.sleep(0)  # all of them wait for the writer now, so that they are committed together
    gate.set()
    _, *results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert await database.read(lambda txn: scans.counters_of(txn, JOB)) == {"triggers.received": 2}
    buckets = text("SELECT step, value FROM activity ORDER BY step")
    assert await database.read(lambda txn: txn.conn.execute(buckets).all()) == [(MINUTE, 2), (HOUR, 2)]
    await database.close()


@pytest.mark.parametrize(("step", "keep"), KEEP_SECONDS.items())
def test_what_is_old_goes_and_what_is_not_stays(store: Store, step: int, keep: int) -> None:
    store.add_job()
    last = NOON - keep
    put(store, *(last - number * step for number in range(1, 4 * PIECE_STEPS)), step=step)
    put(store, last, last + step, NOON, step=step)

    prune_all(SqlJobs(store.database, store.sql))

    assert store.fetch("SELECT at FROM activity ORDER BY at") == [(last,), (last + step,), (NOON,)]


def test_one_commit_drops_a_few_buckets_of_every_job_and_no_more(store: Store) -> None:
    store.add_job()
    store.add_job(status=Status.DELETED)
    oldest = NOON - 100 * HOUR
    for job in (1, 2):
        put(store, *(oldest + number * MINUTE for number in range(20)), job=job)

    assert store.write(notes.prune_some)
    assert store.fetch("SELECT job, COUNT(*) FROM activity GROUP BY job ORDER BY job") == [
        (1, 20 - PIECE_STEPS),
        (2, 20 - PIECE_STEPS),
    ]


def test_a_deleted_job_s_activity_goes_with_it_piece_by_piece(store: Store) -> None:
    store.add_job()
    put(store, *(NOON - number * MINUTE for number in range(3 * FORGET_STEPS)))
    put(store, *(NOON - number * HOUR for number in range(5)), step=HOUR)
    put(store, NOON, job=2)
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="forget"))

    pieces = 0
    while run(SqlJobs(store.database, store.sql).sweep_some(begun_before_ms=2**62)):
        pieces += 1

    assert pieces > 3
    assert store.fetch("SELECT job, at FROM activity") == [(2, NOON)]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_hours_and_buckets_are_read_by_key(store: Store) -> None:
    by_key = "USING PRIMARY KEY (job=? AND step=? AND at>?)"
    for statement, values in (
        (activity.BUCKETS, {"job": 1, "step": 60, "size": 60, "since": 0}),
        (activity.CHANGES_SINCE, {"since": 0}),
    ):
        plan = [row[3] for row in store.fetch(f"EXPLAIN QUERY PLAN {statement.text}", **values)]
        assert f"SEARCH activity {by_key}" in plan, plan
    for statement in (activity.LAST_CHANGES, activity.OLDEST, activity.PRUNE):
        asked = {"step": 60, "before": 1} if statement is activity.PRUNE else {"step": 60}
        plan = [row[3] for row in store.fetch(f"EXPLAIN QUERY PLAN {statement.text}", **asked)]
        assert not any(step.startswith("SCAN activity") for step in plan), plan
