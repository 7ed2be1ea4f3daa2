"""
How Lytics is told to send its triggers to Usher: a webhook job, and an authorization that holds its header.

    POST /v2/auth/header-param-auth
        {"label": …, "config": {"webhook_request_headers": "Authorization: Bearer …"}}
    POST /v2/job/webhook-triggers
        {"name": …, "auth_ids": […], "config": {"segment_ids": […], …}}

Either both exist afterwards or neither: what was half made is taken away again.

Source: facts/lytics.md B1, C3, C5 and the schemas models.WebhookTriggers, models.HeaderParamAuth (confirmed).
"""

from dataclasses import dataclass
from typing import Any

from usher.errors import RemoteError, RemoteMissing, RemoteRejected, RemoteUnknown
from usher.lytics.exchange import Exchange, segment_of_path
from usher.lytics.wire import SYSTEM, Answer

BATCH_SIZE = 10  # Lytics drops what is answered 413, and an event may have 1 MB
FLUSH_SECONDS = 1  # Lytics' own default is 5; a trigger should not wait for company
ENDED = frozenset({"killed", "deleted", "completed", "failed"})


@dataclass(frozen=True, slots=True)
class WebhookJob:
    """What was made in Lytics, by Lytics' own ids; keep both, they are needed to remove it."""

    job_id: str
    auth_id: str


async def make_webhook(
    exchange: Exchange,
    *,
    audience_id: str,
    label: str,
    url: str,
    authorization_header: str,
    identifier_field: str,
) -> WebhookJob:
    """See *LyticsClient.make_trigger_webhook*."""
    auth_id = await _make_authorization(exchange, label=label, header=authorization_header)
    config = webhook_config(audience_id, url=url, identifier_field=identifier_field)
    try:
        made = await exchange.create(
            "/v2/job/webhook-triggers",
            operation="make the webhook job",
            body={"name": label, "auth_ids": [auth_id], "config": config},
        )
        return WebhookJob(_id_in(made, what="webhook job"), auth_id)
    except RemoteError as error:
        raise await _after_undoing(exchange, auth_id, error=error) from error


def webhook_config(audience_id: str, *, url: str, identifier_field: str) -> dict[str, Any]:
    """The job's configuration; Lytics takes the audience's id here, not its slug (confirmed)."""
    return {
        "segment_ids": [audience_id],
        "webhook_url": url,
        "http_method": "POST",
        "user_fields": [identifier_field],
        "batch_requests": True,
        "batch_size": BATCH_SIZE,
        "batch_flush_duration": FLUSH_SECONDS,
        "withbackfill": False,
        "include_segs": False,
        "cloudevents": False,
    }


def header_authorization_path() -> str:
    """Inferred: from the rule that a route is its type's name with hyphens (facts/lytics.md D1)."""
    return "/v2/auth/header-param-auth"


async def _make_authorization(exchange: Exchange, *, label: str, header: str) -> str:
    try:
        made = await exchange.create(
            header_authorization_path(),
            operation="make an authorization for the webhook",
            body={
                "label": label,
                "description": "Made by Usher for a webhook; goes with it.",
                "config": {"webhook_request_headers": f"Authorization: {header}"},
            },
            secrets=(header, header.rpartition(" ")[2]),
        )
    except RemoteUnknown as error:
        raise RemoteUnknown(
            f"{error.message} Lytics may hold an authorization named '{label}' now: remove it there.",
            system=SYSTEM,
        ) from error
    return _id_in(made, what="authorization")


async def webhook_status(exchange: Exchange, job_id: str) -> str:
    """See *LyticsClient.webhook_status*."""
    answer = await exchange.get(f"/v2/job/{segment_of_path(job_id)}", operation="look at the webhook job")
    job = answer.data if isinstance(answer.data, dict) else {}
    if job.get("deleted") is True:
        return "deleted"
    status = job.get("status")
    return status if isinstance(status, str) and status else "unknown"


async def remove_webhook(exchange: Exchange, webhook: WebhookJob) -> None:
    """See *LyticsClient.remove_trigger_webhook*."""
    await _remove_job(exchange, webhook.job_id)
    await _remove_authorization(exchange, webhook.auth_id)


async def _remove_job(exchange: Exchange, job_id: str) -> None:
    path = f"/v2/job/{segment_of_path(job_id)}"
    try:
        await exchange.end("POST", f"{path}/kill", operation="stop the webhook job")
    except RemoteMissing:
        return
    except RemoteRejected:
        if await webhook_status(exchange, job_id) not in ENDED:
            raise
    await _delete_ended_job(exchange, path)


async def _delete_ended_job(exchange: Exchange, path: str) -> None:
    """
    Tidy up a job that has ended; Lytics clears it away by itself after 90 days.

    Inferred: that V2 deletes like everything else of V2; only V1's DELETE /api/work/{id} is published.
    So a refusal is no failure: the job sends nothing any more.
    """
    try:
        await exchange.end("DELETE", path, operation="delete the webhook job")
    except (RemoteMissing, RemoteRejected):
        return


async def _remove_authorization(exchange: Exchange, auth_id: str) -> None:
    try:
        await exchange.end(
            "DELETE",
            f"/v2/auth/{segment_of_path(auth_id)}",
            operation="delete the webhook's authorization",
        )
    except RemoteMissing:
        return


async def _after_undoing(exchange: Exchange, auth_id: str, *, error: RemoteError) -> RemoteError:
    """Take the authorization away, and any job that uses it; return *error* with what was left behind."""
    try:
        if _may_have_landed(error):
            for job_id in await _jobs_using(exchange, auth_id):
                await _remove_job(exchange, job_id)
        await _remove_authorization(exchange, auth_id)
    except RemoteError:
        return type(error)(
            f"{error.message} Something was left behind: remove the authorization {auth_id} in Lytics, "
            "and any job that uses it.",
            system=SYSTEM,
            status=error.status,
            retry_after_seconds=error.retry_after_seconds,
        )
    return error


def _may_have_landed(error: RemoteError) -> bool:
    return isinstance(error, RemoteUnknown) or error.status == 201


async def _jobs_using(exchange: Exchange, auth_id: str) -> list[str]:
    """Ids of the jobs that use *auth_id*; each is looked at, lest an ignored filter cost somebody a job."""
    answer = await exchange.get("/v2/job", query={"auth_ids": auth_id}, operation="look for the webhook job")
    jobs = answer.data if isinstance(answer.data, list) else []
    return [job["id"] for job in jobs if isinstance(job, dict) and auth_id in (job.get("auth_ids") or ())]


def _id_in(answer: Answer, *, what: str) -> str:
    found = answer.data.get("id") if isinstance(answer.data, dict) else None
    if not isinstance(found, str) or not found:
        raise RemoteRejected(
            f"Lytics made the {what} but did not say its id: look for it in Lytics.",
            system=SYSTEM,
            status=201,
        )
    return found
