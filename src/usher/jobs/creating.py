"""How a job comes to be: everything is checked, then it is written down at once, then Lytics is told of it."""

from dataclasses import dataclass, replace

from usher.access.roles import Actor
from usher.domain.configuration import read_config
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.notes import LogCode, LogEntry
from usher.errors import InvalidInput
from usher.jobs.collisions import place_of, refuse_collision
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.examining import Examined, examine
from usher.jobs.webhooks import in_step
from usher.lytics.audiences import Audience
from usher.store import jobs, notes
from usher.store.authorizations import Authorization, authorization_by_id
from usher.store.database import Txn

UNSTARTED = "Saved without starting."


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that nothing stands in the way of; *config* names the audience by its id."""

    config: JobConfig
    mapp_auth: Authorization
    lytics_auth: Authorization
    audience: Audience
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Created:
    """The new job, and what somebody should know although nothing stood in its way."""

    job: Job
    notes: list[str]


async def check_job(desk: Desk, draft: JobDraft, *, job_id: str = "") -> Checked:
    """
    Make sure that a job may be as *draft* says; changes nothing.

    Args:
        job_id: the job that is to become so, where there is one.

    Raises:
        InvalidInput: every problem, each naming its field and the mend.
        Conflict: a live job writes the same attribute of the same group in the same integration, or what was sent
            there before may still land; the message says for how long.
        Unavailable: Mapp or Lytics cannot be reached; ask again later.
    """
    return checked(await examine(desk, draft, job_id=job_id))


def checked(seen: Examined) -> Checked:
    """Return what was examined, or raise what stands in its way; see *check_job*."""
    seen.findings.refuse()
    assert seen.config is not None
    assert seen.mapp_auth is not None
    assert seen.lytics_auth is not None
    assert seen.audience is not None
    return Checked(seen.config, seen.mapp_auth, seen.lytics_auth, seen.audience, seen.warnings)


async def create_job(desk: Desk, actor: Actor, draft: JobDraft) -> Created:
    """
    Check *draft*, make it a job, and have Lytics send its triggers here where that can be.

    Not safe to repeat, but a second live job for the same attribute is refused; *job_made_of* finds the first. That
    Lytics makes no webhook fails nothing: the job then says what to paste. A draft that is not to be started becomes
    a paused job, which no vendor hears of until it is resumed. Raises as *check_job* does.
    """
    ready = await check_job(desk, draft)
    job_id, audit = desk.new_id(), f"{draft.name}: {ready.audience.slug} -> group {ready.config.group_id}"

    def work(txn: Txn) -> Job:
        mapp_auth = authorization_by_id(txn, ready.mapp_auth.id)
        authorization_by_id(txn, ready.lytics_auth.id)
        place = place_of(mapp_auth, ready.config.target(audience_slug=ready.audience.slug))
        refuse_collision(txn, place, hold_ms=desk.timing.hold_ms)
        job = jobs.add_job(txn, _new_job(ready, draft, job_id=job_id, actor=actor, now_ms=txn.now_ms))
        created = f"Created by {actor.name}. {job.reason}".strip()
        notes.add_log(txn, LogEntry(job.key, "info", created, LogCode.CREATED))
        for said in ready.warnings:
            notes.add_log(txn, LogEntry(job.key, "warn", said, LogCode.ADVICE))
        notes.add_audit(txn, actor=actor.name, action="job.create", what=job.id, note=audit)
        return job

    job = await desk.database.write(work)
    desk.refresh()
    return Created(await in_step(desk, job), ready.warnings)


async def job_made_of(desk: Desk, draft: JobDraft) -> Job | None:
    """Return the live job that is all that *draft* asks for, so that asking again leads to what was made before."""
    return next((job for job in await desk.database.read(jobs.live_jobs) if _is_made_of(job, draft)), None)


def _is_made_of(job: Job, draft: JobDraft) -> bool:
    try:
        config = read_config(draft.config or {})
    except InvalidInput:
        return False
    if config.segment_id == job.audience_slug:
        config = replace(config, segment_id=job.config.segment_id)
    asked = (draft.name, draft.description or "", set(draft.auth_ids or ()), config)
    return asked == (job.name, job.description, {job.mapp_auth, job.lytics_auth}, job.config)


def first_scan(config: JobConfig) -> str:
    """Return which scan a new job begins with: everybody is sent, or silently known, or nobody is looked at."""
    if config.withbackfill:
        return "backfill"
    return "baseline" if config.reconcile_hours > 0 else ""


def _new_job(ready: Checked, draft: JobDraft, *, job_id: str, actor: Actor, now_ms: int) -> Job:
    is_started = draft.start is not False
    return Job(
        key=0,
        id=job_id,
        name=draft.name or "",
        description=draft.description or "",
        mapp_auth=ready.mapp_auth.id,
        lytics_auth=ready.lytics_auth.id,
        config=ready.config,
        audience_slug=ready.audience.slug,
        audience_name=ready.audience.name,
        status=Status.RUNNABLE if is_started else Status.PAUSED,
        cause=Cause.NONE if is_started else Cause.UNSTARTED,
        reason="" if is_started else UNSTARTED,
        sleep_until_ms=None,
        is_baselined=False,
        scan_wanted=first_scan(ready.config),
        next_reconcile_ms=None,
        exits_held=False,
        webhook=Webhook("manual" if is_started and not ready.config.backfill_only else "off"),
        first_trigger_ms=None,
        last_trigger_ms=None,
        created_ms=now_ms,
        updated_ms=now_ms,
        created_by=actor.name,
    )
