"""Every page of the dashboard on one list: its address, who may open it, and what answers."""

from starlette.applications import Starlette

from usher.web.bare_route import BareRoute
from usher.web.dashboard import (
    jobs_page,
)
from usher.web.dashboard.assets import static_file
from usher.web.dashboard.entry import PageRoute, endpoint_of

PAGES: tuple[PageRoute, ...] = (
    *jobs_page.PAGES,
)


def add_pages(app: Starlette) -> None:
    """Add every page, and the static files that they load."""
    app.router.routes.append(BareRoute("/static/{stamp}/{name:path}", static_file, methods=["GET"]))
    for route in PAGES:
        app.router.routes.append(BareRoute(route.path, endpoint_of(route), methods=[route.method]))
