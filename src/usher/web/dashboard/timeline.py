"""What happened to one person as steps in three lanes: Lytics said, Usher decided, Mapp answered. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple, Protocol

from usher.web.dashboard.words import duration, milliseconds

LATE_SECONDS = 5.0  # after its version; a trigger that comes sooner is worth no word
FAR_SECONDS = 3_600.0  # between Lytics' word and a step; beyond, the span says nothing


class Told(Protocol):
    """One moment of an explanation; texts as the API shows them."""

    at: str
    kind: str
    value: str | None
    version: str | None
    note: str


class Look(NamedTuple):
    """
    How a kind of moment is shown.

    Args:
        lane: 1 Lytics, 2 Usher, 3 Mapp.
        title: "{audience}" stands for the audience's name.
        mood: the style's class: "", "warn" or "faint".
    """

    lane: int
    title: str
    icon: str = ""
    mood: str = ""


LOOKS = {
    "enter": Look(1, "Entered {audience}"),
    "exit": Look(1, "Left {audience}"),
    "seen": Look(1, "Found in {audience}"),
    "absent": Look(1, "Not found in {audience}"),
    "ignored": Look(2, "Ignored", mood="faint"),
    "kept": Look(2, "Kept by a person", "hand"),
    "owed": Look(2, "To be sent again", "rotate-cw"),
    "waiting": Look(2, "Held", "hand", "warn"),
    "accepted": Look(3, "Accepted", "check"),
    "retry": Look(3, "Not taken", "triangle-alert", "warn"),
    "throttled": Look(3, "Asked for a slower pace", "gauge", "warn"),
    "rejected": Look(3, "Rejected", "triangle-alert", "warn"),
    "unknown": Look(3, "No answer", "triangle-alert", "warn"),
    "late": Look(3, "Sent too late", mood="faint"),
    "stopped": Look(3, "Refused this job", "octagon-alert", "warn"),
}
LANES = {1: "Lytics", 2: "Usher", 3: "Mapp"}
OBSERVED = frozenset({"enter", "exit", "seen", "absent", "known"})
WANTED = OBSERVED | {"kept"}  # what decides which value goes out
UNTIMED = OBSERVED | {"ignored"}
ATTEMPTS = frozenset(kind for kind, look in LOOKS.items() if look.lane == 3)
REPEATED = "The same word of Lytics again, from a repeat or another job’s webhook. It changes nothing."
SETTLED = frozenset({"accepted", "rejected"})  # the next attempt is the first of another round


@dataclass(frozen=True, slots=True)
class Step:
    """
    One box of the timeline.

    Args:
        after: how long after Lytics' word, "" where that says nothing.
        value: "true", "false" or "".
        notes: sentences; they may hold vendors' words, and moments as RFC 3339.
    """

    at: str
    after: str
    lane: int
    title: str
    icon: str
    mood: str
    value: str
    notes: list[str]

    @property
    def source(self) -> str:
        return LANES[self.lane]


@dataclass(frozen=True, slots=True)
class Day:
    """The steps of one day in UTC, *at* the first of them; the page's script groups by the viewer's days instead."""

    at: str
    steps: list[Step]


def timeline(history: Sequence[Told], *, audience: str, is_whole: bool, oldest_first: bool = False) -> list[Day]:
    """
    Return what happened, by day in UTC.

    Args:
        history: newest first.
        is_whole: nothing older was left out, so attempts can be counted.
    """
    steps = _steps(list(reversed(history)), audience=audience, is_whole=is_whole)
    ordered = steps if oldest_first else list(reversed(steps))
    days = [list(found) for _, found in groupby(ordered, key=lambda step: step.at[:10])]
    return [Day(found[0].at, found) for found in days]


def _steps(moments: Sequence[Told], *, audience: str, is_whole: bool) -> list[Step]:
    """Walk from the oldest to the newest, keeping what stands: version, value, the attempts at each value."""
    found: list[Step] = []
    version, value, heard_at, repeats = "", "", "", 0
    attempts: Counter[str] = Counter()
    for moment in moments:
        told = moment.value or ""
        is_repeat = moment.kind == "ignored" and (moment.version, told) == (version, value)
        repeats = repeats + 1 if is_repeat else 0
        if repeats > 1:
            found.pop()
        attempts[told] += moment.kind in ATTEMPTS
        counted = f"Attempt {attempts[told]}." if is_whole and moment.kind in ATTEMPTS else ""
        notes = [counted, *([REPEATED] if is_repeat else _notes(moment, stood=version))]
        after = "" if moment.kind in UNTIMED else _after(heard_at, moment.at)
        step = _step(moment, audience=audience, after=after, notes=[note for note in notes if note])
        found.append(replace(step, title=_repeat_title(repeats)) if is_repeat else step)
        if moment.kind in SETTLED or (moment.kind in WANTED and told != value):
            attempts[told] = 0
        if moment.kind in WANTED:
            value, heard_at = told, moment.at if moment.kind in OBSERVED else ""
        if moment.kind != "ignored":
            version = moment.version or version
    return found


def _repeat_title(repeats: int) -> str:
    return "Heard once more" if repeats == 1 else f"Heard {repeats} times more"


def _step(moment: Told, *, audience: str, after: str, notes: list[str]) -> Step:
    look = LOOKS.get(moment.kind) or Look(1 if moment.kind == "known" else 2, _other_title(moment))
    return Step(
        at=moment.at,
        after=after,
        lane=look.lane,
        title=_ignored_title(moment) if moment.kind == "ignored" else look.title.replace("{audience}", audience),
        icon=look.icon,
        mood=look.mood,
        value=(moment.value or "") if moment.kind in ATTEMPTS else "",
        notes=notes,
    )


def _other_title(moment: Told) -> str:
    if moment.kind != "known":
        return moment.kind
    return "Known to be inside" if moment.value == "true" else "Known to be outside"


def _ignored_title(moment: Told) -> str:
    return "Ignored an old entry" if moment.value == "true" else "Ignored an old exit"


def _notes(moment: Told, *, stood: str) -> list[str]:
    if moment.kind in {"enter", "exit"}:
        return [f"Trigger, version {moment.version}.", _lateness(moment)]
    if moment.kind == "ignored":
        return [_why_ignored(moment, stood=stood)]
    version = f"Version {moment.version}." if moment.version else ""
    return [moment.note.removeprefix(f"Mapp took '{moment.value}'.").strip(), version]


def _why_ignored(moment: Told, *, stood: str) -> str:
    if moment.note == "superseded":
        return "The same message held newer word of this person."
    if not stood:
        return f"Its version {moment.version} is older than what was known."
    return f"Its version {moment.version} is not newer than {stood}."


def _lateness(moment: Told) -> str:
    late = _seconds_between(moment.version or "", moment.at)
    return f"It came {duration(late)} after that." if late is not None and late > LATE_SECONDS else ""


def _after(heard_at: str, at: str) -> str:
    seconds = _seconds_between(heard_at, at)
    return f"+{milliseconds(1000 * seconds)}" if seconds is not None and 0 <= seconds < FAR_SECONDS else ""


def _seconds_between(earlier: str, later: str) -> float | None:
    if not earlier:
        return None
    return (_moment(later) - _moment(earlier)).total_seconds()


def _moment(text: str) -> datetime:
    """Read a moment of our own writing; what is finer than a microsecond is cut."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction or '0')[:6].ljust(6, '0')}").replace(tzinfo=UTC)
