"""
The pretend Mapp's own record of what it was sent: requests alive at once, and what landed out of order.

Two spans are counted for each (identifier, group, key of the event), and for all of them together:
- alive: from a request's arrival until it was applied or dropped;
- unsettled: until its sender could know its fate: until it was answered, or, where the answer was lost,
  until it was applied or dropped. More than one of these at once breaks the rule of one living request.

Arrivals are counted over every stretch of one second, whatever became of them. A request arrives when its whole body
is read, so a sandbox that is kept from running sees those that waited all at once.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

from usher.clock import Clock
from usher.sandbox.exchange import Call
from usher.sandbox.mapp_state import CONTROL_KEYS, IDENTIFIER_PRIORITY

EXAMPLES_KEPT = 100
ACCEPTANCES_KEPT = 100_000


class Key(NamedTuple):
    """What at most one request may be about at a time: one attribute of one person in one group ("": no group)."""

    member: str
    group: str
    attribute: str


@dataclass(slots=True)
class Span:
    """
    The requests within one span now.

    Args:
        most: the most there ever were for one key at once.
        overlaps: how often one came for a key that had one already.
        requests: how many there are now, whatever they are about.
        most_requests: the most of those there ever were at once.
    """

    most: int = 0
    overlaps: int = 0
    requests: int = 0
    most_requests: int = 0
    _now: dict[Key, int] = field(default_factory=dict)

    def open(self, keys: tuple[Key, ...]) -> None:
        self.requests += 1
        self.most_requests = max(self.most_requests, self.requests)
        for key in keys:
            count = self._now.get(key, 0) + 1
            self._now[key] = count
            self.most = max(self.most, count)
            self.overlaps += count > 1

    def close(self, keys: tuple[Key, ...]) -> None:
        self.requests -= 1
        for key in keys:
            self._now[key] -= 1
            if not self._now[key]:
                del self._now[key]

    def clear(self) -> None:
        """Forget what was; what is open now goes on being counted."""
        self.most = max(self._now.values(), default=0)
        self.overlaps, self.most_requests = 0, self.requests

    def __len__(self) -> int:
        return len(self._now)


@dataclass(slots=True)
class Busiest:
    """The most arrivals within any stretch of *seconds*: two that are just that far apart share none."""

    seconds: float
    most: int = 0
    _lately: deque[float] = field(default_factory=deque)

    def add(self, at: float) -> None:
        """Take in an arrival at *at*, monotonic seconds, no earlier than the one before."""
        self._lately.append(at)
        while at - self._lately[0] >= self.seconds:
            self._lately.popleft()
        self.most = max(self.most, len(self._lately))

    def clear(self) -> None:
        self.most = 0
        self._lately.clear()


@dataclass(slots=True)
class Arrival:
    """One request: what it is about and which of its spans are still open."""

    keys: tuple[Key, ...]
    event: Any
    number: int
    is_accepted: bool = False
    is_alive: bool = True
    is_unsettled: bool = True


@dataclass(slots=True)
class Delivered:
    """For one key: the newest value accepted, how often one was, and the number of the last one applied."""

    value: Any = None
    accepted: int = 0
    applied_number: int = 0


class Acceptance(NamedTuple):
    """One value accepted for one key; *number* counts acceptances from 1, *at_ms* is milliseconds since 1970."""

    number: int
    at_ms: int
    member: str
    attribute: str
    value: Any


@dataclass(slots=True)
class MappLedger:
    """Watches the event route. Lives as long as the sandbox, or until it is cleared; one event loop only."""

    clock: Clock
    requests: int = 0
    alive: Span = field(default_factory=Span)
    unsettled: Span = field(default_factory=Span)
    second: Busiest = field(default_factory=lambda: Busiest(1.0))
    order_violations: int = 0
    disordered: list[list[str]] = field(default_factory=list)
    by_key: dict[Key, Delivered] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    acceptances: deque[Acceptance] = field(default_factory=lambda: deque(maxlen=ACCEPTANCES_KEPT))
    _number: int = 0
    _accepted: int = 0

    def arrived(self, call: Call) -> None:
        self.requests += 1
        self._number += 1
        event = _event_in(call.body)
        arrival = Arrival(_keys_of(event), event, self._number)
        call.note = arrival
        self.second.add(self.clock.monotonic())
        self.alive.open(arrival.keys)
        self.unsettled.open(arrival.keys)

    def accepted(self, arrival: Arrival) -> None:
        arrival.is_accepted = True
        at_ms = self.clock.now_ms()
        for key in arrival.keys:
            delivered = self.by_key.setdefault(key, Delivered())
            delivered.value = arrival.event[key.attribute]
            delivered.accepted += 1
            self._accepted += 1
            self.acceptances.append(Acceptance(self._accepted, at_ms, key.member, key.attribute, delivered.value))

    def accepted_after(self, number: int) -> list[Acceptance]:
        """What was accepted after acceptance *number*, newest first; no more than the newest hundred thousand."""
        return list(takewhile(lambda one: one.number > number, reversed(self.acceptances)))

    def ended(self, call: Call, *, is_answered: bool) -> None:
        arrival: Arrival = call.note
        self.statuses["answered" if is_answered else "lost"] += 1
        if not arrival.is_accepted:
            self._close_alive(arrival)
        elif is_answered:
            self._close_unsettled(arrival)

    def applied(self, arrival: Arrival) -> None:
        for key in arrival.keys:
            delivered = self.by_key.setdefault(key, Delivered())
            if arrival.number < delivered.applied_number:
                self.order_violations += 1
                if len(self.disordered) < EXAMPLES_KEPT:
                    self.disordered.append(list(key))
            delivered.applied_number = max(delivered.applied_number, arrival.number)
        self._close_alive(arrival)

    def clear(self) -> None:
        """Forget what was; requests that are alive now go on being counted."""
        for counted in (self.alive, self.unsettled, self.second):
            counted.clear()
        self.requests = self.order_violations = 0
        self.disordered.clear()
        self.by_key.clear()
        self.statuses.clear()

    def summary(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            **self.statuses,
            "alive": len(self.alive),
            "alive_most": self.alive.most,
            "alive_requests_most": self.alive.most_requests,
            "unsettled": len(self.unsettled),
            "unsettled_most": self.unsettled.most,
            "unsettled_overlaps": self.unsettled.overlaps,
            "unsettled_requests_most": self.unsettled.most_requests,
            "second_most": self.second.most,
            "order_violations": self.order_violations,
            "disordered": self.disordered,
        }

    def _close_alive(self, arrival: Arrival) -> None:
        self._close_unsettled(arrival)
        if arrival.is_alive:
            arrival.is_alive = False
            self.alive.close(arrival.keys)

    def _close_unsettled(self, arrival: Arrival) -> None:
        if arrival.is_unsettled:
            arrival.is_unsettled = False
            self.unsettled.close(arrival.keys)


def _event_in(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


def _keys_of(event: Any) -> tuple[Key, ...]:
    if not isinstance(event, dict):
        return ()
    member = next((str(event[name]) for name in IDENTIFIER_PRIORITY if event.get(name)), "")
    group = str(event.get("group") or "")
    return tuple(Key(member, group, key) for key in event if key not in CONTROL_KEYS)
