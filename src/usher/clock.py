"""
Time, passed in wherever it is needed.

Wall time is whole milliseconds since 1970 (UTC), as the ledger stores it; versions are nanoseconds.
Durations that decide whether something may still be sent are read from the monotonic clock.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


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


def iso_from_ms(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, as every API body writes a moment."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_from_ms(at_ms)
