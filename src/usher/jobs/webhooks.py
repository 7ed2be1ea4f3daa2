"""
How Lytics comes to send a job's triggers here: by a webhook that Usher makes in Lytics, or one that a person pastes.

Whatever Lytics answers, the job itself goes on; what could not be done is said in the webhook's note.
"""

from dataclasses import asdict, dataclass, replace

from usher.access.roles import Actor
from usher.domain.job import Cause, Job, Status, Webhook
from usher.domain.notes import LogCode, LogEntry
from usher.errors import Conflict, RemoteUnknown, RemoteUnreachable, UsherError
from usher.jobs.desk import Desk
from usher.jobs.reach import trigger_url, why_unreached
from usher.jobs.sealing import open_trigger_token
from usher.lytics.webhooks import BATCH_SIZE, WebhookJob
from usher.store import jobs, notes
from usher.store.authorizations import trigger_tokens_of
from usher.store.database import Txn

LABEL_CHARS = 60
ENDED = frozenset({Status.KILLED, Status.DELETED})


@dataclass(frozen=True, slots=True)
class PasteHelp:
    """
    What to enter in Lytics by hand, in the words of its forms.

    Args:
        header: names where the token is read; it is not the token.
    """

    provider: str
    job_type: str
    webhook_url: str
    authorization_type: str
    header: str
    audience: str
    segment_id: str
    export_fields: str
    batch_requests: bool
    batch_size: int
    existing_users: bool
    heard: str


def is_webhook_wanted(job: Job) -> bool:
    """A Backfill Only job sends who is inside once; an ended one sends nobody, nor does one before its start."""
    return not job.config.backfill_only and job.status not in ENDED and job.cause is not Cause.UNSTARTED


async def in_step(desk: Desk, job: Job) -> Job:
    """
    Make the webhook that *job* lacks, or take away the one it no longer wants; return the job as it is then.

    Never raises for what Lytics does. Safe to repeat.
    """
    is_wanted = is_webhook_wanted(job)
    if is_wanted and job.webhook.state == "made":
        return job
    webhook = await (_made(desk, job) if is_wanted else remove_webhook(desk, job))
    after, is_kept = await _keep(desk, job, webhook)
    is_done = is_kept and is_webhook_wanted(after) == is_wanted
    return after if is_done else await in_step(desk, after)  # somebody ended it, or made another, meanwhile


async def remake_webhook(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Make the job's webhook anew, with the newest trigger token; the old one goes once the new one is there.

    Raises:
        NotFound: there is no such job.
        Conflict: it wants none: it has ended, was never started, or is Backfill Only.
    """

    def work(txn: Txn) -> Job:
        job = jobs.job_by_id(txn, job_id)
        if not is_webhook_wanted(job):
            raise Conflict("This job takes in no triggers, so it needs no webhook.")
        notes.add_audit(txn, actor=actor.name, action="job.webhook", what=job.id)
        return job

    return await renew(desk, await desk.database.write(work))


async def renew(desk: Desk, job: Job) -> Job:
    """As *remake_webhook*, after the token changed. What both webhooks send meanwhile is taken in once."""
    after, is_kept = await replace_webhook(desk, job)
    if not is_webhook_wanted(after):
        return await in_step(desk, after)
    return after if is_kept else await renew(desk, after)  # what another made meanwhile may present the older token


async def replace_webhook(
    desk: Desk, job: Job, *, older: str = "It presents an older trigger token"
) -> tuple[Job, bool]:
    """
    Put a new webhook in the place of the one that *job* was read with.

    Args:
        older: what is wrong with that one, said where no new one can be made.

    Returns:
        The job as it is then, and False where another webhook had taken that place; then the other one stays.
    """
    fresh = await _made(desk, job)
    if fresh.state != "made" and job.webhook.state == "made":
        note = f"{older}, and no new webhook could be made: {fresh.note}"
        return await _keep(desk, job, Webhook("made", job.webhook.job_id, job.webhook.auth_id, note))
    old = await remove_webhook(desk, job)
    return await _keep(desk, job, Webhook(fresh.state, fresh.job_id, fresh.auth_id, fresh.note or old.note))


async def remove_webhook(desk: Desk, job: Job) -> Webhook:
    """Take the webhook of *job* out of Lytics; what could not be taken away is in the note. Safe to repeat."""
    webhook = job.webhook
    if not webhook.job_id:
        return Webhook("off")
    try:
        lytics = await desk.vendors.lytics(job.lytics_auth)
        await lytics.remove_trigger_webhook(WebhookJob(webhook.job_id, webhook.auth_id))
    except UsherError as error:
        note = f"Remove the webhook job {webhook.job_id} in Lytics by hand: {error.message}"
        return Webhook("off", webhook.job_id, webhook.auth_id, note)
    return Webhook("off")


def paste_help(desk: Desk, job: Job) -> PasteHelp | None:
    """Return what to enter in Lytics so that it sends the job's triggers, or None where nothing is to be entered."""
    if job.webhook.state != "manual" or not is_webhook_wanted(job):
        return None
    endpoint = f"/v2/auth/{job.lytics_auth}/trigger-endpoint"
    return PasteHelp(
        provider="Webhooks",
        job_type="Audience Triggers Webhook",
        webhook_url=trigger_url(desk, job.lytics_auth),
        authorization_type="header_param_auth (webhook_request_headers)",
        header=f"Authorization: Bearer <trigger token: an administrator reads it at {endpoint}>",
        audience=job.audience_name,
        segment_id=job.config.segment_id,
        export_fields=job.config.uid_field,
        batch_requests=True,
        batch_size=BATCH_SIZE,
        existing_users=False,
        heard=heard(job),
    )


def help_as_dict(desk: Desk, job: Job) -> dict[str, object] | None:
    found = paste_help(desk, job)
    return None if found is None else asdict(found)


def heard(job: Job) -> str:
    """Say whether Lytics has ever sent a trigger for *job*."""
    return "Triggers arrive." if job.first_trigger_ms is not None else "No trigger has ever arrived."


async def _made(desk: Desk, job: Job) -> Webhook:
    if unreached := why_unreached(desk):
        return Webhook("manual", note=unreached)
    try:
        lytics = await desk.vendors.lytics(job.lytics_auth)
        made = await lytics.make_trigger_webhook(
            audience_id=job.config.segment_id,
            label=f"Usher: {job.name}"[:LABEL_CHARS],
            url=trigger_url(desk, job.lytics_auth),
            authorization_header=f"Bearer {await _newest_token(desk, job.lytics_auth)}",
            identifier_field=job.config.uid_field,
        )
    except (RemoteUnreachable, RemoteUnknown) as error:
        note = f"Usher could not make the webhook in Lytics yet, and tries again by itself: {error.message}"
        return Webhook("manual", note=note, is_tried_again=True)
    except UsherError as error:
        return Webhook("manual", note=f"Usher could not make the webhook in Lytics: {error.message}")
    return Webhook("made", made.job_id, made.auth_id)


async def _newest_token(desk: Desk, auth_id: str) -> str:
    tokens = await desk.database.read(lambda txn: trigger_tokens_of(txn, auth_id))
    if not tokens:
        raise Conflict("The Lytics authorization has no trigger token. Make one at its trigger endpoint.")
    return open_trigger_token(desk.vault, tokens[0])


async def _keep(desk: Desk, job: Job, webhook: Webhook) -> tuple[Job, bool]:
    """
    Write the webhook down, unless another took the place of the one that *job* was read with; then *webhook* goes.

    A note is a line in the job's log too. Returns the job as it is then, and whether *webhook* was written down.
    """

    def work(txn: Txn) -> tuple[Job, bool]:
        found = jobs.job_by_key(txn, job.key).webhook
        is_kept = found.job_id == job.webhook.job_id  # people's work is done one at a time, so it stays so
        if is_kept and webhook != found:
            jobs.change_job(txn, job.key, webhook=webhook)
            _say(txn, job, webhook)
        return jobs.job_by_key(txn, job.key), is_kept

    after, is_kept = await desk.database.write(work)
    if not is_kept and webhook.state == "made" and webhook.job_id not in {job.webhook.job_id, after.webhook.job_id}:
        await _take_back(desk, job, webhook)
    return after, is_kept


async def _take_back(desk: Desk, job: Job, webhook: Webhook) -> None:
    left = await remove_webhook(desk, replace(job, webhook=webhook))
    if left.note:
        await desk.database.write(lambda txn: _say(txn, job, left))


def _say(txn: Txn, job: Job, webhook: Webhook) -> None:
    level = "warn" if webhook.note else "info"
    notes.add_log(txn, LogEntry(job.key, level, webhook.note or _SAID[webhook.state], LogCode.WEBHOOK))


_SAID = {
    "made": "Lytics sends this job's triggers here now.",
    "manual": "The webhook must be made in Lytics by hand.",
    "off": "The webhook was removed from Lytics.",
}
