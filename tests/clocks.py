"""A clock that moves only when a test moves it, or sleeps on it."""

import asyncio
from dataclasses import dataclass

NOON_MS = 1_790_000_000_000


@dataclass
class ManualClock:
    """Implements usher.clock.Clock. Sleeping moves it on, and lets other tasks run once."""

    at_ms: int = NOON_MS
    slept_seconds: float = 0.0
    set_by_ms: int = 0

    def now_ms(self) -> int:
        return self.at_ms + self.set_by_ms

    def set_by(self, milliseconds: int) -> None:
        """Set the wall clock forward, or back; the steady one knows nothing of it."""
        self.set_by_ms += milliseconds

    def monotonic(self) -> float:
        return self.at_ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.slept_seconds += seconds
        self.pass_seconds(seconds)
        await asyncio.sleep(0)

    def pass_seconds(self, seconds: float) -> None:
        self.pass_ms(round(seconds * 1000))

    def pass_ms(self, milliseconds: int) -> None:
        self.at_ms += milliseconds
