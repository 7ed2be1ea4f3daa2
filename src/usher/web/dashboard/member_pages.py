"""Find a member, and why this person has this value."""

import json
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from usher.access.roles import Role
from usher.domain.advice import advice_for
from usher.jobs.explain import ENTRIES_KEPT, ENTRIES_SHOWN, explain_member
from usher.jobs.finding import find_member
from usher.jobs.looking import show_job
from usher.jobs.member_request import member_request
from usher.jobs.owing import resend_members
from usher.mapp.client import PreparedRequest
from usher.mapp.wire import attribute_key
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.live import LivePage
from usher.web.dashboard.member_words import STATES, in_words, reason_of
from usher.web.dashboard.timeline import timeline
from usher.web.dashboard.visit import Visit
from usher.web.member_shape import explanation_body


async def members_page(visit: Visit) -> Response:
    """Find somebody in every job; who is known by exactly one is shown there at once."""
    asked = visit.query("q")
    found = await find_member(visit.desk, asked, may_see_people=visit.may_see_people) if asked else None
    if found is not None and len(found.rows) == 1:
        return visit.go(path_of(found.rows[0].job_id, found.rows[0].line.member))
    return await visit.page(
        "members.html", asked=asked, found=found, states=STATES, reason_of=reason_of, path_of=path_of
    )


def path_of(job_id: str, member: str) -> str:
    """Return the address of one member's page."""
    return f"/jobs/{job_id}/member?{urlencode({'m': member})}"


async def member_page(visit: Visit) -> Response:
    if not visit.query("m"):
        return visit.go("/members")
    return await visit.page("member.html", **await member_context(visit))


async def member_context(visit: Visit) -> dict[str, Any]:
    """Return what the page shows; who may not see people sees no name but the one they typed."""
    job_id, asked, may_see = visit.path("job_id"), visit.query("m"), visit.may_see_people
    job = (await show_job(visit.desk, job_id)).job
    explained = await explain_member(visit.desk, job_id, asked)
    found = explanation_body(explained, may_see=may_see)
    request = await member_request(visit.desk, job_id, asked, may_see_people=may_see)
    others = (await find_member(visit.desk, asked, may_see_people=False)).rows
    days = timeline(
        found.history,
        audience=job.audience_name,
        is_whole=len(found.history) < ENTRIES_SHOWN and found.history_from is None,
        oldest_first=visit.query("order") == "oldest",
    )
    return {
        "job": job,
        "asked": asked,
        "name": found.member if may_see else asked,
        "member": found,
        "is_kept": explained.is_kept,
        "state": STATES[found.state],
        "advice": advice_for(found.set_aside.reason) if found.set_aside else None,
        "days": days,
        "count": sum(len(day.steps) for day in days),
        "is_cut": len(found.history) >= ENTRIES_SHOWN,
        "kept": ENTRIES_KEPT,
        "kept_days": visit.desk.retention.history_days,
        "request": request,
        "fields": _fields(request),
        "attribute": attribute_key(job.target),
        "others": [row for row in others if row.job_id != job_id],
        "states": STATES,
        "reason_of": reason_of,
        "in_words": in_words,
        "path_of": path_of,
        "query": urlencode({"m": asked, "order": visit.query("order")}),
    }


def _fields(request: PreparedRequest | None) -> list[tuple[str, str]]:
    """Return the request's body as (key, value) pairs, each as JSON writes it."""
    body = {} if request is None else json.loads(request.body)
    return [(json.dumps(key, ensure_ascii=False), json.dumps(value, ensure_ascii=False)) for key, value in body.items()]


LIVE = LivePage("member.html", ("answer", "steps", "following"), member_context, known=("m", "order"))


async def member_file(visit: Visit) -> Response:
    """Send the explanation as the API gives it, as a file."""
    found = await explain_member(visit.desk, visit.path("job_id"), visit.query("m"))
    body = explanation_body(found, may_see=visit.may_see_people).model_dump_json(indent=2)
    headers = {"Content-Disposition": 'attachment; filename="member.json"'}
    return Response(body, media_type="application/json", headers=headers)


async def resend_member(visit: Visit) -> Response:
    job_id, asked = visit.path("job_id"), visit.form.get("m")
    count = await resend_members(visit.desk, visit.actor, job_id, [asked])
    if count:
        return visit.go(
            path_of(job_id, asked), said="This person is sent again, as soon as no earlier request can land."
        )
    said = "Nothing was changed: this job has never seen this person, or they wait for a decision."
    return visit.go(path_of(job_id, asked), said=said, mood="warn")


PAGES = (
    PageRoute("GET", "/members", Role.VIEWER, members_page),
    PageRoute("GET", "/jobs/{job_id}/member", Role.VIEWER, member_page),
    PageRoute("GET", "/jobs/{job_id}/member.json", Role.VIEWER, member_file),
    PageRoute("POST", "/jobs/{job_id}/member/resend", Role.OPERATOR, resend_member),
    PageRoute("GET", "/live/jobs/{job_id}/member", Role.VIEWER, LIVE.stream),
)
