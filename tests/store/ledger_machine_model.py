"""
What the rules say of a job's members, with no database: the model that random histories are held against.

Times are milliseconds by the ledger's clock, versions nanoseconds of source time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from usher.domain.claim import Claim
from usher.domain.observation import NS_PER_MS, Source
from usher.domain.outcome import Accepted, Outcome, Rejected, Unknown
from usher.store.statements import LANE_BULK, LANE_HELD, LANE_LIVE

BRAKE_PEOPLE, BRAKE_PERCENT = 1, 20
BRAKE_MINUTES = 15
Found = tuple[bool, int, int, int | None, int, bool | None, bool]
Event = Sequence[tuple[str, bool, int]]  # (member, is_in, version) of one trigger


@dataclass
class Row:
    """One member."""

    is_in: bool
    version: int
    due: int | None
    lane: int
    seq: int = 1
    accepted: bool | None = None
    accepted_seq: int = 0
    is_aside: bool = False

    @property
    def is_silent(self) -> bool:
        return self.due is None and self.accepted is None and not self.is_aside

    @property
    def is_at_rest(self) -> bool:
        return self.due is None and not self.is_aside and not self.is_silent

    @property
    def as_found(self) -> Found:
        return (self.is_in, self.version, self.seq, self.due, self.lane, self.accepted, self.is_aside)

    def owe(self, now: int, *, lane: int = LANE_BULK) -> None:
        if self.due is None:
            self.due, self.lane = now, lane
        self.seq += 1
        self.is_aside = False


@dataclass
class Walk:
    """A sweep, one member at a time."""

    kind: str
    version: int
    after: str = ""


@dataclass
class Request:
    """
    One claim that was sent.

    Args:
        attribute: what it sets at Mapp.
        ends_at: when it can land no more, by the steady clock.
        outcome: what was stored of it, if anything was.
        is_forgotten: its worker died, so nothing will be.
    """

    claim: Claim
    attribute: str
    ends_at: int
    has_landed: bool = False
    outcome: Outcome | None = None
    delay_ms: int = 0
    is_forgotten: bool = False

    @property
    def is_open(self) -> bool:
        return self.outcome is None and not self.is_forgotten

    def is_living(self, steady: int) -> bool:
        may_land = not self.has_landed and (self.outcome is None or isinstance(self.outcome, Unknown))
        return may_land and steady < self.ends_at


@dataclass
class Model:
    """One job."""

    rows: dict[str, Row] = field(default_factory=dict)
    walks: list[Walk] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    triggers: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)  # by minute
    are_exits_held: bool = False

    @property
    def inside(self) -> list[Row]:
        return [row for row in self.rows.values() if row.is_in]

    @property
    def members(self) -> dict[str, int]:
        rows = self.rows.values()
        return {
            "members.total": len(rows),
            "members.in": len(self.inside),
            "members.due": sum(row.due is not None for row in rows),
            "members.aside": sum(row.is_aside for row in rows),
        }

    def hear(self, message: Sequence[Event], now: int) -> None:
        """Take in one trigger message: of each member the newest, the later of equals; every event has one fate."""
        newest: dict[str, tuple[int, int]] = {}
        for place, event in enumerate(message):
            for member, _, version in event:
                newest[member] = max(newest.get(member, (version, place)), (version, place))
        held, exits = self.are_exits_held, 0
        fates: list[list[str]] = []
        for place, event in enumerate(message):
            fates.append([])
            for member, is_in, version in event:
                was_in = self.rows[member].is_in if member in self.rows else None
                fate = self._fate(member, is_newest=newest[member] == (version, place))
                if not fate and not self.observe(member, is_in, version, Source.TRIGGER, now, held=held):
                    fate = "not_newer"
                exits += not fate and was_in is not is_in and not is_in
                fates[-1].append(fate)
        self.triggers["received"] += len(message)
        for told in fates:
            self.triggers["applied" if "" in told else f"ignored.{told[0]}"] += 1
        if exits and not held:
            self._mind_the_brake(exits, now)

    def _fate(self, member: str, *, is_newest: bool) -> str:
        if member in self.erased:
            return "erased"
        return "" if is_newest else "superseded"

    def observe(
        self, member: str, is_in: bool, version: int, source: Source, now: int, *, held: bool = False
    ) -> bool:  # fmt: skip
        """Return whether it was newer than what was known."""
        live = LANE_LIVE if source is Source.TRIGGER else LANE_BULK
        lane = LANE_HELD if held and not is_in else live
        row = self.rows.get(member)
        if row is None:
            self.rows[member] = Row(is_in, version, None if source is Source.BASELINE else now, lane)
            return True
        if version <= row.version:
            return False
        tells = source in {Source.TRIGGER, Source.BACKFILL} and row.is_silent
        is_news = row.is_in != is_in or tells
        row.version, row.is_in = version, is_in
        if is_news:
            if row.due is not None and (LANE_HELD in (lane, row.lane) or lane < row.lane):
                row.lane = lane
            row.owe(now, lane=lane)
        return True

    def _mind_the_brake(self, exits: int, now: int) -> None:
        minute = now // 60_000
        self.exits[minute] += exits
        self.exits = Counter({at: n for at, n in self.exits.items() if at > minute - BRAKE_MINUTES})
        left = self.exits.total()
        if _is_too_many(left, of=len(self.inside) + left):
            self.are_exits_held = True
            for row in self.rows.values():
                if row.lane == LANE_LIVE and row.due is not None and not row.is_in:
                    row.lane = LANE_HELD

    def decide(self, now: int, *, are_kept: bool) -> None:
        """A person says what becomes of held exits."""
        for row in self.rows.values() if self.are_exits_held else ():
            if row.lane == LANE_HELD and row.due is not None:
                row.lane = LANE_LIVE
                if are_kept:
                    row.is_in, row.version = True, max(row.version, now * NS_PER_MS)
                    row.seq += 1
        self.are_exits_held = False
        self.exits.clear()

    def absent(self, version: int) -> list[str]:
        return sorted(name for name, row in self.rows.items() if row.is_in and row.version < version)

    def is_braked(self, version: int) -> bool:
        """Return whether a person must look before those leave whom a scan did not find."""
        return _is_too_many(len(self.absent(version)), of=len(self.inside))

    def begin_walk(self, kind: str, version: int = 0) -> None:
        self.walks = [*(walk for walk in self.walks if walk.kind != kind), Walk(kind, version)]

    def walk_on(self, now: int) -> None:
        """Take every walk to its next member, or to its end."""
        for walk in list(self.walks):
            name = min((name for name in self.rows if name > walk.after), default=None)
            if name is None:
                self.walks.remove(walk)
                continue
            walk.after = name
            row = self.rows[name]
            if walk.kind == "leave" and row.is_in and row.version < walk.version:
                row.is_in, row.version = False, walk.version
                row.owe(now)
            elif (walk.kind == "retry" and row.is_aside) or (walk.kind == "resend" and not row.is_silent):
                row.owe(now)

    def is_resend_ahead_of(self, name: str) -> bool:
        return any(walk.kind == "resend" and walk.after < name for walk in self.walks)

    def settle(self, request: Request, now: int) -> None:
        claim, row = request.claim, self.rows.get(request.claim.member)
        if row is None or row.due != claim.token:
            return
        is_newest = row.seq == claim.seq
        match request.outcome:
            case Accepted():
                assert claim.seq >= row.accepted_seq
                row.accepted, row.accepted_seq = claim.is_in, claim.seq
                row.due = None if is_newest else now
            case Rejected():
                row.is_aside, row.due = is_newest, None if is_newest else now
            case Unknown():
                pass
            case _:
                row.due = now + request.delay_ms

    def erase(self, name: str) -> None:
        self.erased.add(name)
        self.rows.pop(name, None)
        for walk in self.walks:
            if walk.after == name:
                walk.after = max((other for other in self.rows if other < name), default="")

    def hold_back(self, until: int) -> None:
        """The clock was set: whatever is owed is due by *until*, when claims begin again."""
        for row in self.rows.values():
            if row.due is not None:
                row.due = min(row.due, until)


def _is_too_many(leaving: int, *, of: int) -> bool:
    return leaving > BRAKE_PEOPLE and 100 * leaving > BRAKE_PERCENT * of
