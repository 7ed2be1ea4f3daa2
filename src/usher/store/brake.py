"""Who waits at the removal brake, and the words for it, read from what is kept at the moment of asking."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import func, select, text

from usher.domain.job import Cause, Job, Status
from usher.domain.notes import LogCode
from usher.domain.observation import version_of_scan
from usher.domain.scan import Scan, ScanState
from usher.store.database import Txn
from usher.store.gaps import with_gap
from usher.store.notes import newest_log
from usher.store.scans import counters_of, last_scan
from usher.store.statements import LANE_HELD
from usher.store.tables import ledger

MS_PER_MINUTE = 60_000
BRAKE_CODE, BRAKE_LEVEL = LogCode.FAULT, "warn"  # of the log line with which the brake stops a job


@dataclass(frozen=True, slots=True)
class HeldExits:
    """
    How the triggered exits of a job stand while the brake holds them.

    Args:
        told: of how many Mapp took "false" already, among those who left within the 15 minutes that stopped it; no
            decision brings them back.
        waiting: how many wait now, those that came since included.
        inside: how many would be wanted true if none of them had left.
    """

    told: int
    waiting: int
    inside: int

    @property
    def left(self) -> int:
        """How many left: those of whom Mapp was told, and those who wait."""
        return self.told + self.waiting

    @property
    def parts(self) -> str:
        """What makes up those who left: "3 already told, 710 wait"."""
        told = f"{self.told:,} already told" if self.told else "none told yet"
        return f"{told}, {self.waiting:,} {'waits' if self.waiting == 1 else 'wait'}"

    def __str__(self) -> str:
        return (
            f"{self.left:,} of {self.inside:,} people left the audience: {self.parts} for you."
            " Set those who wait to false (confirm-removals), or keep them as they are (discard-removals)."
            " Entries go on."
        )


def waiting_exits(txn: Txn, job: int) -> int:
    """Return how many triggered exits of *job* wait for a person."""
    return int(txn.conn.execute(WAITING, {"job": job}).scalar() or 0)


def waiting_by_job(txn: Txn, keys: Collection[int]) -> dict[int, int]:
    """Return how many triggered exits wait for a person in each of the jobs *keys*, where any do."""
    if not keys:
        return {}
    waiting = (ledger.c.job.in_(keys), ledger.c.lane == LANE_HELD, ledger.c.due_at.is_not(None))
    found = txn.conn.execute(select(ledger.c.job, func.count().label("waiting")).where(*waiting).group_by(ledger.c.job))
    return {row.job: row.waiting for row in found}


def held_exits(txn: Txn, job: int) -> HeldExits:
    """Count the triggered exits of *job*, in the same transaction as what holds them."""
    counted = txn.conn.execute(LEFT, {"job": job}).one()
    exits, waiting = int(counted.exits or 0), waiting_exits(txn, job)
    since_ms = txn.now_ms if counted.first is None else counted.first * MS_PER_MINUTE
    told = min(exits, int(txn.conn.execute(TOLD, {"job": job, "since": since_ms}).scalar() or 0))
    inside = counters_of(txn, job).get("members.in", 0) + txn.tally[job, "members.in"]
    return HeldExits(told, waiting, inside + told + waiting)


LEFT = text("SELECT SUM(exits) AS exits, MIN(minute) AS first FROM exit_minutes WHERE job = :job")
WAITING = text("SELECT COUNT(*) FROM ledger WHERE job = :job AND lane = 2 AND due_at IS NOT NULL")
TOLD = text(
    "SELECT COUNT(*) FROM ledger WHERE job = :job AND accepted_at >= :since"
    " AND accepted_at IS NOT NULL AND due_at IS NULL AND aside IS NULL AND is_in = 0 AND accepted = 0"
)


def held_scan(txn: Txn, job: int) -> Scan | None:
    """Return the newest scan of *job* if it waits for a decision about those whom it did not find."""
    scan = last_scan(txn, job)
    return scan if scan is not None and scan.state == ScanState.HELD else None


def leaves_before(txn: Txn, job: int, *, guard_seconds: float) -> int | None:
    """Return the version before which whoever is wanted true waits for a decision, or None where nobody does."""
    scan = held_scan(txn, job)
    return None if scan is None else version_of_scan(scan.started_ms, guard_seconds=guard_seconds)


def waiting_said(txn: Txn, job: Job) -> str:
    """Return who waits for a person's decision, in a few sentences; blank where nobody does."""
    scan = held_scan(txn, job.key)
    said = [scan.reason] if scan is not None else []
    return " ".join(said + ([str(held_exits(txn, job.key))] if job.exits_held else []))


def hold_mark(txn: Txn, job: Job) -> str:
    """
    Return a mark of what *job* holds for a person's decision, blank where it holds nothing.

    Once that is decided, whatever is held next has another mark, as has what is held besides it.
    """
    scan = held_scan(txn, job.key)
    if not job.is_live or (scan is None and not job.exits_held):
        return ""
    stopped = newest_log(txn, job.key, code=BRAKE_CODE, level=BRAKE_LEVEL)
    parts = (stopped.id if stopped else 0, scan.id if scan else 0, int(job.exits_held))
    return "-".join(map(str, parts))


def as_it_waits(txn: Txn, job: Job) -> Job:
    """Return *job* with a reason that says who waits as of now, and which triggers may be missing."""
    return with_gap(txn, at_its_brake(txn, job))


def at_its_brake(txn: Txn, job: Job) -> Job:
    """Return *job* with a reason that says who waits as of now; what else stops it is said first."""
    if not job.is_live or not (job.exits_held or job.cause is Cause.REMOVALS):
        return job
    is_brakes = job.cause is Cause.REMOVALS and job.status is not Status.PAUSED
    said = waiting_said(txn, job)
    if not said:
        return job
    return replace(job, cause=job.cause or Cause.REMOVALS, reason=said if is_brakes else f"{job.reason} {said}".strip())
