"""
A job, and a line of its log, as the API shows them.

The published keys are Lytics' (models.JobResponse, models.JobLog, confirmed); everything of ours is under `meta`.
A key that has no value is left out, because the published schemas know no null.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel

from usher.clock import iso_from_ms, iso_or_none
from usher.domain.job import Job, Status
from usher.domain.notes import LogCode, LogEntry
from usher.mapp.wire import attribute_key

WORKFLOW = "mapp_trigger_export"
WORKFLOW_SLUG = "mapp-trigger-export"
ROUTINE_CODE = "UNKNOWN-000"  # Lytics' log lines always carry a code
PUBLISHED = frozenset({LogCode.FAULT})  # the others are ours


class JobConfigBody(BaseModel):
    """The configuration under the names that Lytics' API gives its keys; those from `identifier_type` on are ours."""

    segment_id: str
    uid_field: str
    group_id: str
    mapp_attribute_name: str
    enable_dynamic_attributes: bool
    dynamic_attribute_prefix: str
    withbackfill: bool
    backfill_only: bool
    create_users: bool
    identifier_type: str
    lowercase_identifiers: bool
    reconcile_hours: float
    exit_brake: bool
    exit_brake_people: int
    exit_brake_percent: float
    allow_unlisted_group: bool


class WebhookBody(BaseModel):
    """How triggers reach the job: "made" by Usher, "manual" (paste *help* into Lytics), or "off"."""

    state: str
    job_id: str | None = None
    note: str | None = None
    help: dict[str, Any] | None = None


class JobMeta(BaseModel):
    """What Usher knows of a job beyond what Lytics' shape has room for."""

    reason: str | None = None
    cause: str | None = None
    attribute_key: str
    audience_slug: str
    audience_name: str
    mapp_auth: str
    lytics_auth: str
    webhook: WebhookBody
    first_trigger: str | None = None
    last_trigger: str | None = None
    exits_held: bool
    scan_wanted: str | None = None
    next_reconcile: str | None = None
    is_baselined: bool
    created_by: str | None = None
    notes: list[str] | None = None


class JobBody(BaseModel):
    """One job."""

    id: str
    name: str
    description: str
    workflow: str = WORKFLOW
    status: Literal["runnable", "sleeping", "paused", "completed", "fault", "failed", "killed", "deleted"]
    auth_ids: list[str]
    config: JobConfigBody
    sleep_until: str | None = None
    user_id: str | None = None
    created: str
    updated: str
    deleted: bool
    meta: JobMeta


class JobLogBody(BaseModel):
    """One line of a job's log."""

    job_id: str
    level: str
    message: str
    code: str
    timestamp: str
    context: dict[str, Any]


def job_body(job: Job, *, webhook_help: Mapping[str, Any] | None = None, notes: list[str] | None = None) -> JobBody:
    """
    Return *job* in the published shape.

    Args:
        webhook_help: what to paste into Lytics, where a person must.
        notes: what the caller should know about what was just done.
    """
    return JobBody(
        id=job.id,
        name=job.name,
        description=job.description,
        status=job.status.value,
        auth_ids=[job.mapp_auth, job.lytics_auth],
        config=JobConfigBody(**asdict(job.config)),
        sleep_until=iso_or_none(job.sleep_until_ms) if job.status is Status.SLEEPING else None,
        user_id=job.created_by or None,
        created=iso_from_ms(job.created_ms),
        updated=iso_from_ms(job.updated_ms),
        deleted=job.status is Status.DELETED,
        meta=_meta(job, webhook_help=webhook_help, notes=notes),
    )


def _meta(job: Job, *, webhook_help: Mapping[str, Any] | None, notes: list[str] | None) -> JobMeta:
    return JobMeta(
        reason=job.reason or None,
        cause=job.cause.value or None,
        attribute_key=attribute_key(job.target),
        audience_slug=job.audience_slug,
        audience_name=job.audience_name,
        mapp_auth=job.mapp_auth,
        lytics_auth=job.lytics_auth,
        webhook=_webhook(job, webhook_help=webhook_help),
        first_trigger=iso_or_none(job.first_trigger_ms),
        last_trigger=iso_or_none(job.last_trigger_ms),
        exits_held=job.exits_held,
        scan_wanted=job.scan_wanted or None,
        next_reconcile=iso_or_none(job.next_reconcile_ms),
        is_baselined=job.is_baselined,
        created_by=job.created_by or None,
        notes=notes or None,
    )


def _webhook(job: Job, *, webhook_help: Mapping[str, Any] | None) -> WebhookBody:
    return WebhookBody(
        state=job.webhook.state,
        job_id=job.webhook.job_id or None,
        note=job.webhook.note or None,
        help=dict(webhook_help) if webhook_help else None,
    )


def log_body(entry: LogEntry, *, job_id: str) -> JobLogBody:
    return JobLogBody(
        job_id=job_id,
        level=entry.level,
        message=entry.message,
        code=entry.code if entry.code in PUBLISHED else ROUTINE_CODE,
        timestamp=iso_from_ms(entry.at_ms),
        context=entry.context or {},
    )
