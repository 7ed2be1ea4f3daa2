"""
How a job changes: its name at any time, the rest after the same checks that a new job passes.

What a draft leaves out stays as it is.
"""

from dataclasses import dataclass, field
from typing import Any

from usher.access.roles import Actor
from usher.domain.job import Cause, Event, Job, JobConfig, Status, Webhook, next_status
from usher.domain.notes import LogCode, LogEntry
from usher.errors import Conflict, InvalidInput, Problem
from usher.jobs.collisions import leave_place, place_of, refuse_collision
from usher.jobs.creating import check_job, first_scan
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.edit_plan import Change, EditPlan, changes_of, mark_of, notes_of, plan_edit
from usher.jobs.examining import examine
from usher.jobs.webhooks import ENDED, in_step, remove_webhook
from usher.store import jobs, notes, scans
from usher.store.authorizations import authorization_by_id
from usher.store.database import Txn
from usher.store.members import count_told

__all__ = ["Change", "ChangedMeanwhile", "EditPreview", "Edited", "edit_job", "editable_job", "preview_edit"]

CREDENTIALS = frozenset({Cause.MAPP_CREDENTIALS, Cause.MAPP_INTEGRATION, Cause.LYTICS_CREDENTIALS})


class ChangedMeanwhile(Conflict):
    """Somebody else changed this job meanwhile. Look at it again, then repeat your change."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The job as it is now, and what somebody should know about the change."""

    job: Job
    notes: list[str]


@dataclass(frozen=True, slots=True)
class EditPreview:
    """
    What a change would do.

    Args:
        problems: everything that stands in the way; such a change would be refused.
        changes: what would differ; empty where nothing would, or where a problem keeps it from being known.
        notes: what should be known.
        owed: how many people would be told again.
        mark: of the job as it was looked at; blank where a problem keeps it from being changed.
        advice: what holds for most jobs, changed or not.
    """

    problems: list[Problem]
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    owed: int = 0
    mark: str = ""
    advice: list[str] = field(default_factory=list)


async def editable_job(desk: Desk, job_id: str) -> Job:
    """
    Return a job that can still be changed. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """
    job = await desk.database.read(lambda txn: jobs.job_by_id(txn, job_id))
    if job.status in ENDED:
        raise Conflict(_ended(job))
    return job


async def edit_job(desk: Desk, actor: Actor, job_id: str, draft: JobDraft, *, mark: str | None = None) -> Edited:
    """
    Change a job. Name and description always work; so does whatever no vendor need be asked about.

    Args:
        mark: of the job as it was when the change was previewed; None where it was not.

    Raises:
        NotFound: there is no such job.
        InvalidInput: every problem; nothing was changed.
        ChangedMeanwhile: it is not the job of *mark* any more, or somebody else changes it now; preview again.
        Conflict: it has ended, a live job writes the new attribute, or what was sent there may still land.
        Unavailable: what would change must be checked, and Mapp or Lytics cannot be reached.

    Idempotent: yes; the same change again changes nothing.
    """
    job = await editable_job(desk, job_id)
    if mark is not None and mark != mark_of(job):
        raise ChangedMeanwhile
    plan = await plan_edit(desk, job, draft)
    if plan.needs_check:
        await check_job(desk, plan.draft, job_id=job.id)

    fresh, said = await desk.database.write(lambda txn: _change(txn, plan, actor=actor, hold_ms=desk.timing.hold_ms))
    desk.refresh()
    if plan.lytics_auth != job.lytics_auth:
        await remove_webhook(desk, job)
    return Edited(await in_step(desk, fresh), said)


async def preview_edit(desk: Desk, job_id: str, draft: JobDraft) -> EditPreview:
    """
    Show what *edit_job* would do. Never raises for a bad draft, nor for what a vendor does; changes nothing.

    Raises:
        NotFound: there is no such job.
    """
    job = await desk.database.read(lambda txn: jobs.job_by_id(txn, job_id))
    if job.status in ENDED:
        return EditPreview([Problem("status", _ended(job), "")])
    try:
        plan = await plan_edit(desk, job, draft)
    except InvalidInput as error:
        return EditPreview(list(error.problems))
    problems, said, advice = [], notes_of(job, plan), list[str]()
    if plan.needs_check:
        seen = await examine(desk, plan.draft, job_id=job.id)
        problems, said, advice = seen.findings.as_problems(), said + seen.findings.warnings, list(seen.advice)
    owed = await desk.database.read(lambda txn: count_told(txn, job.key)) if plan.is_moving else 0
    return EditPreview(problems, changes_of(job, plan), said, owed, mark_of(job), advice)


def _ended(job: Job) -> str:
    return f"A {job.status} job cannot be changed. Duplicate it into a new one."


def _change(txn: Txn, plan: EditPlan, *, actor: Actor, hold_ms: int) -> tuple[Job, list[str]]:
    job = jobs.job_by_id(txn, plan.job.id)
    if mark_of(job) != mark_of(plan.job):
        raise ChangedMeanwhile
    if job.status in ENDED:
        raise Conflict(f"The job was {job.status} meanwhile.")
    if job.is_live and plan.needs_check:
        place = place_of(authorization_by_id(txn, plan.mapp_auth), plan.target)
        refuse_collision(txn, place, hold_ms=hold_ms, but=job.id)
    if plan.is_place_new:
        leave_place(txn, job, hold_ms=hold_ms)
    said = notes_of(job, plan)
    jobs.change_job(txn, job.key, **_columns(job, plan))
    if plan.is_moving:
        scans.add_sweep(txn, job.key, kind="resend")
    for note in said:
        notes.add_log(txn, LogEntry(job.key, "info", note, LogCode.EDITED))
    notes.add_audit(
        txn,
        actor=actor.name,
        action="job.edit",
        what=job.id,
        note=", ".join(change.field for change in changes_of(job, plan)),
    )
    return jobs.job_by_key(txn, job.key), said


def _columns(job: Job, plan: EditPlan) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "name": plan.draft.name,
        "description": plan.draft.description,
        "config": plan.config,
        "mapp_auth": plan.mapp_auth,
        "lytics_auth": plan.lytics_auth,
        "scan_wanted": _scan_wanted(job, plan.config),
    }
    if plan.config.reconcile_hours != job.config.reconcile_hours:
        columns["next_reconcile_ms"] = None
    if plan.lytics_auth != job.lytics_auth:
        columns["webhook"] = Webhook("off" if job.cause is Cause.UNSTARTED else "manual")
    if plan.needs_check and job.status is Status.FAULT and job.cause in CREDENTIALS:
        columns |= {"status": next_status(job.status, Event.MEND), "cause": Cause.NONE, "reason": ""}
    return columns


def _scan_wanted(job: Job, config: JobConfig) -> str:
    """Existing Users switched on wants everybody; how a job begins may change until its first scan is over."""
    if config.withbackfill and not job.config.withbackfill:
        return "backfill"
    if not job.is_baselined and first_scan(config) != first_scan(job.config):
        return first_scan(config)
    return job.scan_wanted
