"""The end of the new-job pages: the job is made, started or not; and their beginning from a job that exists."""

from starlette.responses import Response

from usher.domain.job import Cause, Job
from usher.errors import Conflict, InvalidInput, Unavailable
from usher.jobs.creating import create_job, job_made_of
from usher.jobs.drafts import draft_of
from usher.jobs.looking import show_job
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import EXPORT, typed_by, typed_of
from usher.web.dashboard.wizard_review import show_review

UNSTARTED = "{name} is saved. Nothing is sent, and Lytics hears nothing of it, until you start it."
ALREADY = "{name} has started already, so no second job was made."
ONCE = "{name} has started. It sends everyone who is inside once, then stops."
MADE = "{name} has started. Usher made the webhook in Lytics itself, so changes arrive by themselves."
AGAIN = "{name} has started. {note}"
PASTE = "{name} has started. Lytics must still be told to send its changes here: this page shows what to enter there."


async def start_export(visit: Visit) -> Response:
    """Make the job and start it."""
    return await _make(visit, start=True)


async def save_only(visit: Visit) -> Response:
    """Make the job without starting it."""
    return await _make(visit, start=False)


async def _make(visit: Visit, *, start: bool) -> Response:
    typed = typed_by(visit)
    draft = typed.job_draft(start=start)
    try:
        created = await create_job(visit.desk, visit.actor, draft)
    except (InvalidInput, Conflict, Unavailable) as error:
        made = await job_made_of(visit.desk, draft) if isinstance(error, Conflict) else None
        return _lead_to(visit, made) if made else await show_review(visit, typed, error=error)
    said, mood = what_became_of(created.job, is_started=start)
    return visit.go(f"/jobs/{created.job.id}", said=said, mood=mood)


def _lead_to(visit: Visit, made: Job) -> Response:
    """Lead to the job that the same form made when it was sent before."""
    said = UNSTARTED if made.cause is Cause.UNSTARTED else ALREADY
    return visit.go(f"/jobs/{made.id}", said=said.format(name=made.name))


def what_became_of(job: Job, *, is_started: bool) -> tuple[str, str]:
    """Return what to tell whoever made *job*, and how it went ("ok" or "warn")."""
    if not is_started:
        said, mood = UNSTARTED, "ok"
    elif job.webhook.state == "made":
        said, mood = MADE, "ok"
    elif job.webhook.state == "off":
        said, mood = ONCE, "ok"
    else:
        said, mood = AGAIN if job.webhook.is_tried_again else PASTE, "warn"
    return said.format(name=job.name, note=job.webhook.note), mood


async def clone_job(visit: Visit) -> Response:
    """Open the third page filled in from a job that exists."""
    view = await show_job(visit.desk, visit.path("job_id"))
    typed = typed_of(draft_of(view.job), new_draft=visit.desk.new_id()[:8])
    return visit.go(typed.address(EXPORT))
