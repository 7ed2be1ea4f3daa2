"""Trigger messages, sorted by the jobs they concern."""

from collections import Counter
from collections.abc import Iterable, Sequence
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

    @property
    def members(self) -> frozenset[str]:
        """Everybody whom it says something about, for any job."""
        return frozenset(seen.member for share in self.shares for event in share.events for seen in event)


def shares_of_all(intakes: Iterable[Intake]) -> list[JobIntake]:
    """Return one share for each job of all *intakes* together, their events in the order they came."""
    by_job: dict[int, list[JobIntake]] = {}
    for share in (share for intake in intakes for share in intake.shares):
        by_job.setdefault(share.job.key, []).append(share)
    return [_as_one(shares) for _, shares in sorted(by_job.items())]


def _as_one(shares: Sequence[JobIntake]) -> JobIntake:
    return JobIntake(
        job=shares[0].job,
        events=tuple(event for share in shares for event in share.events),
        ignored=sum((share.ignored for share in shares), Counter()),
        unreadable=sum(share.unreadable for share in shares),
        clamped=sum(share.clamped for share in shares),
    )
