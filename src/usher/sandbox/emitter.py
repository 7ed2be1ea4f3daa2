"""
How Lytics sends one webhook job's messages: workers in parallel, and its rule for answers.

Exactly 200 is success. 400, 404, 413 and the job's own `do_not_retry` are dropped and counted as omitted.
Anything else is sent again; Retry-After puts the job to sleep without counting as a failure; after ten failures
in a row the job sleeps one minute, doubling each time, and has failed after the seventh sleep (about two hours).
Source: Lytics' webhooks and background-processing pages (confirmed; another page says ten hours).
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from usher.clock import Clock
from usher.sandbox.audiences import Change
from usher.sandbox.trigger_body import WebhookConfig, encoded

Status = Literal["runnable", "sleeping", "paused", "failed", "killed", "deleted"]
OMITTED_STATUSES = frozenset((400, 404, 413))
FAILURES_UNTIL_SLEEP = 10
SLEEPS_UNTIL_FAILED = 7
FIRST_SLEEP_SECONDS = 60.0
RETRY_SECONDS = 1.0  # how soon Lytics tries again is unknown
LONGEST_RETRY_AFTER_SECONDS = 3600.0
FLUSH_POLL_SECONDS = 0.05
MOST_WORKERS = 20
MOST_QUEUED = 500_000

Post = Callable[[WebhookConfig, bytes], Awaitable[tuple[int, float | None]]]
Shape = Callable[[Change], dict[str, Any]]


@dataclass(slots=True)
class EmissionQuirks:
    """
    How the sending may misbehave.

    Args:
        duplicate_share: share of the requests that are sent twice, 0..1.
        reorder_share: share of the requests held back for up to *reorder_seconds*, so that others overtake.
    """

    duplicate_share: float = 0.0
    reorder_share: float = 0.0
    reorder_seconds: float = 0.5


@dataclass(slots=True)
class Counters:
    """Counts of profiles' messages, but *requests* and *failures*, which count requests."""

    queued: int = 0
    delivered: int = 0
    omitted: int = 0
    dropped: int = 0
    requests: int = 0
    failures: int = 0
    by_status: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Emitter:
    """
    One webhook job at work. `start` begins, `aclose` ends it; messages wait while it is not runnable.

    That messages are kept while a job is paused is unknown of Lytics.

    Args:
        post: sends one body; gives the status (0: no answer) and the Retry-After in seconds.
        log: called with a level and a sentence for the job's log.
        time_scale: every wait is multiplied by this.
    """

    config: WebhookConfig
    shape: Shape
    post: Post
    log: Callable[[str, str], None]
    clock: Clock
    rng: random.Random
    quirks: EmissionQuirks
    time_scale: float = 1.0
    status: Status = "runnable"
    sleep_until_ms: int | None = None
    counters: Counters = field(default_factory=Counters)
    _queue: deque[Change] = field(default_factory=deque)
    _in_flight: int = 0
    _failures: int = 0
    _sleeps: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _runnable: asyncio.Event = field(default_factory=asyncio.Event)
    _collecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pending(self) -> int:
        """Messages that are queued or in flight."""
        return len(self._queue) + self._in_flight

    def start(self) -> None:
        self._runnable.set()
        for _ in range(max(1, min(self.config.worker_count, MOST_WORKERS))):
            self._spawn(self._work())

    async def aclose(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def put(self, change: Change) -> None:
        """Queue one profile's message; beyond half a million the newest is dropped and counted."""
        if self.status in {"killed", "deleted"} or len(self._queue) >= MOST_QUEUED:
            self.counters.dropped += 1
            return
        self.counters.queued += 1
        self._queue.append(change)
        self._stirred.set()

    def turn(self, status: Status) -> None:
        """Change the status at a person's word; runnable again also forgets past failures."""
        self.status, self.sleep_until_ms = status, None
        if status == "runnable":
            self._failures = self._sleeps = 0
            self._runnable.set()
        else:
            self._runnable.clear()

    async def _work(self) -> None:
        while True:
            async with self._collecting:
                batch = await self._collect()
                self._in_flight += len(batch)
            try:
                await self._deliver(batch)
            finally:
                self._in_flight -= len(batch)

    async def _collect(self) -> list[Change]:
        while not self._queue:
            self._stirred.clear()
            await self._stirred.wait()
        if not self.config.batch_requests:
            return [self._queue.popleft()]
        await self._fill()
        return [self._queue.popleft() for _ in range(min(len(self._queue), max(1, self.config.batch_size)))]

    async def _fill(self) -> None:
        """Wait for a whole batch, or until the flush time has passed."""
        end = self.clock.monotonic() + self.config.batch_flush_duration * self.time_scale
        while len(self._queue) < self.config.batch_size:
            left = end - self.clock.monotonic()
            if left <= 0:
                return
            await self.clock.sleep(min(left, FLUSH_POLL_SECONDS))

    async def _deliver(self, batch: list[Change]) -> None:
        if self.quirks.reorder_share and self.rng.random() < self.quirks.reorder_share:
            await self.clock.sleep(self.rng.random() * self.quirks.reorder_seconds)
        body = encoded([self.shape(change) for change in batch], is_batch=self.config.batch_requests)
        while True:
            await self._runnable.wait()
            status, retry_after = await self._post(body)
            if self.status in {"killed", "deleted"}:
                return
            if status == 200 or self._is_omitted(status):
                self._settle(status, len(batch))
                break
            await self._put_off(status, retry_after)
        if self.quirks.duplicate_share and self.rng.random() < self.quirks.duplicate_share:
            await self._post(body)

    async def _post(self, body: bytes) -> tuple[int, float | None]:
        self.counters.requests += 1
        status, retry_after = await self.post(self.config, body)
        self.counters.by_status[status] = self.counters.by_status.get(status, 0) + 1
        return status, retry_after

    def _is_omitted(self, status: int) -> bool:
        return status in OMITTED_STATUSES or status in self.config.do_not_retry

    def _settle(self, status: int, count: int) -> None:
        if status == 200:
            self.counters.delivered += count
            self._failures = self._sleeps = 0
        else:
            self.counters.omitted += count
            self.log("warn", f"{count} omitted: the endpoint answered {status}")

    async def _put_off(self, status: int, retry_after: float | None) -> None:
        if retry_after is not None:
            self._sleep(min(retry_after, LONGEST_RETRY_AFTER_SECONDS))
            return
        self._failures += 1
        self.counters.failures += 1
        if self._failures >= FAILURES_UNTIL_SLEEP:
            self._give_way(status)
        else:
            await self.clock.sleep(RETRY_SECONDS * self.time_scale)

    def _give_way(self, status: int) -> None:
        if self.status != "runnable":
            return
        self._failures = 0
        if self._sleeps >= SLEEPS_UNTIL_FAILED:
            self.log("error", f"failed: the endpoint answered {status}")
            self.turn("failed")
            return
        self.log("error", f"sleeping: the endpoint answered {status}")
        self._sleep(FIRST_SLEEP_SECONDS * 2**self._sleeps)
        self._sleeps += 1

    def _sleep(self, seconds: float) -> None:
        if self.status != "runnable":
            return
        self.status = "sleeping"
        self._runnable.clear()
        self.sleep_until_ms = self.clock.now_ms() + round(seconds * self.time_scale * 1000)
        self._spawn(self._wake(seconds * self.time_scale, self.sleep_until_ms))

    async def _wake(self, seconds: float, until_ms: int) -> None:
        await self.clock.sleep(seconds)
        if self.status == "sleeping" and self.sleep_until_ms == until_ms:
            self.status, self.sleep_until_ms = "runnable", None
            self._runnable.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
