"""How far a reading of a whole audience, or a walk over a job's own rows, has come."""

from dataclasses import dataclass
from enum import StrEnum

from usher.domain.job import Job

CHANGED = "changed_meanwhile"  # why a scan that completed is followed by another: some changed too soon before it


class ScanState(StrEnum):
    """HELD: it ended well, and the removal brake waits for a person before anybody is marked as having left."""

    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Scan:
    """
    One reading of a whole audience.

    Args:
        kind: "backfill", "baseline" or "reconcile".
        cursor: where Lytics said the next page begins; blank for the first.
        seen: members named so far; *profiles* is how many profiles named them.
        expected: the total Lytics announced.
        leaving: how many left, or would leave, where the brake held it.
    """

    id: int
    job: int
    kind: str
    state: str
    reason: str
    cursor: str
    definition: str
    seen: int
    profiles: int
    without_identifier: int
    expected: int | None
    pages: int
    leaving: int
    started_ms: int
    finished_ms: int | None

    @property
    def is_discarded(self) -> bool:
        """Whether a person kept those whom it did not find; *reason* says who."""
        return self.state == ScanState.COMPLETED and self.leaving > 0 and self.reason not in {"", CHANGED}


@dataclass(frozen=True, slots=True)
class Sweep:
    """
    One walk over a job's rows.

    Args:
        kind: "resend", "retry", "leave" (absent as of *version*), "forget" (the job was deleted).
        cursor: the last member done.
    """

    id: int
    job: int
    kind: str
    version: int
    cursor: str
    done: int
    created_ms: int


def kind_of_scan(job: Job, *, is_baseline_doubted: bool = False) -> str:
    """
    Return what the next scan of *job* is: its first is a backfill, or a silent baseline; any later one as wanted.

    Args:
        is_baseline_doubted: its silent baseline ended in doubt, and no scan since then did not: whom it left out may
            have been inside all along, and is not told (design rule 6).
    """
    if not job.is_baselined:
        return "backfill" if job.config.withbackfill else "baseline"
    wanted = job.scan_wanted or "reconcile"
    return "baseline" if wanted == "reconcile" and is_baseline_doubted else wanted
