"""Saved credentials: made, listed, renamed, rotated, deleted. What is secret goes in and never comes out."""

from dataclasses import replace
from typing import Any

from usher.access.roles import Actor
from usher.domain.job import Job
from usher.errors import Conflict, InvalidInput, Problem
from usher.jobs.collisions import integration_of, leave_place, place_of, refuse_collision
from usher.jobs.credentials import Credentials, Kind, kind_of, read_credentials
from usher.jobs.desk import Desk
from usher.jobs.drafts import AuthDraft
from usher.jobs.endpoint import fresh_token
from usher.jobs.sealing import open_secrets, seal_secrets
from usher.jobs.testing import TestReport, test_authorization, test_draft
from usher.jobs.vendors import LYTICS, MAPP
from usher.store import authorizations as kept
from usher.store import jobs, notes
from usher.store.authorizations import Authorization
from usher.store.database import Txn
from usher.vault import VaultLocked

__all__ = [
    "TestReport",
    "change_authorization",
    "check_new",
    "create_authorization",
    "delete_authorization",
    "held_credentials",
    "list_authorizations",
    "notes_about",
    "show_authorization",
    "test_authorization",
    "test_draft",
]


async def create_authorization(desk: Desk, actor: Actor, draft: AuthDraft, *, once: bool = False) -> Authorization:
    """
    Save credentials. No vendor is asked: test it afterwards.

    A Lytics authorization gets its trigger token with it.

    Args:
        once: where one is saved that is the same in everything, secrets too, return that: so a form that was sent
            twice saves once. Otherwise it is not safe to repeat.

    Raises:
        InvalidInput: every problem, each naming its field and the mend.
    """
    kind, credentials = check_new(desk, draft)
    auth_id = desk.new_id()
    auth = Authorization(
        id=auth_id,
        provider=kind.provider,
        type=draft.type or "",
        label=draft.label or "",
        description=draft.description or "",
        config=credentials.config,
        secrets=seal_secrets(desk.vault, credentials.secrets, auth_id=auth_id),
        created_by=actor.name,
    )
    token = fresh_token(desk, auth_id) if kind.provider == LYTICS else None

    def work(txn: Txn) -> Authorization:
        if once and (same := _same_saved(desk, txn, auth, credentials)) is not None:
            return same
        kept.add_authorization(txn, auth)
        if token is not None:
            kept.add_trigger_token(txn, replace(token, created_ms=txn.now_ms), older_expire_ms=None)
        notes.add_audit(txn, actor=actor.name, action="auth.create", what=auth.id, note=f"{auth.label} ({auth.type})")
        return kept.authorization_by_id(txn, auth.id)

    return shown(await desk.database.write(work))


def _same_saved(desk: Desk, txn: Txn, auth: Authorization, credentials: Credentials) -> Authorization | None:
    def named(one: Authorization) -> tuple[Any, ...]:
        return (one.type, one.label, one.description, one.config)

    alike = [one for one in kept.all_authorizations(txn) if named(one) == named(auth)]
    return next((one for one in alike if held_credentials(desk, one) == credentials), None)


def check_new(desk: Desk, draft: AuthDraft) -> tuple[Kind, Credentials]:
    """Return what *draft* would save; InvalidInput as *create_authorization*. Nothing is asked or kept."""
    problems = list(draft.problems)
    if not draft.label and not any(problem.field == "label" for problem in problems):
        problems.append(Problem("label", "is required.", "Give the authorization a name."))
    kind = kind_of(draft.type, problems)
    credentials = _credentials(desk, kind, draft, problems, held=None)
    if problems or kind is None:
        raise InvalidInput(*problems)
    return kind, credentials


async def notes_about(desk: Desk, auth: Authorization) -> list[str]:
    """Return what somebody who has just saved *auth* should know; each with the next step."""
    for other in await desk.database.read(kept.all_authorizations):
        if other.label == auth.label and other.id != auth.id:
            said = f"Another authorization is called {auth.label!r} too ({other.id})."
            return [f"{said} Rename one, or name them by their ids."]
    return []


async def list_authorizations(desk: Desk) -> list[Authorization]:
    """Return every authorization, oldest first, without its secrets."""
    return [shown(auth) for auth in await desk.database.read(kept.all_authorizations)]


async def show_authorization(desk: Desk, auth_id: str) -> Authorization:
    """
    Return one authorization without its secrets.

    Raises:
        NotFound: there is none by that id.
    """
    return shown(await desk.database.read(lambda txn: kept.authorization_by_id(txn, auth_id)))


async def change_authorization(desk: Desk, actor: Actor, auth_id: str, draft: AuthDraft) -> Authorization:
    """
    Rename it, or put new credentials in place; what the draft leaves out stays. Safe to repeat.

    A new address needs the secret again, so that nobody can have a kept one sent elsewhere.

    Raises:
        NotFound: there is none by that id.
        InvalidInput: every problem; nothing was changed.
        Conflict: two live jobs would write the same attribute then, or what was sent there may still land.
    """
    auth = await desk.database.read(lambda txn: kept.authorization_by_id(txn, auth_id))
    problems = list(draft.problems)
    if draft.label == "":
        problems.append(Problem("label", "is required.", "Give the authorization a name."))
    kind = kind_of(draft.type or auth.type, problems)
    if kind is not None and kind.provider != auth.provider:
        problems.append(Problem("type", f"is not a type of {auth.provider}'s.", "Add a new authorization instead."))
        raise InvalidInput(*problems)
    changes = _names(draft)
    if draft.config or (draft.type or auth.type) != auth.type:
        changes |= _rotated(desk, auth, kind, draft, problems)
    if problems:
        raise InvalidInput(*problems)
    changed = await desk.database.write(
        lambda txn: _change(txn, auth, changes, actor=actor, hold_ms=desk.timing.hold_ms)
    )
    desk.refresh()
    return shown(changed)


async def delete_authorization(desk: Desk, actor: Actor, auth_id: str) -> None:
    """
    Forget credentials for good.

    Raises:
        NotFound: there is none by that id.
        Conflict: a live job uses it; end the job, or give it another authorization.
    """

    def work(txn: Txn) -> None:
        auth = kept.authorization_by_id(txn, auth_id)
        if users := _live_jobs_of(txn, auth_id):
            names = ", ".join(repr(job.name) for job in users[:5])
            raise Conflict(
                f"The authorization {auth.label!r} is used by {names}. End these jobs, or give them another one."
            )
        _leave_places(txn, auth_id, hold_ms=desk.timing.hold_ms)
        kept.remove_authorization(txn, auth_id)
        notes.add_audit(txn, actor=actor.name, action="auth.delete", what=auth_id, note=auth.label)

    await desk.database.write(work)
    desk.trigger_tokens.forget(auth_id)
    desk.refresh()


def shown(auth: Authorization) -> Authorization:
    """Leave the secrets out, sealed as they are."""
    return replace(auth, secrets="")


def _credentials(
    desk: Desk, kind: Kind | None, draft: AuthDraft, problems: list[Problem], *, held: Credentials | None
) -> Credentials:
    if kind is None:
        return Credentials({}, {})
    return read_credentials(
        kind,
        draft.config or {},
        problems,
        allow_http=desk.allow_http,
        allow_private=desk.allow_private,
        held=held,
    )


def _names(draft: AuthDraft) -> dict[str, Any]:
    given = {"label": draft.label, "description": draft.description}
    return {name: text for name, text in given.items() if text is not None}


def _rotated(
    desk: Desk, auth: Authorization, kind: Kind | None, draft: AuthDraft, problems: list[Problem]
) -> dict[str, Any]:
    """Return the columns that new credentials change; none where they are what is kept already."""
    held = held_credentials(desk, auth)
    new = _credentials(desk, kind, draft, problems, held=held)
    if problems or (new == held and auth.type == (draft.type or auth.type)):
        return {}
    untested = {"status": "unknown", "status_note": ""} if new.secrets != held.secrets else {}
    return {
        "type": draft.type or auth.type,
        "config": new.config,
        "secrets": seal_secrets(desk.vault, new.secrets, auth_id=auth.id),
        **untested,
    }


def held_credentials(desk: Desk, auth: Authorization) -> Credentials:
    """Open what is kept of *auth*, as it was read from the database; secrets without their key are left out."""
    try:
        return Credentials(auth.config, open_secrets(desk.vault, auth))
    except VaultLocked:
        return Credentials(auth.config, {})  # so that they must all be entered again, which mends it


def _change(txn: Txn, auth: Authorization, changes: dict[str, Any], *, actor: Actor, hold_ms: int) -> Authorization:
    if not changes:
        return auth
    if kept.authorization_by_id(txn, auth.id).revision != auth.revision:
        raise Conflict(
            "Somebody else changed this authorization at the same time. Look again, then repeat your change."
        )
    changed = replace(auth, **changes)
    if changed.provider == MAPP and integration_of(changed) != integration_of(auth):
        _leave_places(txn, auth.id, hold_ms=hold_ms)
    kept.change_authorization(txn, auth.id, **changes)
    changed = kept.authorization_by_id(txn, auth.id)
    if changed.provider == MAPP and "config" in changes:
        for job in _live_jobs_of(txn, auth.id):
            refuse_collision(txn, place_of(changed, job.target), hold_ms=hold_ms, but=job.id)
    what = ", ".join("credentials" if name == "secrets" else name for name in changes if not name.startswith("status"))
    notes.add_audit(txn, actor=actor.name, action="auth.change", what=auth.id, note=what)
    return changed


def _leave_places(txn: Txn, auth_id: str, *, hold_ms: int) -> None:
    """Hold where every job of one Mapp authorization writes: where that was is not known afterwards."""
    for job in jobs.all_jobs(txn):
        if job.mapp_auth == auth_id:
            leave_place(txn, job, hold_ms=hold_ms, may_claim=job.is_live)


def _live_jobs_of(txn: Txn, auth_id: str) -> list[Job]:
    return [job for job in jobs.live_jobs(txn) if auth_id in {job.mapp_auth, job.lytics_auth}]
