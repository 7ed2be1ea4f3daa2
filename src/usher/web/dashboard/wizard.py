"""
The new-job pages, in the order of the published configuration, and the address of each.

First the type, then the authorizations and the label, then what to export, then a last look.
"""

from starlette.responses import Response

from usher.access.roles import Role
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_accounts import accounts_page, check_accounts, take_accounts
from usher.web.dashboard.wizard_export import check_export, export_page
from usher.web.dashboard.wizard_fields import ACCOUNTS, EXPORT, REVIEW, TYPE, typed_by
from usher.web.dashboard.wizard_review import review_page, try_one
from usher.web.dashboard.wizard_start import clone_job, save_only, start_export


async def type_page(visit: Visit) -> Response:
    """Ask what the job should do."""
    return await visit.page("new-1-type.html", typed=typed_by(visit), own=("backfill_only",))


async def begin_again(visit: Visit) -> Response:
    """Lead back whoever reloads the answer of a form that is gone."""
    return visit.go(TYPE)


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", TYPE, Role.OPERATOR, type_page),
    PageRoute("GET", ACCOUNTS, Role.OPERATOR, accounts_page),
    PageRoute("POST", ACCOUNTS, Role.OPERATOR, take_accounts),
    PageRoute("POST", "/jobs/new/accounts/check", Role.OPERATOR, check_accounts),
    PageRoute("GET", EXPORT, Role.OPERATOR, export_page),
    PageRoute("POST", "/jobs/new/check", Role.OPERATOR, check_export),
    PageRoute("GET", REVIEW, Role.OPERATOR, review_page),
    PageRoute("POST", "/jobs/new/send-one", Role.OPERATOR, try_one),
    PageRoute("POST", "/jobs/new/save", Role.OPERATOR, save_only),
    PageRoute("POST", "/jobs/new/start", Role.OPERATOR, start_export),
    PageRoute("GET", "/jobs/new/start", Role.OPERATOR, begin_again),
    PageRoute("GET", "/jobs/new/save", Role.OPERATOR, begin_again),
    PageRoute("GET", "/jobs/{job_id}/clone", Role.OPERATOR, clone_job),
)
