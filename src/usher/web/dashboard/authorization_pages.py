"""Saved credentials: whether they work, who uses them, and where Lytics sends to; tested and replaced in place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.errors import InvalidInput, Problem
from usher.jobs.accounts import AccountView, account_view, accounts
from usher.jobs.authorizations import test_authorization
from usher.jobs.credentials import KINDS
from usher.jobs.desk import Desk
from usher.jobs.endpoint import OLD_TOKEN_DAYS, trigger_endpoint, trigger_token_lives
from usher.jobs.reach import trigger_url, why_unreached
from usher.jobs.tested_credentials import change_tested
from usher.jobs.vendors import LYTICS, MOST_IN_FLIGHT
from usher.jobs.webhooks import paste_help
from usher.lytics.webhooks import BATCH_SIZE
from usher.web.dashboard.authorization_forms import LABELS, at_fields, draft_of_secrets
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Handler, Visit

LIST = "/authorizations"


async def authorizations_page(visit: Visit) -> Response:
    found = await accounts(visit.desk)
    urls = {one.auth.id: trigger_url(visit.desk, one.auth.id) for one in found if one.auth.provider == LYTICS}
    return await visit.page("authorizations.html", found=found, urls=urls, unreached=why_unreached(visit.desk))


async def authorization_page(visit: Visit) -> Response:
    return await _show(visit)


async def act(visit: Visit) -> Response:
    """Do what answers with this very page; a test and a look change nothing that a reload would change again."""
    chosen = ACTS.get(visit.form.get("do"))
    if chosen is None:
        raise InvalidInput(Problem("do", "is nothing that can be done here.", "Open the page again and repeat it."))
    return await chosen(visit)


async def _test(visit: Visit) -> Response:
    report = await test_authorization(visit.desk, visit.actor, visit.path("auth_id"))
    return await _show(visit, report=report)


async def _rotate(visit: Visit) -> Response:
    auth_id, insists = visit.path("auth_id"), visit.form.has("insists")
    auth = (await account_view(visit.desk, auth_id)).auth
    typed = {name: visit.form.get(name) for name in KINDS[auth.type].secrets}
    if not any(typed.values()):
        blank = Problem(next(iter(typed)), "is required.", "Enter the new one.")
        return await _show(visit, status=400, problems=at_fields([blank]))
    try:
        draft = draft_of_secrets(typed, auth)
        taken = await change_tested(visit.desk, visit.actor, auth_id, draft, insists=insists)
    except InvalidInput as error:
        return await _show(visit, status=400, typed=typed, problems=at_fields(error.problems))
    if taken.auth is None:
        return await _show(visit, status=400, typed=typed, refused=taken.report)
    if taken.report is None:
        return visit.go(f"{LIST}/{auth_id}#main", said="That is in use already, so nothing changed.")
    if not taken.report.is_usable:
        return visit.go(f"{LIST}/{auth_id}#main", said=SAVED_REFUSED, mood="warn")
    return visit.go(f"{LIST}/{auth_id}#main", said=REPLACED)  # the form's own place would hide what is said


async def _reveal(visit: Visit) -> Response:
    return await _show(visit, endpoint=await trigger_endpoint(visit.desk, visit.actor, visit.path("auth_id")))


SAVED_REFUSED = "Saved although the test failed. Jobs that use it send nothing until it works."
REPLACED = "The new secret is in use. Jobs that had stopped for the old one go on by themselves."
ACTS: Mapping[str, Handler] = {"test": _test, "rotate": _rotate, "reveal": _reveal}


async def _show(visit: Visit, *, status: int = 200, **found: Any) -> Response:
    view = await account_view(visit.desk, visit.path("auth_id"))
    shown = {"report": None, "refused": None, "endpoint": None, "problems": {}, "typed": {}, **found}
    of_provider = await (_of_lytics if view.auth.provider == LYTICS else _of_mapp)(visit.desk, view)
    secrets = [(name, LABELS[name]) for name in KINDS[view.auth.type].secrets]
    return await visit.page("authorization.html", status=status, view=view, secrets=secrets, **of_provider, **shown)


Finding = Callable[[Desk, AccountView], Awaitable[dict[str, Any]]]


async def _of_lytics(desk: Desk, view: AccountView) -> dict[str, Any]:
    return {
        "url": trigger_url(desk, view.auth.id),
        "unreached": why_unreached(desk),
        "lives": await trigger_token_lives(desk, view.auth.id),
        "pastes": {job.id: paste_help(desk, job) for job in view.jobs},
        "batch_size": BATCH_SIZE,
        "old_days": OLD_TOKEN_DAYS,
    }


async def _of_mapp(desk: Desk, view: AccountView) -> dict[str, Any]:
    per_second, in_flight = desk.pace_of(view.auth.id)
    most = view.auth.config.get("max_in_flight") or MOST_IN_FLIGHT
    return {"per_second": per_second, "in_flight": in_flight, "most_in_flight": most}


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", LIST, Role.VIEWER, authorizations_page),
    PageRoute("GET", LIST + "/{auth_id}", Role.VIEWER, authorization_page),
    PageRoute("POST", LIST + "/{auth_id}", Role.ADMIN, act),
)
