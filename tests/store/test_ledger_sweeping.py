"""Walks over a job's own rows: chunk by chunk, and on from there after a crash."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, text

from tests.store.stores import HOLD_MS, JOB, NO_SUCH_USER, Store, all_in, names, prune_all, run, seen
from usher.domain.claim import Settlement
from usher.domain.job import Status
from usher.domain.notes import HistoryEntry, Unreadable
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, Late
from usher.domain.scan import Sweep
from usher.errors import Superseded
from usher.store import ledger, notes, scans, supervision
from usher.store.database import Database, Txn, Work
from usher.store.statements import LANE_BULK, LANE_HELD
from usher.store.supervision import CHUNK, SqlJobs
from usher.store.tables import history, unreadable


def sweep(store: Store, kind: str, *, version: int = 0) -> int:
    """Run one sweep to its end; return how many commits it took."""
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind=kind, version=version))
    jobs, rounds = SqlJobs(store.database, store.sql), 0
    while run(jobs.sweep_some(begun_before_ms=store.clock.now_ms() + 1)):
        rounds += 1
    return rounds


def test_resend_owes_everybody_again_who_was_ever_told(store: Store) -> None:
    store.tell("told")
    store.observe(seen("owed", True, 1))
    store.observe(seen("aside", True, 1))
    aside = next(claim for claim in store.claim() if claim.member == "aside")
    store.settle(aside, NO_SUCH_USER)

    sweep(store, "resend")

    assert store.counters()["members.due"] == 3
    assert store.counters()["members.aside"] == 0


def test_resend_skips_the_silent_baseline(store: Store) -> None:
    store.observe(seen("silent", True, 1), source=Source.BASELINE)

    sweep(store, "resend")

    assert store.row("silent").due_at is None


def test_resend_leaves_a_request_that_may_be_alive_alone_and_sends_after_it(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()

    sweep(store, "resend")
    assert store.row("jo").due_at == claim.token

    store.settle(claim, Accepted())
    assert store.row("jo").due_at == store.clock.now_ms()


def test_what_is_sent_again_goes_behind_live_changes(store: Store) -> None:
    store.tell("jo")

    sweep(store, "resend")

    assert store.row("jo").lane == LANE_BULK


def test_retry_owes_only_those_set_aside(store: Store) -> None:
    store.tell("told")
    store.observe(seen("aside", True, 2))
    store.settle(store.claim_one(), NO_SUCH_USER)

    sweep(store, "retry")

    assert store.row("told").due_at is None
    assert store.row("aside").due_at == store.clock.now_ms()
    assert store.row("aside").aside is None


def test_one_member_can_be_owed_again_without_the_others(store: Store) -> None:
    store.tell("al", "bo")

    assert store.write(lambda txn: ledger.owe_member_again(txn, store.sql, JOB, "al"))
    assert not store.write(lambda txn: ledger.owe_member_again(txn, store.sql, JOB, "nobody"))
    assert (store.row("al").due_at, store.row("bo").due_at) == (store.clock.now_ms(), None)


def test_only_those_set_aside_since_a_moment_are_owed_again(store: Store) -> None:
    for member in ("before", "after"):
        store.observe(seen(member, True, 1))
        store.settle(store.claim_one(), NO_SUCH_USER)
        store.clock.pass_ms(1_000)

    jobs = SqlJobs(store.database, store.sql)
    assert run(jobs.owe_set_aside_since(JOB, since_ms=store.clock.now_ms() - 1_000)) == 1
    assert store.row("before").aside is not None
    assert store.row("after").aside is None


def test_whoever_a_whole_scan_did_not_see_leaves(store: Store) -> None:
    store.tell("gone", "still", version=10)
    store.observe(seen("still", True, 20), source=Source.RECONCILE)

    sweep(store, "leave", version=20)

    assert (store.row("gone").is_in, store.row("still").is_in) == (False, True)
    assert store.claim_one(lane=LANE_BULK).member == "gone"
    (entry,) = store.read(lambda txn: notes.history_of(txn, JOB, "gone"))
    assert entry.kind == "absent"


def test_leaving_ignores_what_is_as_new_as_the_scan_or_newer(store: Store) -> None:
    store.tell("newer", version=21)
    store.tell("equal", version=20)

    sweep(store, "leave", version=20)

    assert store.row("newer").is_in
    assert store.row("equal").is_in


def test_a_member_of_the_silent_baseline_who_is_found_absent_is_told(store: Store) -> None:
    store.observe(seen("jo", True, 1), source=Source.BASELINE)

    sweep(store, "leave", version=2)

    assert store.claim_one(lane=LANE_BULK).is_in is False


def test_leaving_waits_for_a_request_that_may_be_alive(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()

    sweep(store, "leave", version=2)

    assert store.row("jo").due_at == claim.token
    store.clock.pass_ms(HOLD_MS)
    assert store.claim_one().is_in is False


def test_the_number_leaving_is_what_the_sweep_then_changes(store: Store) -> None:
    store.tell(*names(5), version=10)
    store.tell("newer", version=30)
    store.tell("outside", is_in=False, version=5)
    assert store.read(lambda txn: ledger.leaving_and_inside(txn, JOB, version=20)) == (5, 6)

    sweep(store, "leave", version=20)

    assert store.counters()["members.in"] == 1
    assert store.counters()["scans.found_absent"] == 5


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_sweep_reaches_every_row_whatever_their_number(store: Store, count: int) -> None:
    store.observe(*all_in(names(count)), source=Source.BASELINE)

    rounds = sweep(store, "leave", version=5)

    assert store.counters().get("members.due", 0) == count
    assert rounds == count // CHUNK + 1


def test_a_sweep_goes_on_where_a_crash_left_it(store: Store) -> None:
    store.observe(*all_in(names(2 * CHUNK + 5)), source=Source.BASELINE)
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="leave", version=5))
    jobs = SqlJobs(store.database, store.sql)
    assert run(jobs.sweep_some(begun_before_ms=store.clock.now_ms() + 1))
    (halfway,) = store.read(scans.open_sweeps)

    with pytest.raises(KeyError):
        store.write(lambda txn: _crash_after(txn, store, halfway))
    assert store.read(scans.open_sweeps) == [halfway]
    assert store.counters()["members.due"] == CHUNK

    while run(SqlJobs(store.database, store.sql).sweep_some(begun_before_ms=store.clock.now_ms() + 1)):
        pass
    assert store.counters()["members.due"] == 2 * CHUNK + 5
    assert store.counters()["scans.found_absent"] == 2 * CHUNK + 5


def test_a_keeper_that_was_stopped_sets_no_sweep_back(store: Store) -> None:
    store.observe(*all_in(names(2 * CHUNK + 5)), source=Source.BASELINE)
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="leave", version=5))
    jobs, (stale,) = SqlJobs(store.database, store.sql), store.read(scans.open_sweeps)
    for _ in range(2):
        assert run(jobs.sweep_some(begun_before_ms=store.clock.now_ms() + 1))
    far = store.read(scans.open_sweeps)

    with pytest.raises(Superseded):
        store.write(partial(supervision.advance, sql=store.sql, sweep=stale))

    assert store.read(scans.open_sweeps) == far
    assert store.counters()["scans.found_absent"] == 2 * CHUNK


def test_a_keeper_that_was_stopped_does_nothing_twice_and_goes_on_with_the_next_sweep(store: Store) -> None:
    store.tell("jo")
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="resend"))
    (stale,) = store.read(scans.open_sweeps)
    sweep(store, "resend")
    store.settle(store.claim_one(lane=LANE_BULK), Accepted())

    assert run(SqlJobs(LateReader(store.database, stale), store.sql).sweep_some(begun_before_ms=2**62))

    assert store.row("jo").due_at is None
    assert store.counters()["members.due"] == 0


def test_a_keeper_that_was_stopped_does_not_end_a_later_sweep_of_the_same_number(store: Store) -> None:
    store.tell("jo")
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="leave", version=5))
    (stale,) = store.read(scans.open_sweeps)
    sweep(store, "leave")
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="resend"))
    (later,) = store.read(scans.open_sweeps)

    with pytest.raises(Superseded):
        store.write(partial(supervision.advance, sql=store.sql, sweep=replace(stale, id=later.id)))

    assert store.read(scans.open_sweeps) == [later]


@dataclass
class LateReader:
    """A database whose answer about sweeps is old by the time that it is used."""

    database: Database
    sweep: Sweep

    async def read(self, _work: Work[Any]) -> list[Sweep]:
        return [self.sweep]

    async def write(self, work: Work[Any]) -> Any:
        return await self.database.write(work)

    async def close(self) -> None: ...


def _crash_after(txn: Txn, store: Store, sweep_: Sweep) -> None:
    supervision.advance(txn, sql=store.sql, sweep=sweep_)
    raise KeyError("killed between the chunk and its commit")


def test_a_sweep_asked_for_again_starts_over_instead_of_running_twice(store: Store) -> None:
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="resend"))
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="resend"))

    assert len(store.read(scans.open_sweeps)) == 1


def test_a_deleted_jobs_rows_are_forgotten_and_nobody_elses(store: Store) -> None:
    store.observe(*all_in(names(CHUNK + 1)))
    store.observe(seen("jo", True, 1), job=2)

    sweep(store, "forget")

    assert store.fetch("SELECT job, member FROM ledger") == [(2, "jo")]
    assert store.counters()["members.total"] == 0


def held_exits(store: Store) -> None:
    """Two people told they are in, then out: "flying" is being told so, "waiting" is not yet."""
    store.tell("flying", "waiting")
    store.observe(seen("flying", False, 2))
    store.clock.pass_ms(1)
    store.observe(seen("waiting", False, 2))


def test_the_brake_holds_owed_exits_and_lets_what_flies_be_settled(store: Store) -> None:
    held_exits(store)
    (claim,) = store.claim(limit=1)
    store.write(lambda txn: ledger.hold_exits(txn, JOB))

    assert store.claim() == []
    store.settle(claim, Accepted())
    assert (store.row("flying").due_at, store.row("flying").accepted) == (None, False)
    assert store.row("waiting").lane == LANE_HELD


def test_the_brake_holds_no_entries(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.write(lambda txn: ledger.hold_exits(txn, JOB))

    assert store.claim_one().is_in is True


def test_released_exits_go_on_when_they_were_due_and_not_before(store: Store) -> None:
    held_exits(store)
    (claim,) = store.claim(limit=1)
    store.write(lambda txn: ledger.hold_exits(txn, JOB))

    assert store.write(lambda txn: ledger.release_exits(txn, JOB)) == 2

    assert [c.member for c in store.claim()] == ["waiting"]
    assert store.row("flying").due_at == claim.token


def test_held_exits_that_are_kept_are_told_that_they_are_inside(store: Store) -> None:
    held_exits(store)
    (claim,) = store.claim(limit=1)
    store.write(lambda txn: ledger.hold_exits(txn, JOB))

    assert set(store.write(lambda txn: ledger.keep_held(txn, JOB))) == {"flying", "waiting"}

    assert store.row("flying").due_at == claim.token
    waiting = store.claim_one()
    assert (waiting.member, waiting.is_in) == ("waiting", True)
    store.settle_all([Settlement(claim, Accepted()), Settlement(waiting, Accepted())])
    assert store.claim_one().is_in is True


def test_what_a_person_kept_loses_to_a_newer_trigger_and_wins_over_an_older(store: Store) -> None:
    held_exits(store)
    store.write(lambda txn: ledger.hold_exits(txn, JOB))
    store.write(lambda txn: ledger.keep_held(txn, JOB))
    kept_as_of = store.row("waiting").version

    store.observe(seen("waiting", False, kept_as_of - 1))
    assert store.row("waiting").is_in

    store.observe(seen("waiting", False, kept_as_of + 1))
    assert not store.row("waiting").is_in


def test_history_is_kept_to_its_limit_newest_first_a_bounded_number_at_a_time(store: Store) -> None:
    entry = [HistoryEntry(job=JOB, member="jo", kind="retry", note=str(number)) for number in range(50)]
    store.write(lambda txn: notes.add_history(txn, entry))
    table = history

    store.write(lambda txn: notes._prune(txn, table, 20, at_once=10))
    assert store.fetch("SELECT COUNT(*) FROM history")[0][0] == 40

    for _ in range(5):
        store.write(lambda txn: notes._prune(txn, table, 20, at_once=10))
    left = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    assert [e.note for e in left] == [str(number) for number in range(49, 29, -1)]


def test_pruning_an_empty_store_does_nothing(store: Store) -> None:
    prune_all(SqlJobs(store.database, store.sql))

    assert store.fetch("SELECT COUNT(*) FROM history") == [(0,)]


def test_one_pruning_removes_all_that_is_beyond_the_limit(store: Store) -> None:
    beyond = 3 * notes.PIECE + 1
    row = {"auth_id": "lytics1", "at_ms": 0, "reason": "not_json", "body_sealed": b"", "body_bytes": 0}
    rows = [row] * (notes.UNREADABLE_KEEP + beyond)
    store.write(lambda txn: txn.conn.execute(insert(unreadable), rows))

    prune_all(SqlJobs(store.database, store.sql))

    ((count, first),) = store.fetch("SELECT COUNT(*), MIN(id) FROM unreadable")
    assert (count, first) == (notes.UNREADABLE_KEEP, beyond + 1)


def test_a_piece_of_pruning_is_bounded(store: Store) -> None:
    row = {"auth_id": "lytics1", "at_ms": 0, "reason": "not_json", "body_sealed": b"", "body_bytes": 0}
    rows = [row] * (notes.UNREADABLE_KEEP + notes.PIECE + 5)
    store.write(lambda txn: txn.conn.execute(insert(unreadable), rows))

    assert store.write(notes.prune_some)
    assert store.fetch("SELECT COUNT(*) FROM unreadable") == [(notes.UNREADABLE_KEEP + 5,)]


def test_the_newest_scans_of_each_job_are_kept(store: Store) -> None:
    def start(txn: Txn) -> None:
        for number in range(notes.SCANS_KEEP + 7):
            for job in (JOB, 2)[: 1 if number >= 3 else 2]:
                scans.start_scan(txn, job, kind="reconcile", definition=str(number), expected=None)

    store.write(start)
    prune_all(SqlJobs(store.database, store.sql))

    assert [int(d) for (d,) in store.fetch("SELECT definition FROM scans WHERE job = 1 ORDER BY id")] == list(
        range(7, notes.SCANS_KEEP + 7)
    )
    assert store.fetch("SELECT COUNT(*) FROM scans WHERE job = 2") == [(3,)]


def test_a_deleted_job_leaves_nothing_that_names_a_person(store: Store) -> None:
    other = 2
    for job in (JOB, other):
        store.observe(seen("jo", True, 1), job=job)
        entries = [HistoryEntry(job=job, member="jo", kind="retry")] * (notes.FORGET_PIECE + 1)
        odd = [Unreadable("lytics1", "bad_time", b"sealed jo", 9, job=job)] * 3
        store.write(partial(notes.add_history, entries=entries))
        store.write(partial(notes.add_unreadable, items=odd))

    assert sweep(store, "forget") >= 3  # at most a piece in one commit

    for table in ("ledger", "history", "unreadable"):
        assert {job for (job,) in store.fetch(f"SELECT DISTINCT job FROM {table}")} == {other}
    assert store.read(scans.open_sweeps) == []


def test_a_request_that_outlives_its_deleted_job_writes_nothing_down(store: Store) -> None:
    deleted = store.add_job(status=Status.DELETED)
    store.observe(seen("jo", True, 1), job=deleted.key)
    (claim,) = store.claim(job=deleted.key)
    sweep(store, "forget")

    store.settle(claim, NO_SUCH_USER)

    assert store.read(lambda txn: notes.history_of(txn, deleted.key, "jo")) == []


def test_the_logs_limit_is_their_own(store: Store) -> None:
    store.write(
        lambda txn: txn.conn.execute(
            text("INSERT INTO job_logs (id, job, at_ms, level, message) VALUES (:id, 1, 0, 'info', 'x')"),
            [{"id": 1}, {"id": notes.LOGS_KEEP}, {"id": notes.LOGS_KEEP + 1}],
        )
    )
    prune_all(SqlJobs(store.database, store.sql))

    assert store.fetch("SELECT id FROM job_logs") == [(notes.LOGS_KEEP,), (notes.LOGS_KEEP + 1,)]


def test_a_sweep_that_began_too_late_waits_for_the_next_round(store: Store) -> None:
    store.tell("jo")
    store.write(lambda txn: scans.add_sweep(txn, JOB, kind="resend"))

    assert not run(SqlJobs(store.database, store.sql).sweep_some(begun_before_ms=store.clock.now_ms()))
    assert store.row("jo").due_at is None
    assert len(store.read(scans.open_sweeps)) == 1


def test_a_row_that_is_given_back_unsent_is_not_written_down(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle_all([Settlement(store.claim_one(), Late("no room left"), was_sent=False)])

    assert store.row("jo").due_at == store.clock.now_ms()
    assert store.read(lambda txn: notes.history_of(txn, JOB, "jo")) == []
