"""What a person decides when the removal brake held back those who seem to have left."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete

from usher.access.roles import Actor
from usher.domain.job import Cause, Event, Job, Status, next_status
from usher.domain.notes import KEPT, HistoryEntry, LogEntry
from usher.domain.observation import NS_PER_MS, version_of_scan
from usher.domain.scan import Scan, ScanState
from usher.errors import Conflict
from usher.jobs.desk import Desk
from usher.store import brake, jobs, ledger, notes, scans
from usher.store.database import Txn
from usher.store.tables import exit_minutes


@dataclass(frozen=True, slots=True)
class Decided:
    """The job as it is now, and for how many it was decided."""

    job: Job
    notes: list[str]


async def confirm_removals(desk: Desk, actor: Actor, job_id: str) -> Decided:
    """
    Set those to false who were held back, and let the job go on.

    Whoever was seen inside since then stays true: what is held carries the version of when it was seen.

    Raises:
        NotFound: there is no such job.
        Conflict: nobody is held back, or the job has ended.
    """

    def work(txn: Txn) -> Decided:
        job, scan = _held(txn, job_id)
        said = []
        if scan is not None:
            version = _version(desk, scan)
            leaving = ledger.leaving_and_inside(txn, job.key, version=version)[0]
            scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, leaving=leaving)
            scans.add_sweep(txn, job.key, kind="leave", version=version)
            said.append(f"{leaving:,} whom a scan did not find")
        if job.exits_held:
            said.append(f"{ledger.release_exits(txn, job.key):,} who exited")
        told = " and ".join(said)
        log = f"{actor.name} had these set to false: {told}."
        job = _go_on(txn, job, actor=actor, action="job.confirm_removals", note=log)
        return Decided(job, [f"Being set to false: {told}."])

    return await _done(desk, work)


async def discard_removals(desk: Desk, actor: Actor, job_id: str) -> Decided:
    """
    Keep those as they are who were held back, and let the job go on. A later scan may find them missing again.

    Those of whom Mapp was told before the brake held the others are not brought back.

    Raises as *confirm_removals*.
    """

    def work(txn: Txn) -> Decided:
        job, scan = _held(txn, job_id)
        said, hints = [], []
        if scan is not None:
            leaving = ledger.leaving_and_inside(txn, job.key, version=_version(desk, scan))[0]
            reason = f"{actor.name} kept those whom it did not find."
            scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, reason=reason, leaving=leaving)
            said.append(f"{leaving:,} whom a scan did not find")
        if job.exits_held:
            before = brake.held_exits(txn, job.key).told
            said.append(f"{_keep_exits(txn, job, actor=actor):,} who exited")
            hints += [f"{before:,} of whom Mapp had been told before stay false."] if before else []
        told = " and ".join(said)
        log = f"{actor.name} kept these as they are: {told}."
        job = _go_on(txn, job, actor=actor, action="job.discard_removals", note=log)
        return Decided(job, [f"Kept as they are: {told}.", *hints])

    return await _done(desk, work)


def _held(txn: Txn, job_id: str) -> tuple[Job, Scan | None]:
    job = jobs.job_by_id(txn, job_id)
    if not job.is_live:
        raise Conflict(f"The job is {job.status}; nothing is held back any more.")
    scan = brake.held_scan(txn, job.key)
    if scan is None and not job.exits_held:
        raise Conflict("Nobody is held back in this job.")
    return job, scan


def _version(desk: Desk, scan: Scan) -> int:
    return version_of_scan(scan.started_ms, guard_seconds=desk.guard_seconds)


def _keep_exits(txn: Txn, job: Job, *, actor: Actor) -> int:
    kept, version = ledger.keep_held(txn, job.key), txn.now_ms * NS_PER_MS
    note = f"{actor.name} kept this person as they are, although Lytics had said that they left."
    notes.add_history(txn, [HistoryEntry(job.key, member, KEPT, True, version, note) for member in kept])
    return len(kept)


def _go_on(txn: Txn, job: Job, *, actor: Actor, action: str, note: str) -> Job:
    # Counted exits start anew: otherwise the next single one would stop everybody again.
    txn.conn.execute(delete(exit_minutes).where(exit_minutes.c.job == job.key))
    status, cause, reason = job.status, job.cause, job.reason
    if job.cause is Cause.REMOVALS:
        status = next_status(status, Event.MEND) if status is Status.FAULT else status
        cause, reason = Cause.NONE, reason if status is Status.PAUSED else ""
    jobs.change_job(txn, job.key, status=status, cause=cause, reason=reason, exits_held=False)
    notes.add_log(txn, LogEntry(job.key, "warn", note))
    notes.add_audit(txn, actor=actor.name, action=action, what=job.id, note=note)
    return jobs.job_by_key(txn, job.key)


async def _done(desk: Desk, work: Callable[[Txn], Decided]) -> Decided:
    decided = await desk.database.write(work)
    desk.refresh()
    return decided
