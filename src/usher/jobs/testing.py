"""A test of credentials, saved or not: real calls that change nothing, and what they showed, in sentences."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from usher.access.roles import Actor
from usher.errors import InvalidInput, RemoteError
from usher.jobs.credential_checks import UNREACHABLE, Check, TestReport, ask_lytics, ask_mapp
from usher.jobs.credentials import Credentials, Kind, kind_of, read_credentials
from usher.jobs.desk import Desk
from usher.jobs.drafts import AuthDraft
from usher.jobs.vendors import MAPP
from usher.store.authorizations import authorization_by_id, note_health
from usher.store.database import Txn
from usher.store.notes import add_audit

__all__ = ["Check", "TestReport", "note_report", "test_authorization", "test_credentials", "test_draft"]

T = TypeVar("T")


async def test_authorization(desk: Desk, actor: Actor, auth_id: str) -> TestReport:
    """
    Ask the vendor, note how healthy the authorization is, and say what was found. Safe to repeat.

    A vendor that cannot be reached leaves the noted health as it was: its silence says nothing about credentials.

    Raises:
        NotFound: there is no authorization by that id.
    """
    auth = await desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    report = TestReport()
    if auth.provider == MAPP:
        await _run(ask_mapp(desk, desk.vendors.mapp(auth_id), report, has_rest=_has_rest(auth.config)), report)
    else:
        await _run(ask_lytics(desk, desk.vendors.lytics(auth_id), report), report)

    await desk.database.write(lambda txn: note_report(txn, actor, auth_id, report))
    return report


test_authorization.__test__ = False  # type: ignore[attr-defined] # as above


async def test_draft(desk: Desk, draft: AuthDraft) -> TestReport:
    """
    Ask the vendor with credentials that are not saved; nothing is kept. Safe to repeat.

    Raises:
        InvalidInput: every problem of the credentials, each naming its field; nobody was asked.
    """
    problems = list(draft.problems)
    kind = kind_of(draft.type, problems)
    if kind is None:
        raise InvalidInput(*problems)
    read = read_credentials(
        kind, draft.config or {}, problems, allow_http=desk.allow_http, allow_private=desk.allow_private
    )
    if problems:
        raise InvalidInput(*problems)
    return await test_credentials(desk, kind, read)


test_draft.__test__ = False  # type: ignore[attr-defined] # as above


async def test_credentials(desk: Desk, kind: Kind, read: Credentials) -> TestReport:
    """Ask the vendor with credentials that are valid in themselves; nothing is kept. Safe to repeat."""
    report = TestReport()
    if kind.provider == MAPP:
        mapp = _given(desk.vendors.new_mapp(read.config, read.secrets))
        await _run(ask_mapp(desk, mapp, report, has_rest=_has_rest(read.config)), report)
    else:
        await _run(ask_lytics(desk, _given(desk.vendors.new_lytics(read.config, read.secrets)), report), report)
    return report


test_credentials.__test__ = False  # type: ignore[attr-defined] # as above


def note_report(txn: Txn, actor: Actor, auth_id: str, report: TestReport) -> None:
    """Keep what a test of a saved authorization found: its health, where the vendor answered, and who asked."""
    if report.is_reached:
        note_health(txn, auth_id, is_healthy=report.is_healthy, note=_note(report))
    add_audit(txn, actor=actor.name, action="auth.test", what=auth_id, note=" ".join(report.findings))


async def _given(found: T) -> T:
    return found


async def _run(asking: Awaitable[None], report: TestReport) -> None:
    try:
        await asking
        report.is_healthy = True
    except UNREACHABLE:
        report.is_reached = False
    except (RemoteError, InvalidInput):
        report.is_healthy = False


def _has_rest(config: Mapping[str, Any]) -> bool:
    return bool(config.get("rest_api_url"))


def _note(report: TestReport) -> str:
    if report.are_values_redacted:
        return report.findings[0]
    return "" if report.is_healthy else report.findings[-1]
