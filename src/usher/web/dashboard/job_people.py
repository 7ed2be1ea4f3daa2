"""The people of a job in one state: page by page to look at, and all of them to take away as CSV."""

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from usher.access.roles import Role
from usher.clock import iso_from_ms
from usher.jobs import looking
from usher.jobs.explain import MemberLine
from usher.redact import mask_member
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit
from usher.web.member_shape import opened_cursor, sealed_cursor

STATES = {
    "set_aside": "Set aside",
    "due": "Waiting to be sent",
    "held": "Waiting for a decision",
    "accepted": "Accepted by Mapp",
}
COUNTED_AS = {"set_aside": "set_aside", "due": "due", "held": "held"}
EMPTY = {
    "set_aside": "Mapp has rejected nobody, so nobody is left out.",
    "due": "Everybody is in step: nobody waits to be sent.",
    "held": "The removal brake holds nobody back.",
    "accepted": "Mapp has accepted nobody of this job yet.",
}
HEADS = ("member", "state", "wanted", "as_of", "accepted", "accepted_at", "set_aside_reason", "set_aside_at", "due_at")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


async def people_page(visit: Visit) -> Response:
    job_id, state, reason = visit.path("job_id"), _state(visit), visit.request.query_params.get("reason", "")
    place = opened_cursor(visit.query("cursor") or None, vault=visit.desk.vault)
    view = await looking.show_job(visit.desk, job_id)
    progress = await looking.job_progress(visit.desk, job_id)
    found, following = await looking.page_of_members(visit.desk, job_id, state, place, reason=reason)
    return await visit.page(
        "job-people.html",
        job=view.job,
        base=f"/jobs/{job_id}",
        state=state,
        states=STATES,
        empty=EMPTY[state],
        reason=_shown_reason(reason, found, may_see=visit.may_see_people),
        count=_count(progress.members, state),
        rows=[shown(line, may_see=visit.may_see_people) for line in found],
        csv_query=urlencode({"state": state, **({"reason": reason} if reason else {})}),
        following=sealed_cursor(following, vault=visit.desk.vault),
    )


def _state(visit: Visit) -> str:
    asked = visit.query("state", "set_aside")
    return asked if asked in STATES else "set_aside"


def _count(members: Mapping[str, Any], state: str) -> int | None:
    """How many there are; None where that is not counted. Those of a held scan are counted at the brake only."""
    return None if state not in COUNTED_AS else int(members[COUNTED_AS[state]]) or None


def _shown_reason(reason: str, found: list[MemberLine], *, may_see: bool) -> str:
    for line in () if may_see else found:
        reason = reason.replace(line.member, mask_member(line.member))
    return reason


def shown(line: MemberLine, *, may_see: bool) -> dict[str, Any]:
    """Return a member as the page shows one: masked for viewers, also where Mapp's words repeat who it is."""
    member = line.member if may_see else mask_member(line.member)
    reason = line.set_aside.reason.replace(line.member, member) if line.set_aside else ""
    return {
        "member": member,
        "link": f"member?{urlencode({'m': line.member})}" if may_see else "",
        "wanted": line.wanted,
        "state": line.state,
        "as_of": line.version,
        "accepted": line.accepted,
        "reason": reason,
        "aside_at": line.set_aside.at if line.set_aside else None,
        "due_at": line.due_at,
    }


async def people_csv(visit: Visit) -> Response:
    """Send everybody in one state as CSV, page by page; a person who may not see people gets masked ones."""
    state = _state(visit)
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


def csv_line(cells: "list[str] | tuple[str, ...]") -> str:
    """Return one line; what a spreadsheet would take for a formula is made text of."""
    out = io.StringIO()
    csv.writer(out).writerow(f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in cells)
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
    PageRoute("GET", "/jobs/{job_id}/people", Role.VIEWER, people_page),
    PageRoute("GET", "/jobs/{job_id}/people.csv", Role.VIEWER, people_csv),
    PageRoute("GET", "/jobs/{job_id}/log.txt", Role.VIEWER, log_text),
)
