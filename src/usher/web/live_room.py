"""
How many may look live, and what they share, so that a crowd costs hardly more than one viewer.

Whatever is shown is made once for everybody who looks at the same thing. Parts of pages are made one after another, and
for at most half of the time: deliveries and triggers run in the same loop.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from usher.clock import Clock
from usher.errors import TooSoon, Unavailable

MOST_STREAMS = 500  # each holds a connection, and a quarter of a megabyte to compress with
MOST_OF_ONE_SESSION = 20
AGAIN_SECONDS = 5
KEPT_SECONDS = 2.0  # longer than anybody takes what was made before

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Making:
    began: float
    task: asyncio.Task[Any]


class LiveRoom:
    """
    Where open streams have their seats. It belongs to the event loop that serves them.

    Args:
        most, most_of_one: how many streams may be open in all, and of one session.
    """

    def __init__(self, clock: Clock, *, most: int = MOST_STREAMS, most_of_one: int = MOST_OF_ONE_SESSION) -> None:
        self._clock = clock
        self._limits = (most, most_of_one)
        self._seated: Counter[str] = Counter()
        self._making: dict[Hashable, _Making] = {}
        self._turn = asyncio.Lock()
        self._rested_at = 0.0

    @property
    def sessions(self) -> list[str]:
        """The ids of the sessions that have a stream open."""
        return list(self._seated)

    def enter(self, session_id: str) -> None:
        """
        Take a seat for one stream; whoever takes it gives it back with *leave*.

        Raises:
            TooSoon: this session has too many already; close some. Unavailable: there are too many in all.
        """
        most, most_of_one = self._limits
        if self._seated[session_id] >= most_of_one:
            said = f"{most_of_one} pages of yours are live already, and no more can be. Close some."
            raise TooSoon(said, retry_after_seconds=AGAIN_SECONDS)
        if self._seated.total() >= most:
            raise Unavailable(f"{most} pages are live already, and no more can be.", retry_after_seconds=AGAIN_SECONDS)
        self._seated[session_id] += 1

    def leave(self, session_id: str) -> None:
        self._seated[session_id] -= 1
        if self._seated[session_id] <= 0:
            del self._seated[session_id]

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]], *, since: float) -> T:
        """
        Return what *make* returns, or what it returned to somebody else who asked for *key*.

        Args:
            since: by the monotonic clock; what began to be made before is made anew.

        Raises: whatever *make* raises, to everybody who waits for it.
        """
        while (found := self._making.get(key)) and found.began < since and not found.task.done():
            await asyncio.wait([found.task])
        if found is None or found.began < since:
            found = self._begin(key, make)
        made: T = await asyncio.shield(found.task)  # whoever leaves must not take it from the others
        return made

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> _Making:
        now = self._clock.monotonic()
        for old in [one for one, it in self._making.items() if it.task.done() and it.began < now - KEPT_SECONDS]:
            del self._making[old]
        begun = _Making(now, asyncio.ensure_future(_awaited(make)))
        begun.task.add_done_callback(_look)
        self._making[key] = begun
        return begun

    async def in_turn(self, make: Callable[[], Awaitable[T]]) -> T:
        """Await *make* when nothing else is being made here, and after a rest as long as the one before it took."""
        async with self._turn:
            if (rest := self._rested_at - self._clock.monotonic()) > 0:
                await self._clock.sleep(rest)
            began = self._clock.monotonic()
            try:
                return await make()
            finally:
                now = self._clock.monotonic()
                self._rested_at = now + (now - began)


async def _awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


def _look(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
