"""
One deadline for everything that has to end, so that nothing that hangs keeps the process.

What is not done by then is left behind; it may be killed at any moment anyway, so leaving it loses nothing durable.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog

logger = structlog.get_logger("usher.engine")


class Ending:
    """
    Waits for one end after the other, until the time for all of them is up.

    Args:
        within_seconds: counted from the first end that is waited for.
    """

    def __init__(self, *, within_seconds: float) -> None:
        self._within_seconds = within_seconds
        self._until: float | None = None
        self._left: list[str] = []

    async def of(self, what: str, ending: Awaitable[Any]) -> None:
        """Let *ending* end, and leave it behind where it takes too long; where it fails, say so and go on."""
        task = asyncio.ensure_future(ending)
        await asyncio.wait({task}, timeout=self._seconds_left())
        if not task.done():
            task.cancel()
            self._left.append(what)
        elif not task.cancelled() and (error := task.exception()) is not None:
            self._note(what, error)

    def tell(self) -> None:
        """Say what was not waited for, if anything."""
        if self._left:
            logger.warning("ended_without", left=self._left)

    def _note(self, what: str, error: BaseException) -> None:
        if isinstance(error, TimeoutError):  # it had a deadline of its own
            self._left.append(what)
        else:
            logger.error("ending_failed", what=what, error=type(error).__name__, exc_info=error)

    def _seconds_left(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._within_seconds
        return max(0.0, self._until - now)
