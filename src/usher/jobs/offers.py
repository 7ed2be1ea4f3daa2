"""Which steps fit a job as it stands: the table of usher.domain.job, and what each service would refuse anyway."""

from enum import StrEnum

from usher.domain.attention import is_at_brake
from usher.domain.job import LIVE, TRANSITIONS, Cause, Event, Status
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
    job, members = now.job, now.progress.members
    return fitting(
        job.status,
        job.cause,
        is_waiting=is_at_brake(job.status, is_held=job.exits_held or _has_held_scan(now)),
        is_scan_near=_is_scan_near(now),
        people=members["total"],
        set_aside=members["set_aside"],
    )


def offer_words(now: Standing) -> list[str]:
    """Return the same steps as words, always in one order."""
    fits = offers(now)
    return [offer.value for offer in Offer if offer in fits]


def fitting(
    status: Status, cause: Cause, *, is_waiting: bool, is_scan_near: bool, people: int, set_aside: int
) -> frozenset[Offer]:
    """
    Return the steps that fit a job as *offers* does, from the little that a list of jobs knows of each.

    Args:
        is_waiting: people wait for a decision at the removal brake.
        is_scan_near: a scan is under way, about to begin, or waits for that decision.
    """
    is_live, is_unstarted = status in LIVE, cause is Cause.UNSTARTED
    is_stopped_by_brake = status is Status.FAULT and cause is Cause.REMOVALS
    fits = {
        Offer.START: is_unstarted,
        Offer.PAUSE: _leads_on(status, Event.PAUSE),
        Offer.RESUME: status is Status.PAUSED and not is_unstarted,
        Offer.BOUNCE: _leads_on(status, Event.BOUNCE) and status is not Status.PAUSED and not is_stopped_by_brake,
        Offer.DECIDE: is_waiting,
        Offer.RECONCILE: is_live and not is_unstarted and not is_scan_near,
        Offer.RESEND: is_live and people > 0,
        Offer.RETRY: is_live and set_aside > 0,
        Offer.EDIT: status not in ENDED,
        Offer.CLONE: True,
        Offer.KILL: _leads_on(status, Event.KILL),
        Offer.DELETE: _leads_on(status, Event.DELETE),
    }
    return frozenset(offer for offer, does_fit in fits.items() if does_fit)


def _leads_on(status: Status, event: Event) -> bool:
    """Whether *event* leads somewhere else from *status*."""
    return TRANSITIONS[event].get(status, status) is not status


def _has_held_scan(now: Standing) -> bool:
    scan = now.progress.scan
    return scan is not None and scan.held > 0


def _is_scan_near(now: Standing) -> bool:
    scan = now.progress.scan
    is_running = scan is not None and scan.state == ScanState.RUNNING
    return is_running or bool(now.job.scan_wanted) or _has_held_scan(now)
