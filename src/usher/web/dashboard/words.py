"""How figures, spans of time and states are written for people. Pure; the same word everywhere for the same thing."""

from typing import NamedTuple

from usher.access.roles import Role
from usher.domain.attention import is_told_by_brake
from usher.domain.job import Status


class StatusWord(NamedTuple):
    """How a job's status is shown: its word, the style's class, and the icon."""

    word: str
    style: str
    icon: str


STATUS_WORDS = {
    Status.RUNNABLE: StatusWord("Running", "st-run", "play"),
    Status.SLEEPING: StatusWord("Sleeping", "st-sleep", "moon-star"),
    Status.PAUSED: StatusWord("Paused", "st-pause", "pause"),
    Status.FAULT: StatusWord("Needs attention", "st-warn", "triangle-alert"),
    Status.FAILED: StatusWord("Failed", "st-fail", "octagon-alert"),
    Status.COMPLETED: StatusWord("Completed", "st-done", "circle-check"),
    Status.KILLED: StatusWord("Terminated", "st-done", "circle-x"),
    Status.DELETED: StatusWord("Deleted", "st-done", "trash-2"),
}
AT_THE_BRAKE = StatusWord("Needs attention", "st-warn", "hand")
ROLE_WORDS = {Role.VIEWER: "Viewer", Role.OPERATOR: "Operator", Role.ADMIN: "Administrator"}
WHO_MAY = {Role.VIEWER: "Anyone", Role.OPERATOR: "Operators and administrators", Role.ADMIN: "Administrators"}

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def status_word(status: str, *, is_held: bool = False) -> StatusWord:
    """Return how a status is shown; *is_held*: people of the job wait for a decision."""
    found = Status(status)
    return AT_THE_BRAKE if is_told_by_brake(found, is_held=is_held) else STATUS_WORDS[found]


def number(value: float | None) -> str:
    """1234567 -> "1,234,567"; a rate below ten keeps one decimal; None -> "unknown"."""
    if value is None:
        return "unknown"
    if isinstance(value, float) and abs(value) < 10 and value != round(value):
        return f"{value:,.1f}"
    return f"{round(value):,}"


def people(count: int | None) -> str:
    """1 -> "1 person"; 1234 -> "1,234 people"."""
    return f"{number(count)} {'person' if count == 1 else 'people'}"


def percent(part: float, whole: float | None) -> str:
    """Rounded down, so that "100 %" means all; "0 %" of nothing."""
    return f"{int(100 * part / whole) if whole else 0} %"


def duration(seconds: float | None) -> str:
    """0.4 -> "0.4 s"; 95 -> "2 min"; 4_740 -> "1 h 19 min"; 200_000 -> "2 days"; None -> "unknown"."""
    if seconds is None:
        return "unknown"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    if minutes < 90:
        return f"{minutes} min"
    if seconds < 2 * DAY:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(seconds / DAY)} days"


def milliseconds(value: float | None) -> str:
    """85 -> "85 ms"; 1840 -> "1.8 s"; None -> "unknown"."""
    if value is None:
        return "unknown"
    return f"{value:.0f} ms" if value < 1000 else duration(round(value / 1000, 1))
