"""
What machines are shown of the service's state: read in one transaction, by index, however many people there are.

Nothing in it names a member.
"""

from collections import Counter
from dataclasses import dataclass

from usher.domain.attention import needs_attention
from usher.domain.job import Job, Status
from usher.domain.scan import Scan, ScanState
from usher.jobs.desk import Desk
from usher.store import jobs, ledger, scans
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.brake import waiting_exits
from usher.store.database import Txn
from usher.store.gaps import gap_of
from usher.store.statements import LANE_BULK, LANE_LIVE
from usher.store.workers import all_workers, is_shared

UNROUTED = 0  # the ledger's key for what belongs to no job
MEMBERS = ("total", "in", "due", "aside", "held")
LANES = {"live": LANE_LIVE, "bulk": LANE_BULK}
KINDS = ("serve", "worker")
# Shown from the start, because Prometheus sees no increase in a series that begins at 1.
EVENTS = (
    *("triggers.received", "triggers.applied", "triggers.unreadable", "triggers.clamped"),
    *("sent.accepted", "sent.rejected", "sent.retried", "sent.unknown"),
    *("scans.found_inside", "scans.no_identifier", "scans.erased", "scans.found_absent"),
)


@dataclass(frozen=True, slots=True)
class JobFigures:
    """
    One job.

    Args:
        members: how many, by the states in MEMBERS.
        events: what was counted since it was made, by name.
        overdue_seconds: by lane, for how long the change that waits longest could have been sent; 0 where none waits.
        needs_person: it is at fault, has failed, or people of it wait at the removal brake.
    """

    job: Job
    members: dict[str, int]
    events: dict[str, int]
    overdue_seconds: dict[str, float]
    needs_person: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """
    The whole service.

    Args:
        unrouted: what was counted for no job.
        workers: how many processes are alive, by kind; empty where one process owns the database.
    """

    jobs: list[JobFigures]
    unrouted: dict[str, int]
    authorizations: list[Authorization]
    workers: dict[str, int]


async def figures_of(desk: Desk) -> Figures:
    """
    Return the figures as of now. Safe to repeat.

    Raises:
        Unavailable: the database does not answer; ask again.
    """
    return await desk.database.read(_figures)


async def must_answer(desk: Desk) -> None:
    """
    Return once the database has answered. Safe to repeat.

    Raises:
        Unavailable: it does not; ask again.
    """
    await desk.database.read(scans.all_counters)


def _figures(txn: Txn) -> Figures:
    counted, newest = scans.all_counters(txn), scans.last_scans(txn)
    known = [job for job in jobs.all_jobs(txn) if job.status is not Status.DELETED]
    return Figures(
        jobs=[_of_job(txn, job, counted.get(job.key, {}), newest.get(job.key)) for job in known],
        unrouted={"triggers.unreadable": 0} | counted.get(UNROUTED, {}),
        authorizations=all_authorizations(txn),
        workers=_alive_by_kind(txn) if is_shared(txn) else {},
    )


def _alive_by_kind(txn: Txn) -> dict[str, int]:
    alive = Counter(one.worker.kind for one in all_workers(txn) if one.worker.is_alive(txn.now_ms))
    return dict.fromkeys(KINDS, 0) | alive


def _of_job(txn: Txn, job: Job, counted: dict[str, int], scan: Scan | None) -> JobFigures:
    members = {name.partition(".")[2]: n for name, n in counted.items() if name.startswith("members.")}
    events = {name: n for name, n in counted.items() if not name.startswith("members.")}
    held = waiting_exits(txn, job.key) if job.exits_held else 0
    is_held = job.exits_held or (scan is not None and scan.state == ScanState.HELD)
    return JobFigures(
        job=job,
        members=dict.fromkeys(MEMBERS, 0) | members | {"held": held},
        events=dict.fromkeys(EVENTS, 0) | events,
        overdue_seconds={name: _overdue_seconds(txn, job, lane) for name, lane in LANES.items()},
        needs_person=needs_attention(job.status, is_held=is_held, has_gap=gap_of(txn, job.key) is not None),
    )


def _overdue_seconds(txn: Txn, job: Job, lane: int) -> float:
    if not job.is_live:
        return 0.0
    first = txn.conn.execute(ledger.NEXT_DUE, {"job": job.key, "lane": lane}).scalar()
    return 0.0 if first is None else max(0.0, (txn.now_ms - first) / 1000)
