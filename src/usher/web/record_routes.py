"""What is kept for admins to look at, over REST: unreadable messages and the audit trail."""

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_from_ms
from usher.domain.notes import AuditEntry
from usher.jobs import records
from usher.jobs.records import UnreadableMessage
from usher.web.callers import Caller
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok, page
from usher.web.request_shapes import Cursor


class UnreadableBody(BaseModel):
    """A trigger message, or one item of it, that made no sense; *body* is its beginning, *size* the bytes kept."""

    id: str
    timestamp: str
    reason: str
    auth_id: str
    job_id: str | None
    size: int
    body: str | None


class AuditBody(BaseModel):
    """Who did what, and to what."""

    id: str
    timestamp: str
    actor: str
    action: str
    object: str
    note: str


async def list_unreadable(request: Request, caller: Caller, cursor: Cursor = None) -> Ok[list[UnreadableBody]]:
    """List what made no sense, newest first, 50 at a time; the look is audited."""
    found, following = await records.page_of_unreadable(deps_of(request).desk, caller, cursor)
    return page(request, [_unreadable_body(one) for one in found], following)


async def show_unreadable(request: Request, caller: Caller, entry_id: str) -> Ok[UnreadableBody]:
    """Show one message that made no sense; the look is audited."""
    return ok(request, _unreadable_body(await records.show_unreadable(deps_of(request).desk, caller, entry_id)))


async def list_audit(request: Request, cursor: Cursor = None) -> Ok[list[AuditBody]]:
    """List who did what, newest first, 200 at a time."""
    found, following = await records.page_of_audit(deps_of(request).desk, cursor)
    return page(request, [_audit_body(entry) for entry in found], following)


def _unreadable_body(message: UnreadableMessage) -> UnreadableBody:
    return UnreadableBody(
        id=str(message.id),
        timestamp=iso_from_ms(message.at_ms),
        reason=message.reason,
        auth_id=message.auth_id,
        job_id=message.job_id,
        size=message.body_bytes,
        body=message.body,
    )


def _audit_body(entry: AuditEntry) -> AuditBody:
    return AuditBody(
        id=str(entry.id),
        timestamp=iso_from_ms(entry.at_ms),
        actor=entry.actor,
        action=entry.action,
        object=entry.what,
        note=entry.note,
    )
