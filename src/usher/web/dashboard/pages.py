"""Every page of the dashboard on one list: its address, who may open it, and what answers."""

from starlette.applications import Starlette

from usher.web.bare_route import BareRoute
from usher.web.dashboard import (
    account_pages,
    authorization_ending,
    authorization_pages,
    authorization_saving,
    erasure_pages,
    job_actions,
    job_downloads,
    job_editing,
    job_page,
    job_people,
    jobs_page,
    member_pages,
    removal_pages,
    settings_pages,
    sign_in_pages,
    wizard,
)
from usher.web.dashboard.assets import static_file
from usher.web.dashboard.entry import PageRoute, endpoint_of

PAGES: tuple[PageRoute, ...] = (
    *sign_in_pages.PAGES,
    *jobs_page.PAGES,
    *authorization_saving.PAGES,  # first: its words would be taken for an id
    *authorization_ending.PAGES,
    *authorization_pages.PAGES,
    *account_pages.PAGES,
    *settings_pages.PAGES,
    *wizard.PAGES,  # before the pages of jobs, whose parameter would match "new"
    *job_actions.PAGES,
    *job_downloads.PAGES,
    *job_editing.PAGES,
    *job_people.PAGES,
    *member_pages.PAGES,
    *erasure_pages.PAGES,
    *removal_pages.PAGES,
    *job_page.PAGES,
)


def add_pages(app: Starlette) -> None:
    """Add every page, and the static files that they load."""
    app.router.routes.append(BareRoute("/static/{stamp}/{name:path}", static_file, methods=["GET"]))
    # A word stands before a parameter that would match it.
    for route in sorted(PAGES, key=lambda route: route.path.count("{")):
        app.router.routes.append(BareRoute(route.path, endpoint_of(route), methods=[route.method]))
