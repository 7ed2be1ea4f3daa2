"""Jobs over REST: make one, look at it, change it, and everything that moves it from state to state."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from usher.access.roles import Actor
from usher.domain.job import Job, Status
from usher.errors import InvalidInput, Problem
from usher.jobs import control, creating, editing, looking, owing, preview
from usher.jobs.desk import Desk
from usher.jobs.drafts import read_job_draft
from usher.web.body import JsonObject
from usher.web.callers import Caller, may_see_people
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok, page
from usher.web.failures import CodedNotFound
from usher.web.job_shape import WORKFLOW_SLUG, JobBody, JobLogBody, job_body, log_body
from usher.web.member_shape import PreviewBody, preview_body
from usher.web.request_shapes import Cursor

Move = Callable[[Desk, Actor, str], Awaitable[Job]]
Handler = Callable[[Request, Actor, str], Awaitable[Ok[JobBody]]]
STATES = "^(({0})(,({0}))*)?$".format("|".join(Status))  # several, with commas


async def create_job(request: Request, caller: Caller, body: JsonObject) -> Ok[JobBody]:
    """Create a job and start its export; with `start: false` it is saved, and resuming starts it."""
    desk = deps_of(request).desk
    created = await creating.create_job(desk, caller, read_job_draft(body))
    view = await looking.show_job(desk, created.job.id)
    return ok(request, job_body(view.job, webhook_help=view.webhook_help, notes=created.notes), status=201)


async def preview_job(request: Request, caller: Caller, body: JsonObject) -> Ok[PreviewBody]:
    """Show what a job would do; nothing is saved."""
    desk = deps_of(request).desk
    seen = await preview.preview_job(desk, read_job_draft(body), may_see_people=may_see_people(caller))
    return ok(request, preview_body(seen))


async def edit_job(request: Request, caller: Caller, job_id: str, body: JsonObject) -> Ok[JobBody]:
    """Change a job; what is left out stays. The audience and the identifier field cannot change."""
    desk = deps_of(request).desk
    edited = await editing.edit_job(desk, caller, job_id, read_job_draft(body))
    return ok(request, job_body(edited.job, notes=edited.notes))


async def list_jobs(
    request: Request,
    *,
    workflow: str = "",
    auth_ids: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies a default
    show_completed: bool = False,
    show_deleted: bool = False,
    show_all: bool = False,
    show_state: Annotated[str, Query(json_schema_extra={"pattern": STATES})] = "",
    cursor: Cursor = None,
) -> Ok[list[JobBody]]:
    """List jobs that run, sleep, wait or are at fault, and more when asked; newest first, 200 at a time."""
    filters = looking.JobFilters(
        workflow=workflow,
        auth_ids=tuple(auth_ids),
        show_completed=show_completed,
        show_deleted=show_deleted,
        show_all=show_all,
        show_state=tuple(filter(None, show_state.split(","))),
    )
    found, following = await looking.list_jobs(deps_of(request).desk, filters, cursor)
    return page(request, [job_body(job) for job in found], following)


async def show_job(request: Request, job_id: str) -> Ok[JobBody]:
    """Show one job, and what to enter in Lytics where a person must."""
    view = await looking.show_job(deps_of(request).desk, job_id)
    return ok(request, job_body(view.job, webhook_help=view.webhook_help))


async def job_logs(request: Request, job_id: str, cursor: Cursor = None) -> Ok[list[JobLogBody]]:
    """Show a job's log, newest first, 200 lines at a time."""
    found, following = await looking.job_logs(deps_of(request).desk, job_id, cursor)
    return page(request, [log_body(entry, job_id=job_id) for entry in found], following)


async def unknown_workflow(workflow: str) -> None:
    """Say that Usher's jobs have one workflow only."""
    message = f"There is no workflow {workflow[:64]!r}. Usher's is {WORKFLOW_SLUG}."
    raise CodedNotFound(message, code="WF-NOTFOUND-005")


async def unknown_workflow_of(workflow: str, job_id: str) -> None:
    """Say that Usher's jobs have one workflow only."""
    await unknown_workflow(workflow)


def _moving(move: Move, summary: str) -> Handler:
    async def handle(request: Request, caller: Caller, job_id: str) -> Ok[JobBody]:
        return ok(request, job_body(await move(deps_of(request).desk, caller, job_id)))

    handle.__name__ = move.__name__
    handle.__doc__ = summary
    return handle


pause_job = _moving(control.pause_job, "Send nothing until resumed; triggers are still taken in.")
resume_job = _moving(control.resume_job, "Go on after a pause.")
bounce_job = _moving(control.bounce_job, "Ask both vendors again, and go on.")
kill_job = _moving(control.kill_job, "End a job for good.")
delete_job = _moving(control.delete_job, "End a job and forget its members.")
reconcile_job = _moving(control.reconcile_job, "Compare the whole audience now.")


async def resend_job(request: Request, caller: Caller, job_id: str, body: JsonObject) -> Ok[JobBody]:
    """Owe everybody again; or only those named in `members`, and then `meta.notes` says how many."""
    desk, members = deps_of(request).desk, _members_in(body)
    if members is None:
        return ok(request, job_body(await control.resend_job(desk, caller, job_id)))
    count = await owing.resend_members(desk, caller, job_id, members)
    view = await looking.show_job(desk, job_id)
    return ok(request, job_body(view.job, notes=[f"{count:,} of {len(members):,} named are owed again."]))


def _members_in(body: dict[str, object]) -> list[str] | None:
    odd, members = _unknown_in(body, "members"), body.get("members")
    if members is not None and not (isinstance(members, list) and all(isinstance(one, str) for one in members)):
        odd.append(Problem("members", "must be a list of texts.", "Name people, or leave it out for everybody."))
    if odd:
        raise InvalidInput(*odd)
    return members if isinstance(members, list) else None


async def confirm_removals(request: Request, caller: Caller, job_id: str, body: JsonObject) -> Ok[JobBody]:
    """Set those to false whom the removal brake holds, or only what `hold` names; `meta.notes` says how many."""
    decided = await control.confirm_removals(deps_of(request).desk, caller, job_id, hold=_hold_in(body))
    return ok(request, job_body(decided.job, notes=decided.notes))


async def discard_removals(request: Request, caller: Caller, job_id: str, body: JsonObject) -> Ok[JobBody]:
    """Keep those as they are whom the removal brake holds, or only what `hold` names; `meta.notes` says how many."""
    decided = await control.discard_removals(deps_of(request).desk, caller, job_id, hold=_hold_in(body))
    return ok(request, job_body(decided.job, notes=decided.notes))


def _hold_in(body: dict[str, object]) -> str | None:
    odd, hold = _unknown_in(body, "hold"), body.get("hold")
    if hold is not None and not isinstance(hold, str):
        odd.append(Problem("hold", "must be a text.", "Copy it from the job's progress, or leave it out."))
    if odd:
        raise InvalidInput(*odd)
    return hold if isinstance(hold, str) else None


def _unknown_in(body: dict[str, object], known: str) -> list[Problem]:
    return [Problem(str(key)[:64], "is not known here.", f"Known: {known}.") for key in body if key != known]
