"""One job's line on the list: why it stands as it does, in a few words, and the one step that helps. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.jobs.offers import Offer, fitting
from usher.jobs.overview_rows import Row, ScanLine
from usher.web.dashboard.sparkline import Sparkline, sparkline
from usher.web.dashboard.words import duration, people

STOPPED_BY = {
    Cause.MAPP_CREDENTIALS: "Mapp refuses the credentials",
    Cause.MAPP_INTEGRATION: "Mapp does not know the integration",
    Cause.LYTICS_CREDENTIALS: "Lytics refuses the token",
    Cause.REJECTIONS: "Mapp rejects most people",
    Cause.AUDIENCE: "The audience cannot be read",
    Cause.FIELD: "The identifier field cannot be used",
}
SLEEPS_BY = {Cause.OUTAGE: "Mapp does not answer", Cause.LYTICS_OUTAGE: "Lytics does not answer"}
SCANNING = {"backfill": "Backfill", "reconcile": "Comparing", "baseline": "Reading the audience"}
LONGEST = 70  # characters; the job's page says the rest


class Step(NamedTuple):
    """
    What somebody can do about a job.

    Args:
        is_change: a form that is sent; else a link to a page.
        needs: the lowest role that may.
    """

    word: str
    path: str
    is_change: bool = False
    needs: Role = Role.OPERATOR


@dataclass(frozen=True, slots=True)
class Line:
    """
    One row as it is shown.

    Args:
        why: the second line of its status, "" where the status says all.
        is_moving: something is on its way to Mapp at this moment.
        menu: further steps that fit its status.
    """

    row: Row
    why: str
    is_moving: bool
    step: Step
    menu: list[Step]
    spark: Sparkline


def line_of(row: Row) -> Line:
    return Line(row, why(row), _is_moving(row), first_step(row), further_steps(row), sparkline(row.spark))


def why(row: Row) -> str:
    """Return what the status alone does not say."""
    if _is_at_the_brake(row):
        return _waiting(row.to_decide)
    if row.status is Status.RUNNABLE:
        return _scanning(row.scan) or _unheard(row)
    if row.status is Status.PAUSED:
        return _paused(row)
    return STOPPED_BY.get(row.cause) or SLEEPS_BY.get(row.cause) or _short(row.reason)


def _is_at_the_brake(row: Row) -> bool:
    """Whether a decision is what it needs first: what else stops it, or a pause, comes before that."""
    return Offer.DECIDE in fits(row) and row.status is not Status.PAUSED and row.cause not in STOPPED_BY


def _waiting(to_decide: int) -> str:
    return f"{people(to_decide)} {'waits' if to_decide == 1 else 'wait'} for a decision"


def _paused(row: Row) -> str:
    if row.cause is Cause.UNSTARTED:
        return "Saved, not started"
    return _waiting(row.to_decide) if row.is_waiting else _short(row.reason)


def _scanning(scan: ScanLine | None) -> str:
    if scan is None or scan.state != "running":
        return ""
    told = SCANNING.get(scan.kind, "Reading the audience")
    share = "" if scan.percent is None else f" {scan.percent} %"
    return told + share + ("" if scan.eta_seconds is None else f", {duration(scan.eta_seconds)} left")


def _unheard(row: Row) -> str:
    return "Paste the webhook into Lytics" if row.webhook == "manual" and row.last_change_ms is None else ""


def _short(reason: str) -> str:
    """Return the first sentence without the word that its status says already, cut where even that is long."""
    first = reason.split(". ", maxsplit=1)[0].rstrip(".").removeprefix("Killed ").removeprefix("Paused ")
    return first if len(first) <= LONGEST else first[: LONGEST - 1].rstrip() + "…"


def _is_moving(row: Row) -> bool:
    is_scanning = row.scan is not None and row.scan.state == "running"
    return row.status is Status.RUNNABLE and (row.due > row.held or is_scanning)


def first_step(row: Row) -> Step:
    """Return the one step that helps most."""
    at = f"/jobs/{row.id}"
    if _is_at_the_brake(row):
        return Step("Decide", f"{at}/removals")
    if row.status is Status.PAUSED and row.cause is Cause.UNSTARTED:
        return Step("Start", f"{at}/resume", is_change=True)
    if row.status is Status.FAULT:
        return Step("Fix", _where_to_fix(row))
    usual = {
        Status.PAUSED: Step("Resume", f"{at}/resume", is_change=True),
        Status.FAILED: Step("Restart", f"{at}/bounce", is_change=True),
        Status.COMPLETED: Step("Restart", f"{at}/ask/bounce"),
        Status.KILLED: Step("Duplicate", f"{at}/clone"),
    }
    return usual.get(row.status, Step("Pause", f"{at}/pause", is_change=True))


def _where_to_fix(row: Row) -> str:
    if row.cause in {Cause.MAPP_CREDENTIALS, Cause.MAPP_INTEGRATION}:
        return f"/authorizations/{row.mapp.id}"
    return f"/authorizations/{row.lytics.id}" if row.cause is Cause.LYTICS_CREDENTIALS else f"/jobs/{row.id}"


def further_steps(row: Row) -> list[Step]:
    """Return what else fits its status, the harmless first; whatever ends or repeats much asks on its own page."""
    at, first = f"/jobs/{row.id}", first_step(row)
    steps = {
        Offer.DECIDE: Step("Decide", f"{at}/removals"),
        Offer.PAUSE: Step("Pause", f"{at}/pause", is_change=True),
        Offer.BOUNCE: Step("Restart", f"{at}/bounce", is_change=True),
        Offer.RETRY: Step("See who is set aside", f"{at}#aside", needs=Role.VIEWER),
        Offer.EDIT: Step("Edit", f"{at}/edit"),
        Offer.CLONE: Step("Duplicate", f"{at}/clone"),
        Offer.RECONCILE: Step("Compare now", f"{at}/reconcile", is_change=True),
        Offer.RESEND: Step("Send to everybody again", f"{at}/ask/resend"),
        Offer.KILL: Step("Terminate", f"{at}/ask/kill"),
        Offer.DELETE: Step("Delete", f"{at}/ask/delete"),
    }
    fit = fits(row)
    return [step for offer, step in steps.items() if offer in fit and step.word != first.word]


def fits(row: Row) -> frozenset[Offer]:
    is_scanning = row.scan is not None and row.scan.state == "running"
    return fitting(
        row.status,
        row.cause,
        is_waiting=row.is_waiting,
        is_scan_near=is_scanning or row.to_decide > row.held,
        people=row.total,
        set_aside=row.set_aside,
    )
