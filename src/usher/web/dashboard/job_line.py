"""One job's line on the list: why it stands as it does, in a few words, and what can be done. Pure."""

from dataclasses import dataclass

from usher.domain.job import Cause, Status
from usher.jobs.offers import Offer, fitting
from usher.jobs.overview_rows import Row, ScanLine
from usher.web.dashboard.job_steps import Steps, steps_of
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
SLEEPS_BY = {
    Cause.OUTAGE: "Mapp does not answer",
    Cause.LYTICS_OUTAGE: "Lytics does not answer",
    Cause.CLOCKS: "A clock is wrong",
}
SCANNING = {"backfill": "Backfill", "reconcile": "Comparing", "baseline": "Reading the audience"}
LONGEST = 70  # characters; the job's page says the rest


@dataclass(frozen=True, slots=True)
class Line:
    """
    One row as it is shown.

    Args:
        why: the second line of its status, "" where the status says all.
        is_moving: something is on its way to Mapp at this moment.
    """

    row: Row
    why: str
    is_moving: bool
    steps: Steps
    spark: Sparkline


def line_of(row: Row) -> Line:
    return Line(row, why(row), _is_moving(row), steps_on(row), sparkline(row.spark))


def why(row: Row) -> str:
    """Return what the status alone does not say."""
    if _is_at_the_brake(row):
        return _waiting(row.to_decide)
    if row.status is Status.RUNNABLE:
        return _scanning(row.scan) or ("Triggers may be missing" if row.has_gap else _unheard(row))
    if row.status is Status.PAUSED:
        return _paused(row)
    return STOPPED_BY.get(row.cause) or SLEEPS_BY.get(row.cause) or _short(row.reason)


def _is_at_the_brake(row: Row) -> bool:
    """Whether a decision is what it needs first: what else stops it comes before that."""
    return row.is_waiting and row.cause not in STOPPED_BY


def _waiting(to_decide: int) -> str:
    if not to_decide:
        return "Whoever leaves is held"
    return f"{people(to_decide)} {'waits' if to_decide == 1 else 'wait'} for a decision"


def _paused(row: Row) -> str:
    return "Saved, not started" if row.cause is Cause.UNSTARTED else _short(row.reason)


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
    first = (
        reason.split(". ", maxsplit=1)[0]
        .rstrip(".")
        .removeprefix("Terminated ")
        .removeprefix("Killed ")
        .removeprefix("Paused ")
    )
    return first if len(first) <= LONGEST else first[: LONGEST - 1].rstrip() + "…"


def _is_moving(row: Row) -> bool:
    is_scanning = row.scan is not None and row.scan.state == "running"
    return row.status is Status.RUNNABLE and (row.due > row.held or is_scanning)


def steps_on(row: Row) -> Steps:
    """Return what can be done about the job, as its own page offers it."""
    return steps_of(row.id, row.status, row.cause, fits(row), mapp=row.mapp.id, lytics=row.lytics.id)


def fits(row: Row) -> frozenset[Offer]:
    return fitting(
        row.status,
        row.cause,
        is_waiting=row.is_waiting,
        is_scan_near=row.is_scan_near,
        people=row.total,
        set_aside=row.set_aside,
    )
