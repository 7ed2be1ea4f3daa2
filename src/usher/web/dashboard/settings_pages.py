"""Every page of the settings, on one list."""

from starlette.responses import Response

from usher.access.roles import Role
from usher.web.dashboard import about_pages, alert_pages, audit_pages, people_pages, token_pages
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit


async def first_page(visit: Visit) -> Response:
    """Lead to the first page of the settings that the visitor may open."""
    return visit.go("/settings/people" if visit.may(Role.ADMIN) else "/settings/about")


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", "/settings", Role.VIEWER, first_page),
    *people_pages.PAGES,
    *token_pages.PAGES,
    *alert_pages.PAGES,
    *audit_pages.PAGES,
    *about_pages.PAGES,
)
