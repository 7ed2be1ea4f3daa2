"""
The promises, looked at after every commit: each is one small function that says what is wrong, or nothing.

A row is compared with what it was before the commit, with the truth in Lytics, and with what Mapp holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from usher.domain.observation import NS_PER_MS
from usher.simulation.ledger import Ledger, rows_of
from usher.simulation.mapp import SimulatedMapp
from usher.simulation.people import People
from usher.simulation.removals import Removals, Removed
from usher.simulation.stage import EPOCH_MS, Stage
from usher.simulation.triggers import Trigger
from usher.store.statements import LANE_HELD

BACKOFF_MS = 60_000
BEGAN = (EPOCH_MS - 60_000) * NS_PER_MS  # whoever was inside before a run has been for an hour
ROWS = "SELECT member, is_in, version, seq, due_at, lane, accepted, aside FROM ledger"
COUNTS = "SELECT name, value FROM counters WHERE job > 0"
ABSENT = "scans.found_absent"
SCANS = "SELECT id, state, pages, seen, finished_ms FROM scans"
ENDED = frozenset({"completed", "interrupted"})
SWEEPING = "SELECT 1 FROM sweeps WHERE kind = 'resend'"
LEAVING = "SELECT 1 FROM sweeps WHERE kind = 'leave'"


@dataclass(frozen=True, slots=True)
class Row:
    """One member's row of the ledger."""

    member: str
    is_in: int
    version: int
    seq: int
    due_at: int | None
    lane: int
    accepted: int | None
    aside: str | None

    @property
    def is_at_rest(self) -> bool:
        return self.due_at is None and self.aside is None

    @property
    def is_silent(self) -> bool:
        """Whether a baseline saw the person, and nothing has changed since."""
        return self.accepted is None and self.seq == 1

    def __str__(self) -> str:
        name = self.member.partition("@")[0]
        wanted = "true" if self.is_in else "false"
        taken = {None: "nothing", 0: "false", 1: "true"}[self.accepted]
        due = "nothing due" if self.due_at is None else f"due {(self.due_at - EPOCH_MS) / 1000:.3f}"
        version = f"version {self.version / NS_PER_MS / 1000 - EPOCH_MS / 1000:.3f}"
        held = ", held" if self.lane == LANE_HELD else ""
        return f"{name} wants {wanted} (#{self.seq}, {version}), Mapp took {taken}, {due}{held}"


class Watch:
    """
    Looks at the ledger after each commit that changed it.

    Args:
        attribute: the name under which the job writes now.
    """

    def __init__(self, stage: Stage, people: People, mapp: SimulatedMapp, attribute: Callable[[], str]) -> None:
        self.rows: dict[str, Row] = {}
        self.counts: dict[str, int] = {}
        self._stage = stage
        self._people = people
        self._mapp = mapp
        self._attribute = attribute
        self._ledger: Ledger | None = None
        self._exits_held = False
        self._is_silence = not stage.draw.config.withbackfill  # until a person has everybody told
        self._removals = Removals(stage.draw.config)
        self._scans: dict[int, tuple[Any, ...]] = {}

    def look_at(self, ledger: Ledger) -> None:
        """Watch *ledger* from now on."""
        self._ledger = ledger

    def changed(self, who: str) -> None:
        """Look at everything that a commit of *who* may have changed."""
        assert self._ledger is not None
        raw, before, counted_before = self._ledger.raw, self.rows, self.counts
        self.rows = {found[0]: Row(*found) for found in rows_of(raw, ROWS)}
        self.counts = dict(rows_of(raw, COUNTS))
        exits_held = bool(rows_of(raw, "SELECT MAX(exits_held) FROM jobs")[0][0])
        is_moving = bool(rows_of(raw, SWEEPING))
        self._is_silence &= not is_moving
        is_scans_word = counted_before.get(ABSENT) != self.counts.get(ABSENT)  # which has a brake of its own
        for member, row in self.rows.items():
            if (was := before.get(member)) == row:
                continue
            self._stage.note(who, f"commits: {row}")
            self._check(_step(was, row))
            self._check(self._of_row(was, row, is_moving=is_moving))
            if self._exits_held and not is_scans_word:
                self._check(_held(was, row))
        self._exits_held = exits_held
        left = sum(not row.is_in and member in before and before[member].is_in for member, row in self.rows.items())
        inside = sum(row.is_in for row in self.rows.values())
        removed = Removed(left, is_scans_word=is_scans_word, inside=inside, by=who)
        is_asked = exits_held or not left
        self._check(
            self._removals.after(
                removed, now_ms=self._stage.now_ms(), is_asked=is_asked, is_leaving=bool(rows_of(raw, LEAVING))
            )
        )
        self._mind_scans({found[0]: found[1:] for found in rows_of(raw, SCANS)})
        self._check(_counted(self.rows, self.counts))

    def acknowledged(self, trigger: Trigger, version: int) -> None:
        """Hold it against the ledger that a trigger was answered 200."""
        row = self.rows.get(trigger.member)
        if row is None or row.version < version:
            seen = "nobody by that name is kept" if row is None else str(row)
            self._stage.breaks("what was acknowledged is durable", f"version {version // NS_PER_MS}: {seen}")

    def _check(self, found: "Iterator[tuple[str, str]] | list[tuple[str, str]]") -> None:
        for promise, seen in found:
            self._stage.breaks(promise, seen)

    def _mind_scans(self, scans: dict[int, tuple[Any, ...]]) -> None:
        """A scan that has ended is nobody's any more."""
        for number, was in self._scans.items():
            if was[0] in ENDED and scans.get(number, was) != was:
                self._stage.breaks("a scan that has ended stays as it is", f"{was} -> {scans[number]}")
        self._scans = scans

    def _of_row(self, was: Row | None, row: Row, *, is_moving: bool) -> Iterator[tuple[str, str]]:
        now_ms, draw = self._stage.now_ms(), self._stage.draw
        if row.due_at is not None and self._is_silence and not self._people.has_changed_since(row.member, BEGAN):
            yield "a silent baseline tells nobody", str(row)
        longest = max(BACKOFF_MS, draw.timing.hold_ms) + 1
        if row.due_at is not None and row.due_at > now_ms + longest:
            yield "nobody waits longer than the longest honest wait", f"at {now_ms}: {row}"
        if was is None or row.version != was.version:
            yield from self._truthful(row)
        if not row.is_at_rest:
            return
        if row.accepted is not None and row.accepted != row.is_in:
            yield "at rest is only what Mapp accepted as it is wanted", str(row)
        if row.accepted is None and not (row.is_silent and not draw.config.withbackfill):
            yield "at rest is only what Mapp accepted", str(row)
        if row.accepted is not None and not is_moving:
            yield from self._at_rest(row)

    def _truthful(self, row: Row) -> Iterator[tuple[str, str]]:
        """A row says only what was so at its version or since; so nobody is removed by mistake."""
        if not self._people.was_so_since(row.member, row.version, is_in=bool(row.is_in)):
            yield "nobody is told to be where they have not been since", str(row)

    def _at_rest(self, row: Row) -> Iterator[tuple[str, str]]:
        place = ("1", self._attribute(), row.member)
        if self._mapp.held.get(place) is not bool(row.is_in):
            yield "at rest, Mapp holds what is wanted", f"Mapp holds {self._mapp.held.get(place)}: {row}"
        if self._mapp.alive.get(place):
            yield "at rest, nothing may land any more", str(row)


def _step(was: Row | None, row: Row) -> Iterator[tuple[str, str]]:
    """What one commit may do to one row."""
    if was is None:
        return
    if row.version < was.version or row.seq < was.seq:
        yield "versions and sequences only grow", f"{was} -> {row}"
    if row.is_in != was.is_in and row.version == was.version:
        yield "only a newer version changes what is wanted", f"{was} -> {row}"
    is_newer = row.seq != was.seq or row.version != was.version
    if is_newer and was.due_at is not None and row.due_at is not None and row.due_at < was.due_at:
        yield "nothing pulls a row forward", f"{was} -> {row}"
    if is_newer and was.due_at is not None and row.due_at is None:
        yield "only a settle lets a row rest", f"{was} -> {row}"


def _held(was: Row | None, row: Row) -> Iterator[tuple[str, str]]:
    """While the brake holds exits, whoever leaves waits for a person."""
    has_left = not row.is_in and (was is None or was.is_in)
    if has_left and row.lane != LANE_HELD:
        yield "exits wait for a person once the brake holds them", str(row)


def _counted(rows: dict[str, Row], counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    """What is counted is what there is."""
    ignored = sum(value for name, value in counts.items() if name.startswith("triggers.ignored."))
    received, applied = counts.get("triggers.received", 0), counts.get("triggers.applied", 0)
    if received != applied + ignored + counts.get("triggers.unreadable", 0):
        yield "received = applied + ignored + unreadable", f"{received} != {applied} + {ignored}"
    seen: dict[str, Any] = {
        "members.total": len(rows),
        "members.in": sum(row.is_in for row in rows.values()),
        "members.due": sum(row.due_at is not None for row in rows.values()),
        "members.aside": sum(row.aside is not None for row in rows.values()),
    }
    for name, value in seen.items():
        if counts.get(name, 0) != value:
            yield "counters say what there is", f"{name} is counted as {counts.get(name, 0)}, and is {value}"
