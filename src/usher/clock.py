"""
Time, passed in wherever it is needed.

Wall time is whole milliseconds since 1970 (UTC), as the ledger stores it; versions are nanoseconds.
Durations that decide whether something may still be sent are read from the monotonic clock.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

SLOWER = 2.0  # times as long as the last good one may a reading take to be believed at once
TRUST_SECONDS = 5.0  # after which a slower reading is better than the last
SLOWEST_SECONDS = 0.5  # of a reading that counts once there is one: this process may have been stopped meanwhile


class Clock(Protocol):
    """What time it is, and waiting."""

    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancelling ends the wait at once."""


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LedgerClock:
    """
    The database's time, carried on by this machine's steady clock between two readings.

    Where several machines share a ledger, its clock is the only one: a machine whose own is wrong does no harm.

    Args:
        own: what measures durations, and tells the time until the database has.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._ahead_seconds: float | None = None  # of the database's clock before *own*'s steady one
        self._heard = (float("-inf"), float("inf"))  # when, and how long that took

    def hear(self, now_ms: int, *, asked: float) -> None:
        """Take in that it was *now_ms* between *asked* (monotonic) and now; the quicker the answer, the better."""
        heard = self._own.monotonic()
        took, (before, best) = heard - asked, self._heard
        is_better = took <= best * SLOWER or (heard - before >= TRUST_SECONDS and took <= SLOWEST_SECONDS)
        if is_better or self._ahead_seconds is None:
            self._heard = (heard, took)
            self._ahead_seconds = now_ms / 1000 - (asked + heard) / 2

    def now_ms(self) -> int:
        if self._ahead_seconds is None:
            return self._own.now_ms()
        return round((self._own.monotonic() + self._ahead_seconds) * 1000)

    def monotonic(self) -> float:
        return self._own.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._own.sleep(seconds)


def iso_from_ms(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, as every API body writes a moment."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_from_ms(at_ms)
