"""
A pretend Mapp and a pretend Lytics that several workers share, and that count what these do together.

What was asked of them goes on, whatever becomes of the one who asked.
"""

import asyncio
from dataclasses import dataclass, field

from tests.engine.gates import OUTSIDE, OWNER
from tests.engine.world import FakeLytics, FakeMapp
from usher.domain.attribute import Target
from usher.domain.outcome import Outcome, RetryLater
from usher.lytics.audiences import Audience
from usher.lytics.scan import Page


@dataclass(frozen=True)
class Sent:
    """One request as Mapp saw it come, *left_ms* before its expiry."""

    at: float
    worker: str
    attribute: str
    member: str
    left_ms: int


@dataclass
class SharedMapp(FakeMapp):
    """
    Counts what all workers do together. A request that was sent lands, whatever becomes of its sender.

    Args:
        capacity: requests a second that it takes; more are throttled. None: all.
        silence_seconds: the next request is answered with a Retry-After of so many seconds.
        busy_for: workers that are answered with 503.
    """

    capacity: int | None = None
    silence_seconds: float | None = None
    busy_for: set[str] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    throttled: int = 0
    pinged_by: list[str] = field(default_factory=list)

    async def ping(self) -> None:
        self.pinged_by.append(_caller())
        await super().ping()

    async def send(self, target: Target, member: str, *, is_in: bool, expires_at_ms: int) -> Outcome:
        left_ms, caller = expires_at_ms - self.clock.now_ms(), _caller()
        self.sent.append(Sent(self.clock.monotonic(), caller, target.attribute_name, member, left_ms))
        answer = self._answer(target, member, caller=caller, is_in=is_in, expires_at_ms=expires_at_ms)
        return await asyncio.shield(asyncio.get_running_loop().create_task(answer, context=OUTSIDE.copy()))

    async def _answer(self, target: Target, member: str, *, caller: str, is_in: bool, expires_at_ms: int) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if (refusal := await self._refusal(caller)) is not None:
                return refusal
            return await super().send(target, member, is_in=is_in, expires_at_ms=expires_at_ms)
        finally:
            self.at_once -= 1

    async def _refusal(self, caller: str) -> Outcome | None:
        if caller in self.busy_for:
            await asyncio.sleep(self.latency)
            return RetryLater("503")
        silence, self.silence_seconds = self.silence_seconds, None
        if silence is None and not self._is_full:
            return None
        await asyncio.sleep(self.latency)
        self.throttled += 1
        return RetryLater("Database Access Limit Exceeded", is_throttle=True, retry_after_seconds=silence)

    @property
    def _is_full(self) -> bool:
        since = self.clock.monotonic() - 1
        lately = 0
        for one in reversed(self.sent):
            if one.at <= since:
                break
            lately += 1
        return self.capacity is not None and lately > self.capacity

    def between(self, begin: float, end: float) -> list[Sent]:
        """Return what came from *begin* on and before *end*."""
        return [one for one in self.sent if begin <= one.at < end]

    def most_within(self, seconds: float) -> int:
        """Return the most requests that came within any span of *seconds*."""
        times, first, most = [one.at for one in self.sent], 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass
class SharedLytics(FakeLytics):
    """Counts how many read at once, and who read from where. A page that was asked for is read to its end."""

    at_once: int = 0
    most_at_once: int = 0
    read: list[tuple[str, str]] = field(default_factory=list)  # worker, cursor

    async def audience(self, id_or_slug: str) -> Audience:
        await asyncio.sleep(self.page_seconds)
        return await super().audience(id_or_slug)

    async def scan_page(self, audience_id: str, *, field: str, cursor: str, expected: int | None = None) -> Page:
        self.read.append((_caller(), cursor))
        answer = self._page(audience_id, field=field, cursor=cursor)
        return await asyncio.shield(asyncio.get_running_loop().create_task(answer, context=OUTSIDE.copy()))

    async def _page(self, audience_id: str, *, field: str, cursor: str) -> Page:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().scan_page(audience_id, field=field, cursor=cursor)
        finally:
            self.at_once -= 1


def _caller() -> str:
    gate = OWNER.get()
    assert gate is not None
    return gate.name
