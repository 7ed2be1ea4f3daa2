"""One trigger message, sorted by the jobs it concerns."""

from collections import Counter
from dataclasses import dataclass, field

from usher.domain.job import Job
from usher.domain.notes import Unreadable
from usher.domain.observation import Observation


@dataclass(frozen=True, slots=True)
class JobIntake:
    """
    One message's share for one job: received = len(events) + ignored + unreadable.

    Args:
        events: each trigger's observations (one for each of its identifiers), in the order they came.
        ignored: how many triggers were ignored before the ledger was asked, by reason.
        unreadable: how many made no sense.
    """

    job: Job
    events: tuple[tuple[Observation, ...], ...]
    ignored: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    clamped: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """
    One message, sorted. What belongs to no job is counted by reason.

    Args:
        unreadable: how many events made no sense and belong to no job.
        kept: what a person may look at of everything that made no sense; the whole message's, and bounded.
    """

    shares: tuple[JobIntake, ...] = ()
    unrouted: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    kept: tuple[Unreadable, ...] = ()
