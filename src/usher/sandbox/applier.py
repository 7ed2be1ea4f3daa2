"""
Mapp's queue: what was accepted is applied a little later, in the order in which it came.

The delay is the same for all, so one queue keeps the order for each contact.
Only what a fault makes late is overtaken, and that is what such a fault is for.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from usher.clock import Clock

LATE_POLL_SECONDS = 0.01


@dataclass(slots=True)
class Applier:
    """Runs a task of its own while anything is queued; `aclose` drops what is left."""

    clock: Clock
    delay_seconds: float
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, apply: Callable[[], None], *, late_seconds: float = 0.0) -> None:
        if not self.delay_seconds and not late_seconds:
            apply()
            return
        self._count += 1
        due = self.clock.monotonic() + self.delay_seconds + late_seconds
        heapq.heappush(self._queue, (due, self._count, apply))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def aclose(self) -> None:
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        # Never sleeps longer than the usual delay: what comes next may be due before what is late.
        most = max(self.delay_seconds, LATE_POLL_SECONDS)
        while self._queue:
            wait = self._queue[0][0] - self.clock.monotonic()
            if wait > 0:
                await self.clock.sleep(min(wait, most))
            else:
                heapq.heappop(self._queue)[2]()
