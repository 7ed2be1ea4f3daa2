"""
Who is in which audience, and the news when that changes.

Membership is one byte per person and audience: a page of a scan is found at the speed of a byte search.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from usher.clock import Clock
from usher.sandbox.people import Person

EventKind = Literal["enter", "exit", "change"]
IN, OUT = b"\x01", b"\x00"


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """One audience event of one profile; *at_ns* is nanoseconds since 1970, None for a change."""

    audience_id: str
    slug: str
    kind: EventKind
    at_ns: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that happened to one profile at one moment."""

    person: Person
    events: tuple[SegmentEvent, ...]


@dataclass(slots=True)
class Audience:
    """One audience; its definition may be changed, its id and slug may not."""

    id: str
    slug: str
    name: str
    segment_ql: str
    created_ms: int
    updated_ms: int
    mask: bytearray
    size: int = 0
    is_invalid: bool = False
    invalid_reason: str = ""
    is_deleted: bool = False

    def holds(self, index: int) -> bool:
        return self.mask[index] == 1

    def put(self, index: int, *, is_in: bool) -> bool:
        """Whether that changed anything."""
        if self.holds(index) == is_in:
            return False
        self.mask[index] = int(is_in)
        self.size += 1 if is_in else -1
        return True

    def indexes(self, *, after: int = -1) -> Iterator[int]:
        """Places of the people inside, ascending; changes made meanwhile are seen."""
        index = self.mask.find(IN, after + 1)
        while index >= 0:
            yield index
            index = self.mask.find(IN, index + 1)

    def pick(self, count: int, rng: random.Random, *, is_in: bool) -> list[int]:
        """At most *count* different people who are inside (or outside), from anywhere."""
        wanted = IN if is_in else OUT
        there = self.size if is_in else len(self.mask) - self.size
        if count >= there or there < 4 * count:
            everybody = [i for i, byte in enumerate(self.mask) if byte == wanted[0]]
            return rng.sample(everybody, min(count, len(everybody)))
        picked: set[int] = set()
        while len(picked) < count:
            start = rng.randrange(len(self.mask))
            found = self.mask.find(wanted, start)
            picked.add(found if found >= 0 else self.mask.find(wanted))
        return sorted(picked)


@dataclass(slots=True)
class Audiences:
    """Every audience of the pretend Lytics. One event loop only."""

    people: Sequence[Person]
    clock: Clock
    rng: random.Random
    by_slug: dict[str, Audience] = field(default_factory=dict)
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    _last_ns: int = 0
    _by_key: dict[str, int] = field(default_factory=dict)

    def add(self, slug: str, *, name: str, rule: str, members: Iterable[int] = ()) -> Audience:
        now = self.clock.now_ms()
        audience = Audience(
            id=f"{self.rng.getrandbits(128):032x}",
            slug=slug,
            name=name,
            segment_ql=f"FILTER AND ({rule}) FROM user ALIAS {slug}",
            created_ms=now,
            updated_ms=now,
            mask=bytearray(len(self.people)),
        )
        for index in members:
            audience.put(index, is_in=True)
        self.by_slug[slug] = audience
        return audience

    def find(self, id_or_slug: str) -> Audience | None:
        """The audience, deleted or not."""
        by_id = (audience for audience in self.by_slug.values() if audience.id == id_or_slug)
        return self.by_slug.get(id_or_slug) or next(by_id, None)

    def holding(self, index: int) -> list[Audience]:
        return [a for a in self.by_slug.values() if not a.is_deleted and a.holds(index)]

    def person_index(self, key: str) -> int | None:
        """Who has this Lytics id, user id or e-mail address."""
        if not self._by_key:
            for person in self.people:
                for known in (person.lytics_id, person.user_id, *person.emails):
                    self._by_key[known] = person.index
        return self._by_key.get(key)

    def move(
        self, indexes: Iterable[int], audiences: Sequence[Audience], *, is_in: bool, is_silent: bool = False
    ) -> int:
        """
        Put people in or out of all *audiences* at once and tell the listeners, one change for each profile.

        Returns:
            How many people something changed for. With *is_silent* nobody is told, as when a trigger is lost.
        """
        moved = 0
        for index in indexes:
            changed = [audience for audience in audiences if audience.put(index, is_in=is_in)]
            moved += bool(changed)
            if changed and not is_silent:
                self._tell(index, changed, "enter" if is_in else "exit")
        return moved

    def touch(self, indexes: Iterable[int], audience: Audience) -> int:
        """Say that a field of these people changed; those outside the audience are passed over."""
        touched = [index for index in indexes if audience.holds(index)]
        for index in touched:
            self._tell(index, [audience], "change")
        return len(touched)

    def _tell(self, index: int, audiences: Sequence[Audience], kind: EventKind) -> None:
        at_ns = None if kind == "change" else self._next_ns()
        events = tuple(SegmentEvent(a.id, a.slug, kind, at_ns) for a in audiences)
        change = Change(self.people[index], events)
        for listener in self.listeners:
            listener(change)

    def _next_ns(self) -> int:
        """A later moment each time, even where the clock stands still: Lytics' stamps have nanoseconds."""
        now_ns = self.clock.now_ms() * 1_000_000
        self._last_ns = max(now_ns, self._last_ns + 1) + self.rng.randrange(1000)
        return self._last_ns
