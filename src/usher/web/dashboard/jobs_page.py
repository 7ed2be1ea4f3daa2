"""
The list of jobs: whether everything is in step, and what needs a person.

While somebody looks, rows keep their places: whatever they are sorted by changes under the pointer else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from usher.access.roles import Role
from usher.jobs.accounts import Account, accounts
from usher.jobs.overview import Overview, overview
from usher.jobs.overview_rows import Row
from usher.jobs.reach import why_unreached
from usher.jobs.vendors import LYTICS, MAPP
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.job_line import line_of
from usher.web.dashboard.live import LivePage
from usher.web.dashboard.visit import Visit

HOME = "/jobs"
FILTERS = (("current", "Current"), ("paused", "Paused"), ("completed", "Completed"), ("all", "All"))
COUNTED = {"running": "Running", "sleeping": "Sleeping", "attention": "Needs attention", "ended": "Terminated"}
PARTS = ("counters", "filters", "rows", "sums")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which jobs are asked for, in which order."""

    show: str
    search: str
    sort: str

    def link(self, **changes: str) -> str:
        """Return the list's address with parameters changed, the usual ones left out."""
        asked = {"show": self.show, "q": self.search, "sort": self.sort} | changes
        query = urlencode({name: value for name, value in asked.items() if value and (name, value) != USUAL})
        return HOME + (f"?{query}" if query else "")


USUAL = ("show", "current")


def _asked(visit: Visit) -> Asked:
    return Asked(visit.query("show", "current"), visit.query("q"), visit.query("sort"))


@dataclass(slots=True)
class Places:
    """The order in which one viewer saw the rows first; a row that comes later stands below them."""

    _seen: dict[str, int] = field(default_factory=dict)

    def sorted(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            self._seen.setdefault(row.id, len(self._seen))
        return sorted(rows, key=lambda row: self._seen[row.id])

    @property
    def order(self) -> tuple[str, ...]:
        """The ids in the order seen; two viewers may share what is rendered only where theirs is the same."""
        return tuple(self._seen)


async def jobs_page(visit: Visit) -> Response:
    """Show the jobs asked for; where there has never been one, what is connected already and the next step."""
    shown = await _context(visit, Places())
    if not shown["seen"].counts["all"]:
        return await visit.page("jobs-empty.html", **await _connected(visit))
    return await visit.page("jobs.html", **shown)


async def live_jobs(visit: Visit) -> Response:
    """Answer with the stream of the list's parts; each stream keeps the order that it began with."""
    places = Places()
    page = LivePage(
        "jobs.html", PARTS, lambda visit: _context(visit, places), ("show", "q", "sort"), lambda: places.order
    )
    return await page.stream(visit)


async def _context(visit: Visit, places: Places) -> Mapping[str, Any]:
    asked = _asked(visit)
    seen = await overview(visit.desk, show=asked.show, search=asked.search, sort=asked.sort)
    return {
        "asked": asked,
        "seen": seen,
        "lines": [line_of(row) for row in places.sorted(seen.rows)],
        "filters": [(word, title, seen.counts[word]) for word, title in _filters(asked, seen)],
        "sentence": sentence(seen),
    }


def _filters(asked: Asked, seen: Overview) -> list[tuple[str, str]]:
    """Return the usual filters, that for terminated jobs where there are some, and the one that a counter led to."""
    extra = [word for word in COUNTED if word == asked.show or (word == "ended" and seen.counts[word])]
    return [*FILTERS, *((word, COUNTED[word]) for word in extra)]


def sentence(seen: Overview) -> str:
    """Return how things stand, to be spoken."""
    counts = seen.counts
    verb = "needs" if counts["attention"] == 1 else "need"
    needing = f"{counts['attention']} {verb} attention." if counts["attention"] else "Nothing needs attention."
    return f"{counts['running']} running, {counts['sleeping']} sleeping. {needing}"


async def _connected(visit: Visit) -> Mapping[str, Any]:
    found = await accounts(visit.desk)
    return {
        "mapp": _best(found, MAPP),
        "lytics": _best(found, LYTICS),
        "unreached": why_unreached(visit.desk),
        "base_url": visit.desk.base_url,
    }


def _best(found: list[Account], provider: str) -> Account | None:
    """Return the account that a new job would most likely use."""
    of_provider = [one for one in found if one.auth.provider == provider]
    return min(of_provider, key=lambda one: one.auth.status != "healthy", default=None)


PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", HOME, Role.VIEWER, jobs_page),
    PageRoute("GET", "/live/jobs", Role.VIEWER, live_jobs),
)
