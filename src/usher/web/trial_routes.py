"""What a job would do over REST, before it does: one person sent by hand, and what a change would mean."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from usher.jobs import editing, trial
from usher.jobs.drafts import read_job_draft
from usher.web.body import JsonObject
from usher.web.callers import Caller, may_see_people
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok
from usher.web.member_shape import ProblemBody, RequestBody, request_body


class TrialBody(BaseModel):
    """What came of sending one person."""

    member: str
    request: RequestBody
    outcome: str
    answer: str
    took_ms: int
    sentence: str


class ChangeBody(BaseModel):
    """One thing that would differ."""

    field: str
    old: Any
    new: Any


class EditPreviewBody(BaseModel):
    """What a change would do; *owed* counts who would be told again."""

    problems: list[ProblemBody]
    changes: list[ChangeBody]
    notes: list[str]
    owed: int


async def send_one(request: Request, caller: Caller, body: JsonObject) -> Ok[TrialBody]:
    """Send one person of the audience, as the job would; the job is not saved."""
    draft, member = trial.read_trial(body)
    may_see = may_see_people(caller)
    done = await trial.send_one(deps_of(request).desk, caller, draft, member, may_see_people=may_see)
    return ok(
        request,
        TrialBody(
            member=done.member,
            request=request_body(done.request),
            outcome=done.outcome,
            answer=done.answer,
            took_ms=done.took_ms,
            sentence=done.sentence,
        ),
    )


async def preview_edit(request: Request, job_id: str, body: JsonObject) -> Ok[EditPreviewBody]:
    """Show what a change of a job would do; nothing is changed."""
    seen = await editing.preview_edit(deps_of(request).desk, job_id, read_job_draft(body))
    return ok(
        request,
        EditPreviewBody(
            problems=[ProblemBody(field=p.field, problem=p.problem, mend=p.mend) for p in seen.problems],
            changes=[ChangeBody(field=c.field, old=c.old, new=c.new) for c in seen.changes],
            notes=[*seen.notes, *seen.advice],
            owed=seen.owed,
        ),
    )
