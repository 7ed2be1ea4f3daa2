"""
Which accounts, and what the job is called: the second page.

New authorizations are all tested before any is saved. They are saved one after another, so that a fault may leave one
of two; the same form sent again saves the other, and nothing twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.errors import Forbidden, InvalidInput, Problem
from usher.jobs.accounts import Account, accounts
from usher.jobs.authorizations import TestReport, check_new, test_draft
from usher.jobs.credentials import KINDS, LYTICS_URL
from usher.jobs.drafts import AuthDraft, read_auth_draft
from usher.jobs.tested_credentials import save_with_report
from usher.jobs.vendors import LYTICS, MAPP, SYSTEMS
from usher.mapp.address import integration_in
from usher.web.dashboard.rendering import html, render
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import (
    ACCOUNT_FIELDS,
    EXPORT,
    NEW,
    NEW_TEXTS,
    PROVIDERS,
    TYPE,
    Typed,
    typed_by,
)
from usher.web.dashboard.wizard_problems import Shown, in_words, shown_at_fields

TYPES = {MAPP: "integration-secret", LYTICS: "lytics-token"}
FIELDS = {
    MAPP: ("mapp_label", "mapp_api_url", "mapp_integration_id", "mapp_secret"),
    LYTICS: ("lytics_label", "lytics_api_url", "lytics_token"),
}
TESTS = {f"test-{provider}": provider for provider in PROVIDERS}
CHOOSE = {
    provider: Shown(f"No {system} authorization is chosen.", "Choose one.") for provider, system in SYSTEMS.items()
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One new authorization as it was typed, and what its test showed; *problems* are those of its fields."""

    provider: str
    draft: AuthDraft
    report: TestReport | None = None
    problems: Mapping[str, Shown] = field(default_factory=dict)


async def accounts_page(visit: Visit) -> Response:
    """Ask for the authorizations and the label."""
    return await show_accounts(visit, typed_by(visit))


async def show_accounts(
    visit: Visit,
    typed: Typed,
    problems: Sequence[Problem] = (),
    *,
    at_fields: Mapping[str, Shown] | None = None,
    attempts: Sequence[Attempt] = (),
) -> Response:
    """
    Answer with the second page.

    Args:
        problems, at_fields: what kept somebody from going on from it, as services and as this page say it.
        attempts: new authorizations that were tested.
    """
    known = await accounts(visit.desk)
    shown = {**shown_at_fields(problems, typed), **(at_fields or {})}
    context = {
        "typed": _with_defaults(typed, known, may_add=visit.may(Role.ADMIN)),
        "known": {provider: _of(provider, known) for provider in PROVIDERS},
        "is_filled": any(typed.text(name) for name in ACCOUNT_FIELDS),
        "own": ACCOUNT_FIELDS,
        "problems": shown,
        "attempts": {one.provider: one for one in attempts},
    }
    return await visit.page("new-2-accounts.html", status=400 if shown or _failed(attempts) else 200, **context)


async def take_accounts(visit: Visit) -> Response:
    """Go on with the authorizations that were chosen; new ones are tested, then saved."""
    typed, act = typed_by(visit), visit.form.get("do")
    if act == "back":
        return _lead(visit, typed.address(TYPE))
    fresh = [provider for provider in PROVIDERS if typed.text(provider) == NEW]
    if fresh and not visit.may(Role.ADMIN):
        raise Forbidden("Administrators add authorizations. Ask one to add it, then choose it here.")
    judged = [provider for provider in fresh if act not in TESTS or TESTS[act] == provider]
    attempts = await asyncio.gather(*(_attempt(visit, provider, typed) for provider in judged))
    at_fields = {**await _missing(visit, typed), **_of_label(typed)}
    for attempt in attempts:
        at_fields.update(attempt.problems)
    if act in TESTS or at_fields or (_failed(attempts) and act != "insist"):
        return await _ask_again(visit, typed, at_fields, attempts, tested=TESTS.get(act, ""))
    saved = {attempt.provider: await _save(visit, attempt) for attempt in attempts}
    typed = typed.but(**dict.fromkeys((name for one in fresh for name in FIELDS[one]), ""), **saved)
    return _lead(visit, typed.address(EXPORT), said=_saved_words(fresh) if fresh else "")


async def check_accounts(visit: Visit) -> Response:
    """Tell the page what is wrong with what is filled in by now; no vendor is asked, and secrets stay unsent."""
    typed = typed_by(visit)
    found = _of_label(typed)
    for provider in PROVIDERS:
        if typed.text(provider) == NEW:
            found |= _wrong_with(visit, provider, typed)
    context = {
        "visit": visit,
        "problems": {name: one for name, one in found.items() if typed.text(name)},
        "own": ("name", "description", *NEW_TEXTS),
        "integration_id": "" if typed.text("mapp_integration_id") else integration_in(typed.text("mapp_api_url")),
    }
    return html(visit.request, render("new-2-left.html", context))


def _wrong_with(visit: Visit, provider: str, typed: Typed) -> dict[str, Shown]:
    try:
        check_new(visit.desk, _draft(visit, provider, typed))
    except InvalidInput as error:
        return _at_fields(provider, error)
    return {}


async def _ask_again(
    visit: Visit, typed: Typed, at_fields: Mapping[str, Shown], attempts: Sequence[Attempt], *, tested: str
) -> Response:
    """
    Show what was found; a page with script takes only that, so that secrets stay typed.

    Args:
        tested: the provider whose half alone is judged; "" for the whole page.
    """
    own = FIELDS[tested] if tested else (*ACCOUNT_FIELDS, *FIELDS[MAPP], *FIELDS[LYTICS])
    at_fields = {name: shown for name, shown in at_fields.items() if name in own}
    if not visit.request.headers.get("hx-request"):
        return await show_accounts(visit, typed, at_fields=at_fields, attempts=attempts)
    context = {
        "visit": visit,
        "problems": at_fields,
        "attempts": {one.provider: one for one in attempts},
        "own": own,
        "judged": (tested,) if tested else PROVIDERS,
    }
    return html(visit.request, render("new-2-check.html", context))


def _lead(visit: Visit, path: str, *, said: str = "") -> Response:
    """Lead a browser on; one that asked by script does not see a redirect, and is told otherwise."""
    response = visit.go(path, said=said)
    if visit.request.headers.get("hx-request"):
        response.status_code = 200
        response.headers["HX-Redirect"] = response.headers["location"]
        del response.headers["location"]
    return response


async def _attempt(visit: Visit, provider: str, typed: Typed) -> Attempt:
    draft = _draft(visit, provider, typed)
    try:
        return Attempt(provider, draft, await test_draft(visit.desk, draft))
    except InvalidInput as error:
        return Attempt(provider, draft, problems=_at_fields(provider, error))


def _draft(visit: Visit, provider: str, typed: Typed) -> AuthDraft:
    kind = KINDS[TYPES[provider]]
    config = {name: visit.form.get(f"{provider}_{name}") for name in (*kind.settings, *kind.secrets)}
    body = {"label": typed.text(f"{provider}_label") or SYSTEMS[provider], "config": _given(config)}
    return read_auth_draft(body, kind=TYPES[provider])


def _given(config: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in config.items() if value}


def _at_fields(provider: str, error: InvalidInput) -> dict[str, Shown]:
    found: dict[str, Shown] = {}
    for problem in error.problems:
        found.setdefault(f"{provider}_{problem.field.removeprefix('config.')}", in_words(problem))
    return found


async def _missing(visit: Visit, typed: Typed) -> dict[str, Shown]:
    known = {(one.auth.provider, one.auth.id) for one in await accounts(visit.desk)}
    return {
        provider: CHOOSE[provider]
        for provider in PROVIDERS
        if typed.text(provider) != NEW and (provider, typed.text(provider)) not in known
    }


def _of_label(typed: Typed) -> dict[str, Shown]:
    return shown_at_fields(typed.job_draft().problems, typed)


async def _save(visit: Visit, attempt: Attempt) -> str:
    assert attempt.report is not None
    return (await save_with_report(visit.desk, visit.actor, attempt.draft, attempt.report)).id


def _failed(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.report is None or not attempt.report.is_usable for attempt in attempts)


def _saved_words(fresh: Sequence[str]) -> str:
    names = " and ".join(SYSTEMS[provider] for provider in fresh)
    return f"The authorization{'s' if len(fresh) > 1 else ''} of {names} {'are' if len(fresh) > 1 else 'is'} saved."


def _of(provider: str, known: Sequence[Account]) -> list[Account]:
    return [one for one in known if one.auth.provider == provider]


def _with_defaults(typed: Typed, known: Sequence[Account], *, may_add: bool) -> Typed:
    """Choose what is the only one; name what is new."""
    labels = {one.auth.label for one in known}
    texts: dict[str, Any] = {}
    for provider in PROVIDERS:
        mine = _of(provider, known)
        usual = mine[0].auth.id if len(mine) == 1 else "" if mine or not may_add else NEW
        texts[provider] = typed.text(provider) or usual
        texts[f"{provider}_label"] = typed.text(f"{provider}_label") or _free_label(SYSTEMS[provider], labels)
    return typed.but(
        **texts,
        lytics_api_url=typed.text("lytics_api_url") or LYTICS_URL,
        mapp_integration_id=typed.text("mapp_integration_id") or integration_in(typed.text("mapp_api_url")),
    )


def _free_label(word: str, taken: set[str]) -> str:
    return next(label for label in (word, *(f"{word} {n}" for n in range(2, len(taken) + 3))) if label not in taken)
