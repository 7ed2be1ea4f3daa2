"""Live changes in the background: people entering and leaving at a steady rate."""

import asyncio
import random
from dataclasses import dataclass

from usher.clock import Clock
from usher.sandbox.audiences import Audience, Audiences

TICK_SECONDS = 0.05


@dataclass(slots=True)
class Churn:
    """One run at a time; starting another ends the one before."""

    audiences: Audiences
    clock: Clock
    rng: random.Random
    made: int = 0
    _task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self, audience: Audience, *, per_second: float, seconds: float) -> None:
        await self.aclose()
        self.made = 0
        self._task = asyncio.create_task(self._run(audience, per_second, seconds))

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, audience: Audience, per_second: float, seconds: float) -> None:
        started = self.clock.monotonic()
        while True:
            elapsed = min(self.clock.monotonic() - started, seconds)
            while self.made < int(elapsed * per_second):
                self._change_one(audience)
            if elapsed >= seconds:
                return
            await self.clock.sleep(TICK_SECONDS)

    def _change_one(self, audience: Audience) -> None:
        is_in = self.rng.random() < 0.5
        picked = audience.pick(1, self.rng, is_in=not is_in)
        self.audiences.move(picked, [audience], is_in=is_in)
        self.made += 1
