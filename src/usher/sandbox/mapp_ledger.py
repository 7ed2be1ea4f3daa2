"""
The pretend Mapp's own record of what it was sent: requests alive at once, and what landed out of order.

Two spans are counted for each (identifier, key of the event):
- alive: from a request's arrival until it was applied or dropped;
- unsettled: until its sender could know its fate: until it was answered, or, where the answer was lost,
  until it was applied or dropped. More than one of these at once breaks the rule of one living request.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from usher.sandbox.exchange import Call
from usher.sandbox.mapp_state import CONTROL_KEYS, IDENTIFIER_PRIORITY

EXAMPLES_KEPT = 100

Key = tuple[str, str]


@dataclass(slots=True)
class Span:
    """How many requests for each key are within this span now, and the most there ever were for one key."""

    most: int = 0
    overlaps: int = 0
    _now: dict[Key, int] = field(default_factory=dict)

    def open(self, key: Key) -> None:
        count = self._now.get(key, 0) + 1
        self._now[key] = count
        self.most = max(self.most, count)
        self.overlaps += count > 1

    def close(self, key: Key) -> None:
        count = self._now[key] - 1
        if count:
            self._now[key] = count
        else:
            del self._now[key]

    def __len__(self) -> int:
        return len(self._now)


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


@dataclass(slots=True)
class MappLedger:
    """Watches the event route. Lives as long as the sandbox, or until it is cleared; one event loop only."""

    requests: int = 0
    alive: Span = field(default_factory=Span)
    unsettled: Span = field(default_factory=Span)
    order_violations: int = 0
    disordered: list[list[str]] = field(default_factory=list)
    by_key: dict[Key, Delivered] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    def arrived(self, call: Call) -> None:
        self.requests += 1
        self._number += 1
        event = _event_in(call.body)
        arrival = Arrival(_keys_of(event), event, self._number)
        call.note = arrival
        for key in arrival.keys:
            self.alive.open(key)
            self.unsettled.open(key)

    def accepted(self, arrival: Arrival) -> None:
        arrival.is_accepted = True
        for key in arrival.keys:
            delivered = self.by_key.setdefault(key, Delivered())
            delivered.value = arrival.event[key[1]]
            delivered.accepted += 1

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
        for span in (self.alive, self.unsettled):
            span.most = span.overlaps = 0
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
            "unsettled": len(self.unsettled),
            "unsettled_most": self.unsettled.most,
            "unsettled_overlaps": self.unsettled.overlaps,
            "order_violations": self.order_violations,
            "disordered": self.disordered,
        }

    def _close_alive(self, arrival: Arrival) -> None:
        self._close_unsettled(arrival)
        if arrival.is_alive:
            arrival.is_alive = False
            for key in arrival.keys:
                self.alive.close(key)

    def _close_unsettled(self, arrival: Arrival) -> None:
        if arrival.is_unsettled:
            arrival.is_unsettled = False
            for key in arrival.keys:
                self.unsettled.close(key)


def _event_in(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


def _keys_of(event: Any) -> tuple[Key, ...]:
    if not isinstance(event, dict):
        return ()
    member = next((str(event[name]) for name in IDENTIFIER_PRIORITY if event.get(name)), "")
    return tuple((member, key) for key in event if key not in CONTROL_KEYS)
