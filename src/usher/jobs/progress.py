"""How far a job has come, in the shape that the API shows; every figure was counted with what it counts."""

from dataclasses import dataclass, replace
from typing import TypedDict

from usher.clock import iso_from_ms, iso_or_none
from usher.domain.job import Job
from usher.domain.scan import Scan, ScanState
from usher.jobs.desk import Desk
from usher.jobs.totals import Totals
from usher.store import brake, jobs, scans, workers
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn

IGNORED = "triggers.ignored."

MemberCounts = TypedDict(
    "MemberCounts", {"total": int, "in": int, "out": int, "due": int, "set_aside": int, "held": int}
)  # "in" is a keyword


class SentCounts(TypedDict):
    """Requests to Mapp by what they meant."""

    accepted: int
    retried: int
    rejected: int
    unknown: int


class TriggerCounts(TypedDict):
    """received = applied + the sum of ignored + unreadable."""

    received: int
    applied: int
    ignored: dict[str, int]
    unreadable: int


class PaceNow(TypedDict):
    """*per_second* is None where nothing limits it."""

    per_second: float | None
    in_flight: int


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """The newest scan of a job; *seen* counts members, *expected* the people that Lytics announced.

    *without_identifier* counts profiles for which the identifier field names nobody. *held* counts those whom it did
    not find and who wait for a decision.
    """

    kind: str
    state: str
    seen: int
    expected: int | None
    without_identifier: int
    held: int
    pages: int
    started: str
    finished: str | None
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far one job has come.

    Args:
        hold: a mark of what the removal brake holds, for the decision about it; blank where nobody waits.
    """

    status: str
    reason: str
    scan: ScanProgress | None
    members: MemberCounts
    sent: SentCounts
    triggers: TriggerCounts
    pace: PaceNow
    hold: str

    @property
    def totals(self) -> Totals:
        """Its triggers, whatever the ignored ones were ignored for."""
        counts = self.triggers
        return Totals(counts["received"], counts["applied"], sum(counts["ignored"].values()), counts["unreadable"])

    @property
    def in_step(self) -> int:
        """How many people are neither owed to Mapp nor set aside."""
        return self.members["total"] - self.members["due"] - self.members["set_aside"]

    @property
    def waiting(self) -> int:
        """How many people wait to be sent; who waits for a decision is not among them."""
        return self.members["due"] - self.members["held"]

    @property
    def requests(self) -> int:
        """How many requests went to Mapp, whatever became of them."""
        return sum((self.sent["accepted"], self.sent["retried"], self.sent["rejected"], self.sent["unknown"]))


async def job_progress(desk: Desk, job_id: str) -> Progress:
    """
    Return how far a job has come.

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> tuple[Progress, str]:
        job = brake.as_it_waits(txn, jobs.job_by_id(txn, job_id))
        return progress_in(txn, job), job.mapp_auth

    progress, mapp_auth = await desk.database.read(work)
    return with_pace(desk, progress, mapp_auth=mapp_auth)


def progress_in(txn: Txn, job: Job) -> Progress:
    """Return how far *job* (as it waits) has come; its pace is what workers told last, see *with_pace*."""
    scan, counted = scans.last_scan(txn, job.key), scans.counters_of(txn, job.key)
    return Progress(
        status=job.status,
        reason=job.reason,
        scan=None if scan is None else scan_progress(scan, now_ms=txn.now_ms),
        members=_members(counted, held=brake.waiting_exits(txn, job.key) if job.exits_held else 0),
        sent=_sent(counted),
        triggers=_triggers(counted),
        pace=_told_pace(txn, job.mapp_auth),
        hold=brake.hold_mark(txn, job),
    )


def with_pace(desk: Desk, progress: Progress, *, mapp_auth: str) -> Progress:
    """Return *progress* with how fast the engine sends to *mapp_auth* now; what workers told stays where it is idle."""
    per_second, in_flight = desk.pace_of(mapp_auth)
    if per_second is None and not in_flight:
        return progress
    return replace(progress, pace={"per_second": per_second, "in_flight": in_flight})


def _told_pace(txn: Txn, mapp_auth: str) -> PaceNow:
    """Sum what the workers that are alive told of themselves."""
    alive = [one.worker for one in workers.all_workers(txn) if one.worker.is_alive(txn.now_ms)]
    told = [worker.standing[mapp_auth] for worker in alive if mapp_auth in worker.standing]
    found = [one.found_per_second for one in told if one.found_per_second is not None]
    limits = [auth.config.get("requests_per_second") for auth in all_authorizations(txn) if auth.id == mapp_auth]
    rates = [rate for rate in (*limits, sum(found) if found else None) if rate is not None] if told else []
    return {"per_second": min(rates, default=None), "in_flight": sum(one.in_flight for one in told)}


def scan_progress(scan: Scan, *, now_ms: int) -> ScanProgress:
    """A scan that the removal brake holds has read everything, so it counts as completed."""
    return ScanProgress(
        kind=scan.kind,
        state=ScanState.COMPLETED if scan.state == ScanState.HELD else scan.state,
        seen=scan.seen,
        expected=scan.expected,
        without_identifier=scan.without_identifier,
        held=scan.leaving if scan.state == ScanState.HELD else 0,
        pages=scan.pages,
        started=iso_from_ms(scan.started_ms),
        finished=iso_or_none(scan.finished_ms),
        eta_seconds=_eta_seconds(scan, now_ms=now_ms),
    )


def _eta_seconds(scan: Scan, *, now_ms: int) -> float | None:
    took = (now_ms - scan.started_ms) / 1000
    if scan.state != ScanState.RUNNING or scan.expected is None or not scan.profiles or took <= 0:
        return None
    return round(max(0, scan.expected - scan.profiles) * took / scan.profiles, 1)


def _members(counted: dict[str, int], *, held: int) -> MemberCounts:
    """Count members; those held are exits among the due, which wait for a person and are not sent before."""
    total, inside = counted.get("members.total", 0), counted.get("members.in", 0)
    return {
        "total": total,
        "in": inside,
        "out": total - inside,
        "due": counted.get("members.due", 0),
        "set_aside": counted.get("members.aside", 0),
        "held": held,
    }


def _sent(counted: dict[str, int]) -> SentCounts:
    return {
        "accepted": counted.get("sent.accepted", 0),
        "retried": counted.get("sent.retried", 0),
        "rejected": counted.get("sent.rejected", 0),
        "unknown": counted.get("sent.unknown", 0),
    }


def _triggers(counted: dict[str, int]) -> TriggerCounts:
    return {
        "received": counted.get("triggers.received", 0),
        "applied": counted.get("triggers.applied", 0),
        "ignored": {name.removeprefix(IGNORED): n for name, n in counted.items() if name.startswith(IGNORED)},
        "unreadable": counted.get("triggers.unreadable", 0),
    }
