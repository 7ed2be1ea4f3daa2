"""
Credentials that are tried before they are taken into use.

Until the test passes nothing is saved and the old ones stay in force, so that no job stops for a slip of the hand.
"""

from dataclasses import dataclass

from usher.access.roles import Actor
from usher.errors import Problem
from usher.jobs.authorizations import change_authorization, check_new, create_authorization, held_credentials
from usher.jobs.credentials import Credentials, Kind, kind_of, read_credentials
from usher.jobs.desk import Desk
from usher.jobs.drafts import AuthDraft
from usher.jobs.testing import TestReport, note_report, test_credentials
from usher.store.authorizations import Authorization, authorization_by_id

__all__ = ["Taken", "add_tested", "change_tested", "save_with_report"]


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What came of credentials.

    Args:
        auth: as it is kept now, without its secrets; None where no job could work with it, so that nothing changed.
        report: what the test found; None where nothing that a vendor sees would change, so that nobody was asked.
    """

    auth: Authorization | None
    report: TestReport | None


async def add_tested(desk: Desk, actor: Actor, draft: AuthDraft, *, insists: bool = False) -> Taken:
    """
    Test new credentials, and save them if jobs can work with them. Safe to repeat: the same ones are saved once.

    Args:
        insists: save them whatever the test finds; its finding is kept as their health.

    Raises:
        InvalidInput: every problem, each naming its field; nobody was asked.
    """
    kind, credentials = check_new(desk, draft)
    report = await test_credentials(desk, kind, credentials)
    if not (report.is_usable or insists):
        return Taken(None, report)
    return Taken(await save_with_report(desk, actor, draft, report), report)


async def save_with_report(desk: Desk, actor: Actor, draft: AuthDraft, report: TestReport) -> Authorization:
    """
    Save new credentials that were tested already, and note *report* as their health; nobody is asked.

    These are two commits. Safe to repeat, also after the first alone: the same ones are saved once.

    Raises:
        InvalidInput: every problem, each naming its field; nothing was saved.
    """
    auth = await create_authorization(desk, actor, draft, once=True)
    await desk.database.write(lambda txn: note_report(txn, actor, auth.id, report))
    return auth


async def change_tested(desk: Desk, actor: Actor, auth_id: str, draft: AuthDraft, *, insists: bool = False) -> Taken:
    """
    Change an authorization as *change_authorization* does, but test credentials before they replace the old ones.

    Args:
        insists: replace them whatever the test finds.

    Raises:
        NotFound, InvalidInput, Conflict: as *change_authorization*; nothing was changed.
    """
    auth = await desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    new = _replacing(desk, auth, draft)
    if new is None:
        return Taken(await change_authorization(desk, actor, auth_id, draft), None)
    report = await test_credentials(desk, *new)
    if not (report.is_usable or insists):
        return Taken(None, report)
    changed = await change_authorization(desk, actor, auth_id, draft)
    await desk.database.write(lambda txn: note_report(txn, actor, auth_id, report))
    return Taken(changed, report)


def _replacing(desk: Desk, auth: Authorization, draft: AuthDraft) -> tuple[Kind, Credentials] | None:
    """Return the credentials that *draft* would put in place; None where they are the same, or have problems."""
    problems: list[Problem] = [*draft.problems]
    kind, held = kind_of(draft.type or auth.type, problems), held_credentials(desk, auth)
    if kind is None or kind.provider != auth.provider:
        return None
    new = read_credentials(
        kind,
        draft.config or {},
        problems,
        allow_http=desk.allow_http,
        allow_private=desk.allow_private,
        held=held,
    )
    return None if problems or draft.label == "" or _is_alike(kind, held, new) else (kind, new)


def _is_alike(kind: Kind, held: Credentials, new: Credentials) -> bool:
    """Whether a vendor would see no difference; limits are ours alone."""
    settings = [(held.config.get(name), new.config.get(name)) for name in kind.settings]
    return new.secrets == held.secrets and all(old == fresh for old, fresh in settings)
