"""The removal brake: who would be set to false, why Usher stopped, and the two ways on."""

from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.errors import Conflict
from usher.jobs.looking import page_of_members
from usher.jobs.plainly import plain
from usher.jobs.removals import confirm_removals, discard_removals, waiting_removals
from usher.jobs.removals_said import removals_said
from usher.redact import mask_member
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.live import LivePage
from usher.web.dashboard.member_pages import path_of
from usher.web.dashboard.visit import Visit

SAMPLE = 8
MOST_DIGITS = 12


async def removals_page(visit: Visit, refused: str = "") -> Response:
    status = 409 if refused else 200
    return await visit.page("removals.html", status=status, refused=refused, **await removals_context(visit))


async def removals_context(visit: Visit) -> dict[str, Any]:
    job_id = visit.path("job_id")
    found = await waiting_removals(visit.desk, job_id)
    sample = [] if found.is_over else (await page_of_members(visit.desk, job_id, "held"))[0][:SAMPLE]
    return {
        "job": found.job,
        "found": found,
        "sentences": removals_said(found),
        "left": found.exits.left if found.exits is not None else 0,
        "since_ms": found.stopped_ms,
        "sample": [(line.member if visit.may_see_people else mask_member(line.member), line) for line in sample],
        "path_of": path_of,
    }


LIVE = LivePage("removals.html", ("held",), removals_context)


async def confirm(visit: Visit) -> Response:
    """Set them to false, unless the page had named others, or fewer."""
    typed = visit.form.get("count")
    known = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= MOST_DIGITS else 0
    job_id, hold = visit.path("job_id"), visit.form.get("hold")
    try:
        decided = await confirm_removals(visit.desk, visit.actor, job_id, hold=hold, at_most=known)
    except Conflict as error:
        return await removals_page(visit, refused=error.message)
    return visit.go(f"/jobs/{job_id}", said=plain(" ".join(decided.notes)))


async def discard(visit: Visit) -> Response:
    job_id, hold = visit.path("job_id"), visit.form.get("hold")
    try:
        decided = await discard_removals(visit.desk, visit.actor, job_id, hold=hold)
    except Conflict as error:
        return await removals_page(visit, refused=error.message)
    return visit.go(f"/jobs/{job_id}", said=plain(" ".join(decided.notes)))


PAGES = (
    PageRoute("GET", "/jobs/{job_id}/removals", Role.VIEWER, removals_page),
    PageRoute("POST", "/jobs/{job_id}/removals/confirm", Role.OPERATOR, confirm),
    PageRoute("POST", "/jobs/{job_id}/removals/discard", Role.OPERATOR, discard),
    PageRoute("GET", "/live/jobs/{job_id}/removals", Role.VIEWER, LIVE.stream),
)
