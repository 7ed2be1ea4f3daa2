"""Settings, audit log: who did what, newest first."""

from starlette.responses import Response

from usher.access.roles import Role
from usher.jobs.trail import page_of_trail
from usher.web.dashboard.audit_words import deed_of
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit

PATH = "/settings/audit"
AREAS = (
    ("", "Everything"),
    ("jobs", "Jobs"),
    ("authorizations", "Authorizations"),
    ("people", "People"),
    ("tokens", "Tokens"),
    ("erasures", "Erasures"),
)


async def audit_page(visit: Visit) -> Response:
    actor, area = visit.query("who"), visit.query("area")
    found, following = await page_of_trail(visit.desk, visit.query("cursor") or None, actor=actor, area=area)
    return await visit.page(
        "settings-audit.html",
        rows=[(one.entry, deed_of(one)) for one in found],
        following=following,
        is_first=not visit.query("cursor"),
        actor=actor,
        area=area,
        areas=AREAS,
    )


PAGES = (PageRoute("GET", PATH, Role.ADMIN, audit_page),)
