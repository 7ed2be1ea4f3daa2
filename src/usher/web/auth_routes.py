"""Authorizations and trigger endpoints over REST."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from usher.errors import NotFound
from usher.jobs import authorizations, endpoint, reading
from usher.jobs.credentials import KINDS
from usher.jobs.drafts import AuthDraft, read_auth_draft
from usher.web.auth_shape import AuthBody, auth_body
from usher.web.body import JsonObject
from usher.web.callers import Caller
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok
from usher.web.failures import CodedNotFound


class CheckBody(BaseModel):
    """One question to a vendor; *is_passed* is null where the answer says neither."""

    asked: str
    is_passed: bool | None
    said: str
    took_ms: int


class ReportBody(BaseModel):
    """What a test of credentials found, in sentences and figures."""

    is_healthy: bool
    is_usable: bool
    is_reached: bool
    findings: list[str]
    checks: list[CheckBody]
    groups: dict[str, str] | None
    audiences: int | None
    fields: int | None
    are_values_redacted: bool | None


class GroupBody(BaseModel):
    """One group of a Mapp account."""

    id: str
    name: str


class EndpointBody(BaseModel):
    """Where Lytics sends triggers; *header* holds the token."""

    url: str
    header: str
    paste: dict[str, Any]
    notes: list[str]


class EndedBody(BaseModel):
    """How many older tokens ended."""

    ended: int


async def create_authorization(request: Request, caller: Caller, auth_type: str, body: JsonObject) -> Ok[AuthBody]:
    """Save credentials. They are never shown again."""
    draft = _draft(auth_type, body)
    desk = deps_of(request).desk
    made = await authorizations.create_authorization(desk, caller, draft)
    return ok(request, auth_body(made, notes=await authorizations.notes_about(desk, made)), status=201)


async def list_authorizations(request: Request) -> Ok[list[AuthBody]]:
    """List the authorizations, oldest first."""
    found = await authorizations.list_authorizations(deps_of(request).desk)
    return ok(request, [auth_body(auth) for auth in found])


async def show_authorization(request: Request, auth_id: str) -> Ok[AuthBody]:
    """Show one authorization."""
    return ok(request, auth_body(await authorizations.show_authorization(deps_of(request).desk, auth_id)))


async def show_typed_authorization(request: Request, auth_type: str, auth_id: str) -> Ok[AuthBody]:
    """Show one authorization of a type."""
    auth = await authorizations.show_authorization(deps_of(request).desk, auth_id)
    if auth.type != _kind(auth_type):
        raise NotFound(f"There is no authorization {auth_id!r} of the type {auth_type[:64]!r}.")
    return ok(request, auth_body(auth))


async def change_authorization(
    request: Request, caller: Caller, auth_type: str, auth_id: str, body: JsonObject
) -> Ok[AuthBody]:
    """Rename it, or put new credentials in place; what is left out stays."""
    draft = _draft(auth_type, body)
    desk = deps_of(request).desk
    changed = await authorizations.change_authorization(desk, caller, auth_id, draft)
    return ok(request, auth_body(changed, notes=await authorizations.notes_about(desk, changed)))


async def test_authorization(request: Request, caller: Caller, auth_id: str) -> Ok[ReportBody]:
    """Make real calls that change nothing, and say what they showed."""
    report = await authorizations.test_authorization(deps_of(request).desk, caller, auth_id)
    return ok(request, _report_body(report))


def _report_body(report: authorizations.TestReport) -> ReportBody:
    return ReportBody.model_validate(asdict(report) | {"is_usable": report.is_usable})


def testing_of(kind: str) -> Callable[[Request, JsonObject], Awaitable[Ok[ReportBody]]]:
    """Make the handler for one type, whose name would else be taken for the id of a saved authorization."""

    async def handle(request: Request, body: JsonObject) -> Ok[ReportBody]:
        report = await authorizations.test_draft(deps_of(request).desk, read_auth_draft(body, kind=kind))
        return ok(request, _report_body(report))

    handle.__name__ = "test_credentials"
    handle.__doc__ = "Make real calls with credentials that are not saved, and say what they showed."
    return handle


async def list_groups(request: Request, auth_id: str) -> Ok[list[GroupBody]]:
    """List the groups of a Mapp account, as far as Mapp names them."""
    found = await reading.read_groups(deps_of(request).desk, auth_id)
    return ok(request, [GroupBody(id=group_id, name=name) for group_id, name in found.items()])


async def delete_authorization(request: Request, caller: Caller, auth_id: str) -> Ok[dict[str, str]]:
    """Forget credentials that no live job uses."""
    await authorizations.delete_authorization(deps_of(request).desk, caller, auth_id)
    return ok(request, {})


async def trigger_endpoint(request: Request, caller: Caller, auth_id: str) -> Ok[EndpointBody]:
    """Show where Lytics sends triggers, and the token; the reading is audited."""
    found = await endpoint.trigger_endpoint(deps_of(request).desk, caller, auth_id)
    return ok(request, EndpointBody.model_validate(asdict(found)))


async def new_trigger_token(request: Request, caller: Caller, auth_id: str) -> Ok[EndpointBody]:
    """Make a new trigger token; the one before goes on for 7 days."""
    found = await endpoint.new_trigger_token(deps_of(request).desk, caller, auth_id)
    return ok(request, EndpointBody.model_validate(asdict(found)))


async def drop_old_trigger_tokens(request: Request, caller: Caller, auth_id: str) -> Ok[EndedBody]:
    """End every trigger token but the newest now."""
    ended = await endpoint.drop_old_trigger_tokens(deps_of(request).desk, caller, auth_id)
    return ok(request, EndedBody(ended=ended))


def _draft(auth_type: str, body: dict[str, Any]) -> AuthDraft:
    return read_auth_draft(body, kind=_kind(auth_type))


def _kind(auth_type: str) -> str:
    """Take a type as Lytics' routes spell it, or as its bodies do."""
    kind = auth_type.replace("_", "-")
    if kind not in KINDS:
        message = f"There is no type of authorization {auth_type[:64]!r}. There are {', '.join(KINDS)}."
        raise CodedNotFound(message, code="AUTHTYPE-NOTFOUND-007")
    return kind
