"""Whether every trigger that came is accounted for: the one sum that must always come out right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """Triggers, of one job or of all together: received = applied + ignored + unreadable."""

    received: int
    applied: int
    ignored: int
    unreadable: int

    @property
    def adds_up(self) -> bool:
        return self.received == self.applied + self.ignored + self.unreadable
