"""Adding credentials and changing them: tested before anything is saved, and saved untested only at one's own word."""

from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.errors import InvalidInput
from usher.jobs.accounts import accounts
from usher.jobs.authorizations import notes_about, show_authorization, test_draft
from usher.jobs.credentials import LYTICS_URL
from usher.jobs.tested_credentials import Taken, add_tested, change_tested
from usher.jobs.vendors import LYTICS, MAPP, MOST_IN_FLIGHT
from usher.web.dashboard.authorization_forms import (
    FIELDS,
    at_fields,
    draft_from,
    values_kept,
    values_new,
    values_typed,
)
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit

LIST = "/authorizations"
NEW = LIST + "/new"


async def new_page(visit: Visit) -> Response:
    """Ask for the provider first, then for its credentials."""
    provider = visit.query("provider")
    if provider not in FIELDS:
        return await visit.page("authorization-new.html")
    taken = [one.auth.label for one in await accounts(visit.desk)]
    return await _form(visit, provider, values_new(provider, taken))


async def add(visit: Visit) -> Response:
    """Test what was typed, or test and save it."""
    provider = LYTICS if visit.form.get("provider") == LYTICS else MAPP
    values = values_typed(visit.form, provider)
    draft = draft_from(values, provider)
    try:
        if visit.form.get("do") == "test":
            return await _form(visit, provider, values, report=await test_draft(visit.desk, draft))
        taken = await add_tested(visit.desk, visit.actor, draft, insists=visit.form.has("insists"))
    except InvalidInput as error:
        return await _form(visit, provider, values, status=400, problems=at_fields(error.problems))
    if taken.auth is None:
        return await _form(visit, provider, values, status=400, report=taken.report, is_refused=True)
    return await _saved(visit, taken)


async def edit_page(visit: Visit) -> Response:
    auth = await show_authorization(visit.desk, visit.path("auth_id"))
    return await _form(visit, auth.provider, values_kept(auth), auth=auth)


async def change(visit: Visit) -> Response:
    """Change label, description, address and limits; new credentials are tested first."""
    auth = await show_authorization(visit.desk, visit.path("auth_id"))
    values = values_typed(visit.form, auth.provider)
    draft = draft_from(values, auth.provider)
    try:
        taken = await change_tested(visit.desk, visit.actor, auth.id, draft, insists=visit.form.has("insists"))
    except InvalidInput as error:
        return await _form(visit, auth.provider, values, status=400, problems=at_fields(error.problems), auth=auth)
    if taken.auth is None:
        return await _form(visit, auth.provider, values, status=400, report=taken.report, is_refused=True, auth=auth)
    return await _saved(visit, taken)


async def _saved(visit: Visit, taken: Taken) -> Response:
    assert taken.auth is not None
    notes = await notes_about(visit.desk, taken.auth)
    works = taken.report is None or taken.report.is_usable
    said = "Saved." if taken.report is None else "Saved and tested." if works else "Saved, although the test failed."
    mood = "ok" if works and not notes else "warn"
    return visit.go(f"{LIST}/{taken.auth.id}", said=" ".join([said, *notes]), mood=mood)


async def _form(visit: Visit, provider: str, values: dict[str, str], *, status: int = 200, **found: Any) -> Response:
    shown = {"report": None, "is_refused": False, "problems": {}, "auth": None, **USUAL, **found}
    return await visit.page("authorization-form.html", status=status, provider=provider, values=values, **shown)


USUAL = {"usual_address": LYTICS_URL, "usual_in_flight": MOST_IN_FLIGHT}


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", NEW, Role.ADMIN, new_page),
    PageRoute("POST", NEW, Role.ADMIN, add),
    PageRoute("GET", LIST + "/{auth_id}/edit", Role.ADMIN, edit_page),
    PageRoute("POST", LIST + "/{auth_id}/edit", Role.ADMIN, change),
)
