"""The people of a job over REST: how many are where, who they are, and why each has the value it has."""

from typing import Annotated

from pydantic import BaseModel
from starlette.requests import Request

from usher.errors import InvalidInput, Problem
from usher.jobs import aside, control, explain, looking, standing
from usher.web.body import JsonObject
from usher.web.callers import Caller, may_see_people
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok, page
from usher.web.member_shape import (
    ExplanationBody,
    MemberBody,
    ProgressBody,
    explanation_body,
    member_body,
    opened_cursor,
    progress_body,
    sealed_cursor,
)
from usher.web.request_shapes import one_of


class OwedBody(BaseModel):
    """How many people are owed again."""

    owed: int


async def job_progress(request: Request, job_id: str) -> Ok[ProgressBody]:
    """Show how far a job has come, what it does now in a sentence, and what can be done with it."""
    return ok(request, progress_body(await standing.standing_of(deps_of(request).desk, job_id)))


async def list_members(
    request: Request,
    caller: Caller,
    job_id: str,
    state: Annotated[str, one_of(looking.STATES)] = "due",
    cursor: str | None = None,
) -> Ok[list[MemberBody]]:
    """List members in one state, newest first, a hundred at a time; `_meta.next` is the cursor of the next page."""
    desk = deps_of(request).desk
    place = opened_cursor(cursor, vault=desk.vault)
    found, following = await looking.page_of_members(desk, job_id, state, place)
    may_see, after = may_see_people(caller), sealed_cursor(following, vault=desk.vault)
    members = [member_body(line, may_see=may_see) for line in found]
    return page(request, members, after)


async def explain_member(request: Request, caller: Caller, job_id: str, member: str) -> Ok[ExplanationBody]:
    """Say for one person what is wanted, what Mapp accepted, why, and what comes next."""
    found = await explain.explain_member(deps_of(request).desk, job_id, member)
    return ok(request, explanation_body(found, may_see=may_see_people(caller)))


async def retry_members(request: Request, caller: Caller, job_id: str, body: JsonObject) -> Ok[OwedBody]:
    """Owe people again who were set aside: all of them, those named in `members`, or those set aside for `reason`."""
    desk = deps_of(request).desk
    members, reason = _whom(body)
    if reason is None:
        return ok(request, OwedBody(owed=await control.retry_members(desk, caller, job_id, members)))
    return ok(request, OwedBody(owed=await aside.retry_reason(desk, caller, job_id, reason)))


def _whom(body: dict[str, object]) -> tuple[list[str] | None, str | None]:
    odd = [
        Problem(str(key)[:64], "is not known here.", "Known: members, reason.")
        for key in body
        if key not in {"members", "reason"}
    ]
    members, reason = body.get("members"), body.get("reason")
    if members is not None and not (isinstance(members, list) and all(isinstance(one, str) for one in members)):
        odd.append(Problem("members", "must be a list of texts.", "Name people, or leave it out for everybody."))
    if reason is not None and not isinstance(reason, str):
        odd.append(Problem("reason", "must be a text.", "Name one that the set-aside list shows, or leave it out."))
    if reason is not None and members is not None:
        odd.append(Problem("reason", "cannot stand beside members.", "Send one of them."))
    if odd:
        raise InvalidInput(*odd)
    return members if isinstance(members, list) else None, reason if isinstance(reason, str) else None
