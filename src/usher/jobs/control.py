"""
What people do to a job that exists: stop it, start it again, end it.

Each is one step of the table in usher.domain.job, taken, audited and logged in one transaction.
"""

from typing import Any

from usher.access.roles import Actor
from usher.domain.job import Cause, Event, Job, Status, next_status
from usher.domain.notes import LogCode, LogEntry
from usher.errors import Conflict
from usher.jobs.asking_again import refuse_if_still_broken
from usher.jobs.collisions import leave_place, place_of, refuse_collision
from usher.jobs.desk import Desk
from usher.jobs.owing import reconcile_job, resend_job, retry_members
from usher.jobs.removals import confirm_removals, discard_removals
from usher.jobs.webhooks import in_step, is_webhook_wanted
from usher.store import brake, jobs, notes, scans
from usher.store.authorizations import authorization_by_id
from usher.store.database import Txn

__all__ = [
    "bounce_job",
    "confirm_removals",
    "delete_job",
    "discard_removals",
    "kill_job",
    "pause_job",
    "reconcile_job",
    "resend_job",
    "resume_job",
    "retry_members",
]

SAID = {
    Event.PAUSE: ("Paused", LogCode.PAUSED),
    Event.RESUME: ("Resumed", LogCode.RESUMED),
    Event.BOUNCE: ("Restarted", LogCode.RESTARTED),
    Event.KILL: ("Terminated", LogCode.KILLED),
    Event.DELETE: ("Deleted", LogCode.DELETED),
}


async def pause_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Send nothing more until it is resumed; triggers are still taken in. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """

    def work(txn: Txn) -> Job:
        job = jobs.job_by_id(txn, job_id)
        if job.cause is Cause.UNSTARTED:
            return job
        cause = Cause.REMOVALS if brake.waiting_said(txn, job) else Cause.NONE
        return _move(txn, job, Event.PAUSE, actor=actor, cause=cause, reason=f"Paused by {actor.name}.")

    return await _done(desk, await desk.database.write(work))


async def resume_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Go on after a pause; back to its fault where a scan waits for a decision. Safe to repeat while it goes on.

    A job that was saved without starting begins: its first scan starts, and Lytics is told of it.

    Raises:
        NotFound: there is no such job.
        Conflict: it is not paused, or what was sent to its attribute may still land; the message says what would help.
    """

    def work(txn: Txn) -> Job:
        job = jobs.job_by_id(txn, job_id)
        if job.cause is Cause.UNSTARTED:
            _refuse_taken_place(txn, job, hold_ms=desk.timing.hold_ms)
        return _go_on(txn, job, Event.RESUME, actor=actor)

    return await _done(desk, await desk.database.write(work))


async def bounce_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Ask both vendors whether the job can work, then go on, as after a pause.

    A completed Backfill Only job scans again. Safe to repeat while it goes on.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended, people wait for a decision, a vendor still refuses, another job has its attribute, or
            what somebody else sent there may still land.
        Unavailable: Mapp or Lytics cannot be reached; ask again later.
    """
    job = await desk.database.read(lambda txn: _bounceable(txn, job_id))
    await refuse_if_still_broken(desk, job)

    def work(txn: Txn) -> Job:
        job = _bounceable(txn, job_id)
        _refuse_taken_place(txn, job, hold_ms=desk.timing.hold_ms)
        again = {"scan_wanted": "backfill"} if job.status is Status.COMPLETED and job.config.backfill_only else {}
        return _go_on(txn, job, Event.BOUNCE, actor=actor, **again)

    return await _done(desk, await desk.database.write(work))


async def kill_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    End a job for good: nothing is sent or taken in any more, and its webhook goes. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: it was deleted.
    """

    def work(txn: Txn) -> Job:
        job = jobs.job_by_id(txn, job_id)
        scans.drop_sweeps(txn, job.key)
        return _move(txn, job, Event.KILL, actor=actor, reason=f"Terminated by {actor.name}.", **_OVER)

    return await _done(desk, await desk.database.write(work))


async def delete_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    End a job and forget its members; its webhook goes. What Mapp holds stays as it is. Safe to repeat.

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> Job:
        job = jobs.job_by_id(txn, job_id)
        scans.drop_sweeps(txn, job.key)
        scans.add_sweep(txn, job.key, kind="forget")
        leave_place(txn, job, hold_ms=desk.timing.hold_ms)
        return _move(txn, job, Event.DELETE, actor=actor, reason=f"Deleted by {actor.name}.", **_OVER)

    return await _done(desk, await desk.database.write(work))


_OVER: dict[str, Any] = {"scan_wanted": "", "next_reconcile_ms": None}


def _refuse_taken_place(txn: Txn, job: Job, *, hold_ms: int) -> None:
    """Only a job that has begun, and lives, holds its place against trials and other jobs."""
    if not job.is_live or job.cause is Cause.UNSTARTED:
        authorization_by_id(txn, job.lytics_auth)
        place = place_of(authorization_by_id(txn, job.mapp_auth), job.target)
        refuse_collision(txn, place, hold_ms=hold_ms, but=job.id)


def _bounceable(txn: Txn, job_id: str) -> Job:
    job = jobs.job_by_id(txn, job_id)
    next_status(job.status, Event.BOUNCE)
    if job.status is Status.FAULT and job.cause is Cause.REMOVALS:
        raise Conflict(f"This job waits for a decision, which restarting does not make. {job.reason}")
    return job


def _go_on(txn: Txn, job: Job, event: Event, *, actor: Actor, **columns: Any) -> Job:
    """Go on as *event* says, but into the brake's fault where a scan waits: no such step decides about people."""
    said = brake.waiting_said(txn, job)
    columns |= {"cause": Cause.REMOVALS if said else Cause.NONE, "reason": said}
    is_stopped = brake.held_scan(txn, job.key) is not None
    return _move(txn, job, event, actor=actor, then=Event.FAULT if is_stopped else None, **columns)


def _move(
    txn: Txn, job: Job, event: Event, *, actor: Actor, reason: str, then: Event | None = None, **columns: Any
) -> Job:
    status = next_status(job.status, event)
    status = status if then is None else next_status(status, then)
    columns = {"cause": Cause.NONE, "sleep_until_ms": None, "reason": reason, **columns}
    if not jobs.change_job_if(txn, job.key, expected=job.status, status=status, **columns):
        raise Conflict("The job changed at the same moment. Look at it again, then repeat this.")
    if status is not job.status:
        done, code = SAID[event]
        notes.add_log(txn, LogEntry(job.key, "info", f"{done} by {actor.name}.", code))
    notes.add_audit(txn, actor=actor.name, action=f"job.{event}", what=job.id, note=f"{job.status} -> {status}")
    return brake.as_it_waits(txn, jobs.job_by_key(txn, job.key))


async def _done(desk: Desk, job: Job) -> Job:
    desk.refresh()
    has_begun = job.webhook.state == "off" and is_webhook_wanted(job)
    return await in_step(desk, job) if has_begun or not job.is_live else job
