"""
Whether a job's triggers can still come: its audience is there, and its webhook in Lytics is at work.

What ended in Lytics is made anew, and what was missed meanwhile is found by a reconcile. Of several processes that
could look, one does.
"""

from collections.abc import Awaitable, Callable

import structlog

from usher.domain.job import SENDING, Cause, Event, Job, Status, next_status
from usher.domain.notes import LogCode, LogEntry
from usher.errors import RemoteMissing, UsherError
from usher.jobs.desk import Desk
from usher.jobs.webhooks import in_step, is_webhook_wanted, replace_webhook
from usher.lytics.client import LyticsClient
from usher.store import jobs, notes
from usher.store.database import Txn

LEASE = "sources"
LOOK_SECONDS = 300.0
TURN_SECONDS = 5.0  # how soon one that may not look asks again whether it may
ENDED = frozenset({"failed", "killed", "deleted", "completed"})  # Lytics' words for a job that sends nothing more
GONE = "missing"

logger = structlog.get_logger("usher.jobs")


async def _always() -> bool:
    return True


async def watch_sources(desk: Desk, *, may_watch: Callable[[], Awaitable[bool]] = _always) -> None:
    """
    Look as soon as this process may, and every LOOK_SECONDS, until cancelled.

    Args:
        may_watch: asked before each look; takes the lease LEASE where several processes could look.
    """
    while True:
        is_mine = False
        try:
            is_mine = await may_watch()
            if is_mine:
                await mind_sources(desk)
        except UsherError as error:
            logger.warning("sources_not_looked_at", reason=error.message)
        await desk.clock.sleep(LOOK_SECONDS if is_mine else TURN_SECONDS)


async def mind_sources(desk: Desk) -> None:
    """See to the source of every live job; one that cannot be seen to keeps nobody else waiting for the next look."""
    for job in await desk.database.read(jobs.live_jobs):
        try:
            await mind_source(desk, job)
        except UsherError as error:
            logger.info("source_not_seen", job=job.id, reason=error.message)


async def mind_source(desk: Desk, job: Job) -> None:
    """
    Stop *job* where its audience is gone; make its webhook where that is missing or ended.

    Raises:
        RemoteError: Lytics did not say; look again later.
    """
    lytics = await desk.vendors.lytics(job.lytics_auth)
    if (fault := await _audience_fault(lytics, job)) is not None:
        await _stop(desk, job, fault)
    elif is_webhook_wanted(job):
        await _mind_webhook(desk, lytics, job)


async def _audience_fault(lytics: LyticsClient, job: Job) -> str | None:
    try:
        audience = await lytics.audience(job.config.segment_id)
    except RemoteMissing:
        return f"The audience {job.audience_name!r} is no longer in Lytics. Duplicate this job with another audience."
    if audience.is_deleted:
        return f"The audience {job.audience_name!r} was deleted in Lytics. Duplicate this job with another audience."
    if not audience.is_valid:
        reason = audience.invalid_reason or "no reason given"
        return (
            f"Lytics calls the audience {job.audience_name!r} invalid ({reason}). Mend it there, then restart this job."
        )
    return None


async def _stop(desk: Desk, job: Job, reason: str) -> None:
    def work(txn: Txn) -> None:
        if job.status not in SENDING:
            return
        status = next_status(job.status, Event.FAULT)
        if jobs.change_job_if(txn, job.key, expected=job.status, status=status, cause=Cause.AUDIENCE, reason=reason):
            notes.add_log(txn, LogEntry(job.key, "error", reason, LogCode.FAULT))

    await desk.database.write(work)
    desk.refresh()


async def _mind_webhook(desk: Desk, lytics: LyticsClient, job: Job) -> None:
    webhook = job.webhook
    if webhook.state == "made":
        status = await _status(lytics, webhook.job_id)
        if status in ENDED or status == GONE:
            _, is_kept = await replace_webhook(desk, job)
            if is_kept:
                await _make_good(desk, job, status)
    elif webhook.is_tried_again or not webhook.note:
        await in_step(desk, job)


async def _status(lytics: LyticsClient, webhook_job_id: str) -> str:
    try:
        return await lytics.webhook_status(webhook_job_id)
    except RemoteMissing:
        return GONE


async def _make_good(desk: Desk, job: Job, status: str) -> None:
    """Say that triggers may have been missed, and look for what they would have said."""
    message = f"The webhook in Lytics had ended ({status}), so triggers may have been missed. Usher made a new one."
    if job.is_baselined:
        message += " A reconcile finds what was missed."

    def work(txn: Txn) -> None:
        notes.add_log(txn, LogEntry(job.key, "warn", message, LogCode.WEBHOOK_LOST))
        if job.is_baselined and job.status is not Status.PAUSED:
            jobs.change_job(txn, job.key, scan_wanted="reconcile")

    await desk.database.write(work)
    desk.refresh()
