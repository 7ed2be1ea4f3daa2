"""Jobs and their bounded housekeeping, as the engine's JobStore."""

from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import text

from usher.domain.job import Cause, Event, Job, next_status
from usher.domain.notes import HistoryEntry, LogEntry
from usher.domain.scan import Sweep
from usher.errors import Conflict, Superseded
from usher.settings import Retention
from usher.store import jobs, ledger, notes, pruning, scans
from usher.store.authorizations import note_health
from usher.store.database import Database, Txn
from usher.store.statements import Statements
from usher.store.turns import Placed, Turn

CHUNK = 2_000  # rows a sweep changes in one commit: a few dozen milliseconds during which triggers wait


class SqlJobs:
    """
    Reads jobs, moves them from state to state, and does bounded pieces of long work.

    Args:
        retention: for how long records are kept; None keeps them as long as their number lets it.
    """

    def __init__(self, database: Database, sql: Statements, *, retention: Retention | None = None) -> None:
        self._database = database
        self._sql = sql
        self._retention = retention

    async def live_jobs(self) -> list[Job]:
        return await self._database.read(jobs.live_jobs)

    async def apply(
        self,
        job: Job,
        event: Event,
        *,
        cause: Cause = Cause.NONE,
        reason: str = "",
        log: LogEntry | None = None,
        sleep_until_ms: int | None = None,
    ) -> bool:
        def work(txn: Txn) -> bool:
            try:
                status = next_status(job.status, event)
            except Conflict:
                return False
            done = jobs.change_job_if(
                txn,
                job.key,
                expected=job.status,
                status=status,
                cause=cause,
                reason=reason,
                sleep_until_ms=sleep_until_ms,
            )
            if done and log is not None:
                notes.add_log(txn, log)
            return done

        return await self._database.write(Placed(work, Turn.JOBS, f"{job.lytics_auth} {job.key:019}"))

    async def change(self, job: int, **changes: Any) -> None:
        await self._database.write(lambda txn: jobs.change_job(txn, job, **changes))

    async def is_owing_of_scan(self, job: int) -> bool:
        def work(txn: Txn) -> bool:
            scan = scans.last_scan(txn, job)
            ended_ms = txn.now_ms if scan is None or scan.finished_ms is None else scan.finished_ms
            is_sweeping = any(sweep.job == job for sweep in scans.open_sweeps(txn))
            return is_sweeping or ledger.is_owing(txn, job, known_ms=ended_ms)

        return await self._database.read(work)

    async def note_health(self, auth_id: str, *, is_healthy: bool, note: str) -> None:
        await self._database.write(lambda txn: note_health(txn, auth_id, is_healthy=is_healthy, note=note))

    async def owe_one_set_aside(self, job: int) -> bool:
        def work(txn: Txn) -> bool:
            member = txn.conn.execute(LONGEST_ASIDE, {"job": job}).scalar()
            return member is not None and ledger.owe_member_again(txn, self._sql, job, member)

        return await self._database.write(work)

    async def owe_set_aside_since(self, job: int, *, since_ms: int) -> int:
        def work(txn: Txn) -> int:
            found = txn.conn.execute(ASIDE_SINCE, {"job": job, "since": since_ms})
            members = [row.member for row in found]
            return sum(ledger.owe_member_again(txn, self._sql, job, member) for member in members)

        return await self._database.write(work)

    async def sweep_some(self, *, begun_before_ms: int) -> bool:
        found = await self._database.read(scans.open_sweeps)
        sweeps = [sweep for sweep in found if sweep.created_ms < begun_before_ms]
        for sweep in sweeps:
            with suppress(Superseded):  # the next look finds where it is now
                await self._database.write(partial(advance, sql=self._sql, sweep=sweep))
        return bool(sweeps)

    async def prune_some(self) -> bool:
        return await self._database.write(partial(pruning.prune_some, retention=self._retention))


LONGEST_ASIDE = text("SELECT member FROM ledger WHERE job = :job AND aside IS NOT NULL ORDER BY aside_at LIMIT 1")
ASIDE_SINCE = text("SELECT member FROM ledger WHERE job = :job AND aside IS NOT NULL AND aside_at >= :since LIMIT 1000")


def advance(txn: Txn, *, sql: Statements, sweep: Sweep) -> None:
    """Do the next chunk of one sweep and remember how far it came. One commit holds both, or neither (Superseded)."""
    upto = ledger.end_of_chunk(txn, sweep.job, after=sweep.cursor, size=CHUNK)
    done = 0
    match sweep.kind:
        case "resend":
            done = ledger.owe_again(txn, sql.resend, sweep.job, after=sweep.cursor, upto=upto)
        case "retry":
            done = ledger.owe_again(txn, sql.retry, sweep.job, after=sweep.cursor, upto=upto)
        case "leave":
            gone = ledger.leave(txn, sql, sweep.job, version=sweep.version, after=sweep.cursor, upto=upto)
            notes.add_history(txn, [_absent_entry(sweep, member) for member in gone])
            txn.tally[sweep.job, "scans.found_absent"] += len(gone)
            done = len(gone)
        case "forget":
            done = ledger.forget_chunk(txn, sweep.job, upto=upto)
            if upto is None and notes.forget_some(txn, sweep.job):
                upto = sweep.cursor  # the rows are gone; what was written down about them is not yet
    scans.advance_sweep(txn, sweep, cursor=upto, done=done)


def _absent_entry(sweep: Sweep, member: str) -> HistoryEntry:
    return HistoryEntry(
        job=sweep.job,
        member=member,
        kind="absent",
        is_in=False,
        version=sweep.version,
        note="A complete scan of the audience did not find this person.",
    )
