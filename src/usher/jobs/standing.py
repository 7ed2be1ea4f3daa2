"""Everything that tells how one job stands right now, read together; the words for it are usher.jobs.saying's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from usher.domain.job import SENDING, Job, Status
from usher.domain.notes import LogCode, LogEntry
from usher.domain.scan import ScanState
from usher.domain.trigger_gap import Gap
from usher.jobs.activity import ENDED_BY, Activity, activity_of
from usher.jobs.desk import Desk
from usher.jobs.progress import Progress, progress_in, with_pace
from usher.store import brake, jobs, notes, scans
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.gaps import gap_of
from usher.store.members import is_bulk_owed

RECENT = 100  # lines of the log that are looked through for when a job stopped
STOPPED_BY = {
    Status.FAULT: LogCode.FAULT,
    Status.FAILED: LogCode.FAULT,
    Status.PAUSED: LogCode.PAUSED,
    **ENDED_BY,
}
OVER = frozenset(ENDED_BY)
OWED_FROM = frozenset(
    {
        LogCode.EDITED,
        LogCode.RESENT,
        LogCode.SOME_RESENT,
        LogCode.RETRIED,
        LogCode.DECIDED,
        LogCode.RESUMED,
        LogCode.RESTARTED,
        LogCode.MENDED,
        LogCode.AWAKE,
    }
)  # where people are owed again, or sent again: before that, no speed tells anything of theirs
FEWEST_SECONDS = 5.0  # of sending that a speed is told from


@dataclass(frozen=True, slots=True)
class Backfill:
    """
    How far everybody who is owed at once has come: a backfill, or people who are told again.

    Args:
        expected: how many people it is about; None where Lytics announced no total.
        accepted: of how many of them Mapp has accepted the newest value.
        read: how many were read from Lytics.
        per_second: how fast Mapp accepts, over the last minute or two; 0 where that cannot be said yet.
        left_seconds: until everybody is told, at that speed; None where it cannot be said yet, or nothing is sent.
    """

    expected: int | None
    accepted: int
    read: int
    per_second: float
    left_seconds: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """
    One job, now.

    Args:
        hour: what happened within the last hour.
        labels: of its authorizations, by id; one that is gone is missing.
        log: its newest lines, newest first.
        sweeps: which walks over its people are under way: "resend", "retry", "leave", "forget".
        is_bulk_owed: people wait whom a scan or a resend found, not only live changes.
        since_ms: when it stopped, by its log; None where it goes on, or the log does not say any more.
        scan_began_ms: when its newest scan began; None where it never had one.
        gap: triggers that may be missing.
    """

    job: Job
    progress: Progress
    hour: Activity
    labels: dict[str, str]
    log: Sequence[LogEntry]
    sweeps: frozenset[str]
    is_bulk_owed: bool
    since_ms: int | None
    scan_began_ms: int | None
    now_ms: int
    gap: Gap | None = None

    @property
    def is_scanning(self) -> bool:
        scan = self.progress.scan
        return scan is not None and scan.state == ScanState.RUNNING

    @property
    def label_of_mapp(self) -> str:
        return self.labels.get(self.job.mapp_auth, "an authorization that is gone")

    @property
    def label_of_lytics(self) -> str:
        return self.labels.get(self.job.lytics_auth, "an authorization that is gone")

    @property
    def waiting(self) -> int:
        """How many people wait to be sent; who waits for a decision is not among them."""
        return self.progress.waiting

    @property
    def backfill(self) -> Backfill | None:
        """How far everybody who is owed at once has come; None where nobody is."""
        return _backfill(self)


async def standing_of(desk: Desk, job_id: str) -> Standing:
    """
    Return how a job stands. Safe to repeat, and cheap however many people it has.

    Raises:
        NotFound: there is no such job.
    """
    hour = await activity_of(desk, job_id, span="hour")

    def work(txn: Txn) -> Standing:
        job = brake.at_its_brake(txn, jobs.job_by_id(txn, job_id))
        log = notes.logs_of(txn, job.key, limit=RECENT)
        scan = scans.last_scan(txn, job.key)
        return Standing(
            job=job,
            progress=progress_in(txn, job),  # who waits, and whether for a scan, must be of one moment
            hour=hour,
            labels={auth.id: auth.label for auth in all_authorizations(txn)},
            log=log,
            sweeps=frozenset(sweep.kind for sweep in scans.open_sweeps(txn) if sweep.job == job.key),
            is_bulk_owed=is_bulk_owed(txn, job.key),
            since_ms=stopped_at(job, log),
            scan_began_ms=None if scan is None else scan.started_ms,
            now_ms=txn.now_ms,
            gap=gap_of(txn, job.key),
        )

    now = await desk.database.read(work)
    return replace(now, progress=with_pace(desk, now.progress, mapp_auth=now.job.mapp_auth))


def stopped_at(job: Job, log: Sequence[LogEntry]) -> int | None:
    """Return when *job* came to stand still, by the newest line that says so; None where none does."""
    code = STOPPED_BY.get(job.status)
    return next((entry.at_ms for entry in log if entry.code == code), None)


def _backfill(now: Standing) -> Backfill | None:
    scan, members = now.progress.scan, now.progress.members
    is_first = scan is not None and scan.kind == "backfill" and now.is_scanning
    if now.job.status in OVER or not (is_first or now.is_bulk_owed or now.sweeps & {"resend", "retry"}):
        return None
    accepted = max(0, now.progress.in_step)
    read = scan.seen if scan is not None and is_first else members["total"]
    expected = scan.expected if scan is not None and is_first else members["total"]
    if expected is not None:
        expected = max(expected, read)
        accepted = min(accepted, expected)
    since_ms = max(now.scan_began_ms or 0, owed_since(now.log))
    speed = accepted_per_second(now.hour, since_ms=since_ms, now_ms=now.now_ms)
    return Backfill(expected, accepted, read, speed, _left_seconds(now, expected, accepted, speed))


def _left_seconds(now: Standing, expected: int | None, accepted: int, speed: float) -> float | None:
    if expected is None or not speed or now.job.status not in SENDING:
        return None
    scan = now.progress.scan
    reading = (scan.eta_seconds or 0.0) if scan is not None and now.is_scanning else 0.0
    remaining = max(0, expected - accepted - now.progress.members["set_aside"])
    return max(reading, remaining / speed)


def accepted_per_second(hour: Activity, *, since_ms: int, now_ms: int) -> float:
    """
    Return how fast Mapp accepts, in those of the last two minutes in which it did, from *since_ms* on.

    0 where it accepted nobody, or did for less than 5 s, which is too short to tell.
    """
    lately = [point for point in hour.points[-2:] if (point.at + hour.seconds) * 1000 > since_ms]
    counted = [(point.at, point.live + point.bulk) for point in lately if point.live + point.bulk]
    if not counted:
        return 0.0
    seconds = now_ms / 1000 - max(counted[0][0], since_ms / 1000)
    return sum(count for _, count in counted) / seconds if seconds >= FEWEST_SECONDS else 0.0


def owed_since(log: Sequence[LogEntry]) -> int:
    """Return when people were last owed again, or sent again after a stop, by the log; 0 where it tells of neither."""
    return next((entry.at_ms for entry in log if entry.code in OWED_FROM), 0)
