"""What can be taken away from a job as a file, sent page by page: its people as CSV, its log as text."""

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import chain
from typing import Any

from starlette.responses import Response, StreamingResponse

from usher.access.roles import Role
from usher.clock import iso_from_ms
from usher.jobs import looking
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.job_people import shown, state_of
from usher.web.dashboard.visit import Visit

HEADS = ("member", "state", "wanted", "as_of", "accepted", "accepted_at", "set_aside_reason", "set_aside_at", "due_at")
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet would run


async def people_csv(visit: Visit) -> Response:
    """Send everybody in one state as CSV, page by page; a person who may not see people gets masked ones."""
    state = state_of(visit)
    job = (await looking.show_job(visit.desk, visit.path("job_id"))).job
    name = f"{file_name(job.name)}-{state.replace('_', '-')}.csv"
    return _download(_csv_lines(visit, state), name, "text/csv")


async def _csv_lines(visit: Visit, state: str) -> AsyncIterator[str]:
    yield "\ufeff" + csv_line(HEADS)  # the mark by which spreadsheets know UTF-8
    cursor, reason = None, visit.request.query_params.get("reason", "")
    while True:
        found, cursor = await looking.page_of_members(visit.desk, visit.path("job_id"), state, cursor, reason=reason)
        yield "".join(csv_line(_cells(shown(line, may_see=visit.may_see_people))) for line in found)
        if cursor is None:
            return


def _cells(row: Mapping[str, Any]) -> list[str]:
    told = row["accepted"]
    accepted = ("", "") if told is None else (told.value, told.at or "")
    cells = (row["member"], row["state"], row["wanted"], row["as_of"])
    return [cell or "" for cell in chain(cells, accepted, (row["reason"], row["aside_at"], row["due_at"]))]


def csv_line(cells: Sequence[str]) -> str:
    """
    Return one line; what a spreadsheet would take for a formula is made text of.

    Every cell is quoted, because some spreadsheets split lines at semicolons too.
    """
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in cells)
    return out.getvalue()


async def log_text(visit: Visit) -> Response:
    """Send a whole log as text, newest line first."""
    job = (await looking.show_job(visit.desk, visit.path("job_id"))).job
    return _download(_log_lines(visit), f"{file_name(job.name)}-log.txt", "text/plain")


async def _log_lines(visit: Visit) -> AsyncIterator[str]:
    cursor = None
    while True:
        found, cursor = await looking.job_logs(visit.desk, visit.path("job_id"), cursor)
        yield "".join(f"{iso_from_ms(e.at_ms)} {e.level:5} {' '.join(e.message.split())}\n" for e in found)
        if cursor is None:
            return


def file_name(text: str) -> str:
    """Return a name for a file that is safe on every system: "VIP shoppers!" -> "vip-shoppers"."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "job"


def _download(lines: AsyncIterator[str], name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(lines, media_type=f"{kind}; charset=utf-8", headers=headers)


PAGES = (
    PageRoute("GET", "/jobs/{job_id}/people.csv", Role.VIEWER, people_csv),
    PageRoute("GET", "/jobs/{job_id}/log.txt", Role.VIEWER, log_text),
)
