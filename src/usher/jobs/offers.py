"""Which steps fit a job as it stands: the table of usher.domain.job, and what each service would refuse anyway."""

from enum import StrEnum

from usher.domain.job import TRANSITIONS, Cause, Event, Job, Status
from usher.domain.scan import ScanState
from usher.jobs.standing import Standing
from usher.jobs.webhooks import ENDED


class Offer(StrEnum):
    """A step that somebody may take with a job."""

    START = "start"  # resume, for a job that was saved without starting
    PAUSE = "pause"
    RESUME = "resume"
    BOUNCE = "bounce"
    DECIDE = "decide"
    RECONCILE = "reconcile"
    RESEND = "resend"
    RETRY = "retry"
    EDIT = "edit"
    CLONE = "clone"
    KILL = "kill"
    DELETE = "delete"


def offers(now: Standing) -> frozenset[Offer]:
    """Return the steps that fit a job; whoever offers another would only be refused."""
    job = now.job
    is_unstarted = job.cause is Cause.UNSTARTED
    fits = {
        Offer.START: is_unstarted,
        Offer.PAUSE: _leads_on(job, Event.PAUSE),
        Offer.RESUME: job.status is Status.PAUSED and not is_unstarted,
        Offer.BOUNCE: _leads_on(job, Event.BOUNCE) and job.status is not Status.PAUSED and not is_stopped_by_brake(job),
        Offer.DECIDE: job.is_live and (job.exits_held or _has_held_scan(now)),
        Offer.RECONCILE: job.is_live and not is_unstarted and not _is_scan_near(now),
        Offer.RESEND: job.is_live and now.progress.members["total"] > 0,
        Offer.RETRY: job.is_live and now.progress.members["set_aside"] > 0,
        Offer.EDIT: job.status not in ENDED,
        Offer.CLONE: True,
        Offer.KILL: _leads_on(job, Event.KILL),
        Offer.DELETE: _leads_on(job, Event.DELETE),
    }
    return frozenset(offer for offer, does_fit in fits.items() if does_fit)


def is_stopped_by_brake(job: Job) -> bool:
    return job.status is Status.FAULT and job.cause is Cause.REMOVALS


def _leads_on(job: Job, event: Event) -> bool:
    """Whether *event* leads somewhere else from where the job is."""
    return TRANSITIONS[event].get(job.status, job.status) is not job.status


def _has_held_scan(now: Standing) -> bool:
    scan = now.progress.scan
    return scan is not None and scan.held > 0


def _is_scan_near(now: Standing) -> bool:
    scan = now.progress.scan
    is_running = scan is not None and scan.state == ScanState.RUNNING
    return is_running or bool(now.job.scan_wanted) or _has_held_scan(now)
