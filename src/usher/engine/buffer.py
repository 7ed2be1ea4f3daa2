"""Claimed rows that wait for their turn to be sent: live changes ahead of bulk, and neither starved."""

from collections import deque
from dataclasses import dataclass

from usher.domain.claim import Claim


@dataclass(frozen=True, slots=True)
class Held:
    """
    A claim and its end.

    Args:
        send_by: monotonic second after which it must not be sent any more.
        expires_at_ms: the room's end by the ledger's clock, for Mapp to check.
    """

    claim: Claim
    send_by: float
    expires_at_ms: int


class Buffer:
    """Two queues; while both hold something, they take turns, live first."""

    def __init__(self) -> None:
        self._lanes: tuple[deque[Held], deque[Held]] = (deque(), deque())
        self._last_was_live = False

    def __len__(self) -> int:
        return len(self._lanes[0]) + len(self._lanes[1])

    def held(self, lane: int) -> int:
        return len(self._lanes[lane])

    def holds(self, job: int) -> bool:
        """Return whether anything of *job* waits here."""
        return any(held.claim.job == job for lane in self._lanes for held in lane)

    def add(self, lane: int, held: list[Held]) -> None:
        self._lanes[lane].extend(held)

    def pop(self) -> Held:
        """Take the next one; there must be one."""
        live, bulk = self._lanes
        self._last_was_live = bool(live) and not (self._last_was_live and bulk)
        return live.popleft() if self._last_was_live else bulk.popleft()

    def drain(self) -> list[Held]:
        """Take everything."""
        return [self.pop() for _ in range(len(self))]
