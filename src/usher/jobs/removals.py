"""What a person decides when the removal brake held back those who seem to have left."""

from sqlalchemy import delete

from usher.access.roles import Actor
from usher.domain.job import Cause, Event, Job, Status, next_status
from usher.domain.notes import LogEntry
from usher.domain.observation import version_of_scan
from usher.domain.scan import Scan, ScanState
from usher.errors import Conflict
from usher.jobs.desk import Desk
from usher.store import jobs, ledger, notes, scans
from usher.store.database import Txn
from usher.store.tables import exit_minutes


async def confirm_removals(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Set those to false who were held back, and let the job go on.

    Whoever was seen inside since then stays true: what is held carries the version of when it was seen.

    Raises:
        NotFound: there is no such job.
        Conflict: nobody is held back, or the job has ended.
    """

    def work(txn: Txn) -> Job:
        job, scan = _held(txn, job_id)
        said = []
        if scan is not None:
            scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, leaving=scan.leaving)
            version = version_of_scan(scan.started_ms, guard_seconds=desk.guard_seconds)
            scans.add_sweep(txn, job.key, kind="leave", version=version)
            said.append(f"{scan.leaving:,} whom a scan did not find")
        if job.exits_held:
            said.append(f"{ledger.release_exits(txn, job.key):,} who exited")
        note = f"{actor.name} had these set to false: {' and '.join(said)}."
        return _go_on(txn, job, actor=actor, action="job.confirm_removals", note=note)

    return await _done(desk, await desk.database.write(work))


async def discard_removals(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Keep those as they are who were held back, and let the job go on. A later scan may find them missing again.

    Raises as *confirm_removals*.
    """

    def work(txn: Txn) -> Job:
        job, scan = _held(txn, job_id)
        said = []
        if scan is not None:
            reason = f"{actor.name} kept those whom it did not find."
            scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, reason=reason)
            said.append(f"{scan.leaving:,} whom a scan did not find")
        if job.exits_held:
            said.append(f"{ledger.keep_held(txn, job.key):,} who exited")
        note = f"{actor.name} kept these as they are: {' and '.join(said)}."
        return _go_on(txn, job, actor=actor, action="job.discard_removals", note=note)

    return await _done(desk, await desk.database.write(work))


def _held(txn: Txn, job_id: str) -> tuple[Job, Scan | None]:
    job = jobs.job_by_id(txn, job_id)
    last = scans.last_scan(txn, job.key)
    scan = last if last is not None and last.state == ScanState.HELD else None
    if not job.is_live:
        raise Conflict(f"The job is {job.status}; nothing is held back any more.")
    if scan is None and not job.exits_held:
        raise Conflict("Nobody is held back in this job.")
    return job, scan


def _go_on(txn: Txn, job: Job, *, actor: Actor, action: str, note: str) -> Job:
    # Counted exits start anew: otherwise the next single one would stop everybody again.
    txn.conn.execute(delete(exit_minutes).where(exit_minutes.c.job == job.key))
    status, cause, reason = job.status, job.cause, job.reason
    if job.cause is Cause.REMOVALS:
        status = next_status(status, Event.MEND) if status is Status.FAULT else status
        cause, reason = Cause.NONE, "Paused by a person." if status is Status.PAUSED else ""
    jobs.change_job(txn, job.key, status=status, cause=cause, reason=reason, exits_held=False)
    notes.add_log(txn, LogEntry(job.key, "warn", note))
    notes.add_audit(txn, actor=actor.name, action=action, what=job.id, note=note)
    return jobs.job_by_key(txn, job.key)


async def _done(desk: Desk, job: Job) -> Job:
    desk.refresh()
    return job
