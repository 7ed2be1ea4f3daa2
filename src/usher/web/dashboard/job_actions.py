"""What people do with a job from its page or the list: asked first where it is large or cannot be undone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from usher.access.roles import Actor, Role
from usher.domain.job import Job
from usher.errors import Conflict, InvalidInput, NotFound, Unavailable
from usher.jobs import aside, control
from usher.jobs.desk import Desk
from usher.jobs.offers import Offer, offers
from usher.jobs.standing import Standing, standing_of
from usher.mapp.wire import attribute_key
from usher.web.dashboard.entry import HOME, PageRoute, local_path
from usher.web.dashboard.job_asking import ASKS
from usher.web.dashboard.visit import Handler, Visit
from usher.web.dashboard.words import people

Move = Callable[[Desk, Actor, str], Awaitable[Job]]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with a job, and what is said when it was done."""

    move: Move
    said: str


STEPS = {
    "pause": Step(
        control.pause_job, "Paused. Changes from Lytics are still taken in; nothing is sent until it goes on."
    ),
    "resume": Step(control.resume_job, "The job goes on."),
    "bounce": Step(control.bounce_job, "Mapp and Lytics were asked again, and the job goes on."),
    "reconcile": Step(control.reconcile_job, "The whole audience is compared as soon as it can be read."),
    "resend": Step(control.resend_job, "Everybody is being told again."),
    "kill": Step(control.kill_job, "The job was terminated. Mapp keeps what it holds."),
    "delete": Step(control.delete_job, "The job was deleted. Mapp keeps what it holds."),
}


def _doing(action: str) -> Handler:
    step = STEPS[action]

    async def handle(visit: Visit) -> Response:
        try:
            job = await step.move(visit.desk, visit.actor, visit.path("job_id"))
        except (Conflict, Unavailable) as error:
            return visit.go(_back(visit), said=error.message, mood="bad")
        return visit.go(HOME if action == "delete" else _back(visit), said=_said(action, job))

    return handle


def _said(action: str, job: Job) -> str:
    """A start tells of the webhook too: it is the one thing that a person may still have to do."""
    if action == "resume" and job.webhook.state == "manual":
        return f"{STEPS[action].said} {job.webhook.note or 'Lytics has yet to be told where to send changes.'}"
    return STEPS[action].said


def _back(visit: Visit) -> str:
    asked = visit.form.get("back")
    return local_path(asked) if asked else f"/jobs/{visit.path('job_id')}"


async def retry(visit: Visit) -> Response:
    """Owe again who was set aside: those named, those of one reason, or everybody."""
    job_id, named = visit.path("job_id"), visit.form.all("members")
    reason = visit.form.raw("reason").replace("\r\n", "\n")  # browsers send every line's end so
    try:
        if reason:
            owed = await aside.retry_reason(visit.desk, visit.actor, job_id, reason)
        else:
            owed = await control.retry_members(visit.desk, visit.actor, job_id, named or None)
    except (Conflict, InvalidInput, Unavailable) as error:
        return visit.go(_back(visit), said=error.message, mood="bad")
    said = f"{people(owed)} {'is' if owed == 1 else 'are'} sent again." if owed else "Nobody was set aside any more."
    return visit.go(_back(visit), said=said)


async def ask(visit: Visit) -> Response:
    """Say what a large step means, for how many, before it is taken."""
    action, job_id = visit.path("action"), visit.path("job_id")
    asking = ASKS.get(action)
    if asking is None:
        raise NotFound("There is nothing of this name to ask about.")
    now = await standing_of(visit.desk, job_id)
    if asking.offer not in offers(now):
        raise Conflict(_unfit(now, asking.offer))
    return await visit.page(
        "job-ask.html",
        job=now.job,
        base=f"/jobs/{job_id}",
        back=local_path(visit.query("back")) if visit.query("back") else f"/jobs/{job_id}",
        asking=asking,
        title=asking.title(now),
        effects=asking.effects(now),
        key=attribute_key(now.job.target),
        action=action,
    )


def _unfit(now: Standing, offer: Offer) -> str:
    return f"A job that is {now.job.status} has nothing to {offer}. Look at its page for what can be done."


PAGES = (
    *(PageRoute("POST", f"/jobs/{{job_id}}/{action}", Role.OPERATOR, _doing(action)) for action in STEPS),
    PageRoute("POST", "/jobs/{job_id}/retry", Role.OPERATOR, retry),
    PageRoute("GET", "/jobs/{job_id}/ask/{action}", Role.OPERATOR, ask),
)
