"""
Whether a job's triggers can still come: its audience is there as it was, and its webhook in Lytics is at work.

What ended in Lytics is made anew, and what was missed meanwhile is found by a reconcile. Of several processes that
could look, one does.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from usher.domain.job import Job, Webhook
from usher.domain.trigger_gap import GapKind
from usher.errors import RemoteMissing, RemoteRefused, RemoteUnknown, RemoteUnreachable, UsherError
from usher.jobs.desk import Desk
from usher.jobs.source_faults import keep_seen, look_at
from usher.jobs.trigger_gaps import mind_silence, note_alive, open_gap
from usher.jobs.webhooks import in_step, is_webhook_wanted, replace_webhook
from usher.lytics.client import LyticsClient
from usher.store import jobs
from usher.store.authorizations import authorization_by_id, note_health
from usher.store.database import Txn
from usher.store.gaps import gap_of
from usher.store.source_facts import SourceFacts, forget_ended, keep_source_facts, source_facts

LEASE = "sources"
LOOK_SECONDS = 300.0
ALIVE_SECONDS = 60.0
TURN_SECONDS = 5.0  # how soon one that may not look asks again whether it may
ENDED = frozenset({"failed", "killed", "deleted", "completed"})  # Lytics' words for a job that sends nothing more
STALLED = frozenset({"sleeping", "paused"})  # and for one that sends nothing now
STALLED_MS = 240_000  # seen at two looks: a short sleep after one 503 is nobody's business
GONE = "missing"
MOST_UNANSWERED = 3  # in a row, of an account that did not answer before either; the others wait for the next look

logger = structlog.get_logger("usher.jobs")


async def _always() -> bool:
    return True


async def watch_sources(desk: Desk, *, may_watch: Callable[[], Awaitable[bool]] = _always) -> None:
    """
    Look as soon as this process may, and every LOOK_SECONDS, until cancelled; tell each minute that it is alive.

    Args:
        may_watch: asked before each look; takes the lease LEASE where several processes could look.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(by_turns(desk, note_alive, every_seconds=ALIVE_SECONDS, may_watch=may_watch))
        group.create_task(by_turns(desk, mind_sources, every_seconds=LOOK_SECONDS, may_watch=may_watch))


async def by_turns(
    desk: Desk,
    work: Callable[[Desk], Awaitable[None]],
    *,
    every_seconds: float,
    may_watch: Callable[[], Awaitable[bool]],
) -> None:
    """Do *work* whenever it is time and this process may, until cancelled; what fails is done at its next time."""
    while True:
        is_mine = False
        try:
            is_mine = await may_watch()
            if is_mine:
                await work(desk)
        except UsherError as error:
            logger.warning("sources_not_looked_at", reason=error.message)
        except Exception:
            logger.exception("source_watch_failed")
        await desk.clock.sleep(every_seconds if is_mine else TURN_SECONDS)


async def mind_sources(desk: Desk) -> None:
    """See to the source of every live job; one that cannot be seen to keeps nobody else waiting for the next look."""
    by_auth: defaultdict[str, list[Job]] = defaultdict(list)
    for job in await desk.database.read(jobs.live_jobs):
        by_auth[job.lytics_auth].append(job)
    async with asyncio.TaskGroup() as group:
        for auth_id, theirs in by_auth.items():
            group.create_task(_mind_account(desk, auth_id, theirs))
    await desk.database.write(forget_ended)


async def _mind_account(desk: Desk, auth_id: str, theirs: list[Job]) -> None:
    """See to the jobs of one Lytics account; one that answers nothing is not waited for once for each of them."""
    try:
        fields = await _fields(desk, auth_id)
    except UsherError as error:
        logger.warning("sources_not_looked_at", reason=error.message)
        return
    unanswered = 0
    for job in theirs:
        try:
            if fields is None and unanswered >= MOST_UNANSWERED:
                await mind_silence(desk, job)
            else:
                await mind_source(desk, job, fields=fields or frozenset())
                unanswered = 0
        except UsherError as error:
            unanswered += isinstance(error, RemoteUnreachable | RemoteUnknown)
            logger.info("source_not_seen", job=job.id, reason=error.message)
        except Exception:
            logger.exception("source_watch_failed", job=job.id)


async def _fields(desk: Desk, auth_id: str) -> frozenset[str] | None:
    """
    Return the names of all fields: none where Lytics does not say, None where it does not answer.

    A refusal shows in the authorization's health.
    """
    try:
        lytics = await desk.vendors.lytics(auth_id)
        found = frozenset(field.name for field in await lytics.fields())
    except RemoteRefused as error:
        await _note_health(desk, auth_id, is_healthy=False, note=error.message)
        return frozenset()
    except UsherError as error:
        logger.info("fields_not_seen", authorization=auth_id, reason=error.message)
        return None if isinstance(error, RemoteUnreachable | RemoteUnknown) else frozenset()
    await _note_health(desk, auth_id, is_healthy=True)
    return found


async def _note_health(desk: Desk, auth_id: str, *, is_healthy: bool, note: str = "") -> None:
    found = await desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    if (found.status == "healthy") is not is_healthy:
        await desk.database.write(lambda txn: note_health(txn, auth_id, is_healthy=is_healthy, note=note))


async def mind_source(desk: Desk, job: Job, *, fields: frozenset[str] = frozenset()) -> None:
    """
    Stop *job* where its source is gone, and let it go on where it is back; make its webhook where that is missing.

    Args:
        fields: the names of all fields of people's profiles; none: Lytics did not say.

    Raises:
        RemoteError: Lytics did not say; look again later.
    """
    await mind_silence(desk, job)  # asks nobody, so it is told even while Lytics does not answer
    lytics = await desk.vendors.lytics(job.lytics_auth)
    seen = await look_at(lytics, job, fields=fields)
    is_redefined = await keep_seen(desk, job, seen)
    if seen.is_there and is_webhook_wanted(job):
        await _mind_webhook(desk, lytics, job, is_redefined=is_redefined)


async def _mind_webhook(desk: Desk, lytics: LyticsClient, job: Job, *, is_redefined: bool) -> None:
    webhook = job.webhook
    if webhook.state != "made":
        if webhook.is_tried_again or not webhook.note:
            await in_step(desk, job)
        return
    status = await _status(lytics, webhook.job_id)
    if status in ENDED or status == GONE:
        after, is_kept = await replace_webhook(desk, job, older=f"It has ended ({status})")
        if is_kept:
            await _note_ended(desk, after, status, was=webhook)
    elif is_redefined:
        await replace_webhook(desk, job, older="It was made before the audience was redefined")
    else:
        await _note_status(desk, job, status)


async def _status(lytics: LyticsClient, webhook_job_id: str) -> str:
    try:
        return await lytics.webhook_status(webhook_job_id)
    except RemoteMissing:
        return GONE


async def _note_ended(desk: Desk, job: Job, status: str, *, was: Webhook) -> None:
    """
    Say that triggers may have been missed: once for a webhook that cannot be made anew, and again once it is.

    Where triggers come all the same, a person has made another webhook; that this one has ended is nothing new then.
    """
    is_remade = job.webhook.job_id != was.job_id

    def work(txn: Txn) -> None:
        known, gap = source_facts(txn, job.key) or SourceFacts(), gap_of(txn, job.key)
        is_told = known.ended == was.job_id and (
            (job.last_trigger_ms or 0) > known.ended_ms or (gap is not None and gap.kind is GapKind.ENDED)
        )
        keep_source_facts(txn, job.key, _after_end(known, txn.now_ms, ended="" if is_remade else was.job_id))
        if is_remade or not is_told:
            also = "Usher made a new webhook." if is_remade and job.webhook.state == "made" else job.webhook.note
            since_ms = job.last_trigger_ms or job.created_ms
            open_gap(txn, job, GapKind.ENDED, since_ms=since_ms, note=status, also=also)

    await desk.database.write(work)
    desk.refresh()


def _after_end(known: SourceFacts, now_ms: int, *, ended: str) -> SourceFacts:
    if not ended:
        return replace(known, stalled_ms=None, ended="", ended_ms=0)
    ended_ms = known.ended_ms if known.ended == ended else now_ms
    return replace(known, stalled_ms=known.stalled_ms or now_ms, ended=ended, ended_ms=ended_ms)


async def _note_status(desk: Desk, job: Job, status: str) -> None:
    """Say that the webhook does not work where that lasts; one that does is nothing to speak of."""

    def work(txn: Txn) -> None:
        known = source_facts(txn, job.key) or SourceFacts()
        stalled_ms = (known.stalled_ms or txn.now_ms) if status in STALLED else None
        if stalled_ms != known.stalled_ms:
            keep_source_facts(txn, job.key, replace(known, stalled_ms=stalled_ms))
        if stalled_ms is not None and txn.now_ms - stalled_ms >= STALLED_MS and gap_of(txn, job.key) is None:
            open_gap(txn, job, GapKind.STALLED, since_ms=stalled_ms, note=status)
            desk.refresh()

    is_stalled = await desk.database.read(lambda txn: (source_facts(txn, job.key) or SourceFacts()).stalled_ms)
    if is_stalled is not None or status in STALLED:
        await desk.database.write(work)
