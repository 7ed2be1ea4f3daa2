"""What happens, over REST: every job at a glance, one job over time, and who is set aside for which reason."""

from dataclasses import asdict
from typing import Annotated

from starlette.requests import Request

from usher.jobs import activity, aside, overview
from usher.web.activity_shape import ActivityBody, OverviewBody, SetAsideBody, overview_body, set_aside_body
from usher.web.callers import Caller, may_see_people
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok
from usher.web.request_shapes import one_of


async def show_overview(
    request: Request,
    *,
    show: Annotated[str, one_of(overview.SHOWN)] = "current",
    search: str = "",
    sort: Annotated[str, one_of(overview.SORTED_BY)] = "",
) -> Ok[OverviewBody]:
    """Show every job at a glance, and how many run, sleep, wait or have ended."""
    found = await overview.overview(deps_of(request).desk, show=show, search=search, sort=sort)
    return ok(request, overview_body(found))


async def job_activity(
    request: Request, job_id: str, span: Annotated[str, one_of(activity.SPANS)] = "hour"
) -> Ok[ActivityBody]:
    """Show what happened to a job over the last `hour`, `day` or `week`, in buckets that leave no gap."""
    found = await activity.activity_of(deps_of(request).desk, job_id, span=span)
    return ok(request, ActivityBody.model_validate(asdict(found)))


async def show_set_aside(request: Request, caller: Caller, job_id: str) -> Ok[SetAsideBody]:
    """Show who is set aside, by reason, with what to do about it."""
    found = await aside.set_aside(deps_of(request).desk, job_id)
    return ok(request, set_aside_body(found, may_see=may_see_people(caller)))
