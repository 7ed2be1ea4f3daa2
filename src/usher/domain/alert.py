"""
What is worth waking somebody for: the kinds of trouble, how grave each is, and how long it must last to count.

A condition is something that is so now. An alert is one condition from when it began until it was over; nobody is told
anything in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

HISTORY_KEEP = 500  # alerts that are over


class Level(StrEnum):
    """How grave it is, least first. A channel takes what is at or above its own level."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Kind(StrEnum):
    """What can be wrong. *subject* of a condition is a job's id, or an authorization's where that is named."""

    ATTENTION = "attention"  # a job has stopped, and a person must mend what its reason names
    BRAKE = "brake"  # people of a job wait for a decision at the removal brake
    CREDENTIALS = "credentials"  # an authorization is refused, however many jobs use it
    TRIGGER_GAP = "trigger_gap"  # triggers of a job stopped coming, or may have been missed
    SET_ASIDE = "set_aside"  # Mapp rejected a large share of a job's people
    WAITING = "waiting"  # a live change of a job has waited too long
    UNREADABLE = "unreadable"  # messages arrive for an authorization of Lytics' that make no sense
    TOO_LARGE = "too_large"  # messages for it are refused for their size, and lost


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a condition must hold before it is told, and be gone before it is over."""

    begins_after: float = 0.0
    ends_after: float = 30.0


@dataclass(frozen=True, slots=True)
class Condition:
    """
    Something that is so now.

    Args:
        title: one line; names the job or the authorization.
        text: what happened and the next step, in sentences. Never a member's identifier or a secret.
        path: the dashboard's page that helps.
    """

    kind: Kind
    subject: str
    level: Level
    title: str
    text: str
    path: str

    @property
    def slot(self) -> str:
        """What at most one alert at a time can be about."""
        return f"{self.kind}/{self.subject}"


PATIENCE = {
    Kind.ATTENTION: Patience(),
    Kind.BRAKE: Patience(),
    Kind.CREDENTIALS: Patience(),
    Kind.TRIGGER_GAP: Patience(),
    Kind.SET_ASIDE: Patience(begins_after=60, ends_after=60),
    Kind.WAITING: Patience(begins_after=60, ends_after=60),
    Kind.UNREADABLE: Patience(),
    Kind.TOO_LARGE: Patience(),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    When a figure becomes a condition.

    Args:
        set_aside_percent: of a job's people; fewer than SET_ASIDE_PEOPLE are never one.
        waiting_minutes: for how long the oldest live change of a job has waited.
    """

    set_aside_percent: float = 5.0
    waiting_minutes: float = 15.0


def takes(channel: Level, alert: Level) -> bool:
    """Return whether a channel of one level takes an alert of another."""
    ranks: Sequence[Level] = list(Level)
    return ranks.index(alert) >= ranks.index(channel)
