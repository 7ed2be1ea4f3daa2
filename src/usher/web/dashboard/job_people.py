"""The people of a job in one state, a page at a time; viewers see masked ones."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from usher.access.roles import Role
from usher.jobs import looking
from usher.jobs.explain import MemberLine
from usher.redact import mask_member, without_member
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
    "set_aside": "Nobody is set aside.",
    "due": "Everybody is in step: nobody waits to be sent.",
    "held": "The removal brake holds nobody back.",
    "accepted": "Mapp has accepted nobody of this job yet.",
}


async def people_page(visit: Visit) -> Response:
    job_id, state, reason = visit.path("job_id"), state_of(visit), visit.request.query_params.get("reason", "")
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


def state_of(visit: Visit) -> str:
    asked = visit.query("state", "set_aside")
    return asked if asked in STATES else "set_aside"


def _count(members: Mapping[str, Any], state: str) -> int | None:
    """How many there are; None where that is not counted. Those of a held scan are counted at the brake only."""
    return None if state not in COUNTED_AS else int(members[COUNTED_AS[state]]) or None


def _shown_reason(reason: str, found: list[MemberLine], *, may_see: bool) -> str:
    for line in () if may_see else found:
        reason = without_member(reason, line.member)
    return reason


def shown(line: MemberLine, *, may_see: bool) -> dict[str, Any]:
    """Return a member as the page shows one: masked for viewers, also where Mapp's words repeat who it is."""
    member = line.member if may_see else mask_member(line.member)
    reason = line.set_aside.reason if line.set_aside else ""
    return {
        "member": member,
        "link": f"member?{urlencode({'m': line.member})}" if may_see else "",
        "wanted": line.wanted,
        "state": line.state,
        "as_of": line.version,
        "accepted": line.accepted,
        "reason": reason if may_see else without_member(reason, line.member),
        "aside_at": line.set_aside.at if line.set_aside else None,
        "due_at": line.due_at,
    }


PAGES = (PageRoute("GET", "/jobs/{job_id}/people", Role.VIEWER, people_page),)
