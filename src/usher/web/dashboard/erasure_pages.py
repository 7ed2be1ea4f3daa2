"""Erasing one person: a page that asks, one that shows the receipt, and how it is lifted."""

from urllib.parse import urlencode

from starlette.responses import Response

from usher.access.roles import Role
from usher.errors import Problem
from usher.jobs.erasing import erase_member, lift_erasure
from usher.jobs.finding import find_member
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.problems import Problems
from usher.web.dashboard.visit import Visit
from usher.web.erasure_routes import receipt_body

ERASE, LIFT = "/members/erase", "/members/lift-erasure"
TABLES = {
    "ledger": "What is wanted, and what Mapp accepted",
    "history": "What happened",
    "unreadable": "Unreadable messages",
}
MISTYPED = {"typed": Problem("typed", "This is not the identifier above.", "Nothing was erased.")}


async def ask_erase(visit: Visit) -> Response:
    return await _asking(visit, visit.query("m")) if visit.query("m") else visit.go("/members")


async def erase(visit: Visit) -> Response:
    """Erase whoever was typed twice, alike; the receipt is shown once."""
    member = visit.form.get("m")
    if not member or visit.form.get("typed") != member:
        return await _asking(visit, member, problems=MISTYPED)
    receipt = await erase_member(visit.desk, visit.actor, member)
    return await visit.page("member-erased.html", receipt=receipt_body(receipt), tables=TABLES)


async def lift(visit: Visit) -> Response:
    member = visit.form.get("m")
    await lift_erasure(visit.desk, visit.actor, member)
    said = "This person may come back: the next trigger or scan that names them is stored again."
    return visit.go(f"/members?{urlencode({'q': member})}", said=said)


async def _asking(visit: Visit, member: str, *, problems: Problems | None = None) -> Response:
    found = await find_member(visit.desk, member, may_see_people=False)
    status = 400 if problems else 200
    return await visit.page(
        "member-erase.html", status=status, member=member, rows=found.rows, erased=found.erased, problems=problems or {}
    )


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", ERASE, Role.ADMIN, ask_erase),
    PageRoute("POST", ERASE, Role.ADMIN, erase),
    PageRoute("POST", LIFT, Role.ADMIN, lift),
)
