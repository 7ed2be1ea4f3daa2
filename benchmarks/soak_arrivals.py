"""
Triggers as Lytics sends them, at their own times: a process of its own that no answer can slow down.

Each is one message about one person in one request, the form without batches. Who moves is moved in the sandbox first,
without its telling anybody, so that the sandbox knows the truth and this process tells it. Some messages are doubled,
some come late, and some people turn back at once; what is refused for now is sent again, as Lytics does.
"""

import asyncio
import random
import signal
import sys
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO
from zlib import crc32

import aiohttp
import msgspec
import uvloop

from usher.sandbox.trigger_body import rfc3339_nano

DOUBLED_SHARE, LATE_SHARE, BACK_SHARE = 0.02, 0.01, 0.05
DOUBLED_WITHIN_SECONDS, LATE_WITHIN_SECONDS = 2.0, 30.0
AHEAD_SECONDS = 0.25  # people are moved in batches, this long before their triggers
RECENT = 1_000  # who may turn back
TIMEOUT_SECONDS = 30.0
AGAIN_SECONDS = 1.0
PLAIN, DOUBLED, LATE, AGAIN = "plain", "doubled", "late", "again"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where triggers go, and how many; *out* takes a line for each request, *said* the totals."""

    url: str
    authorization: str
    sandbox: str
    audience: str
    audience_id: str
    per_second: float
    seed: int
    out: str
    said: str


class Move(NamedTuple):
    """One person in or out, as the sandbox has it since *at_ns*."""

    member: str
    is_in: bool
    at_ns: int


class Totals(msgspec.Struct):
    """What was sent; *late_starts* are seconds by which requests began later than they should."""

    moves: int = 0
    posts: int = 0
    taken: int = 0
    refused: int = 0
    late_starts: list[float] = msgspec.field(default_factory=list)


def body_of(move: Move, plan: Plan) -> bytes:
    kind = "enter" if move.is_in else "exit"
    # Who has no e-mail address goes by a customer number, and the job can make nothing of that.
    field = "email" if "@" in move.member else "user_id"
    event = {"id": plan.audience_id, "slug": plan.audience, "event": kind, kind: rfc3339_nano(move.at_ns)}
    meta = {"object": "user", "subscription_id": "0" * 32, "timestamp": rfc3339_nano(time.time_ns())}
    data = {field: move.member, "segment_events": [event]}
    return msgspec.json.encode({"id": str(1 << 63 | crc32(move.member.encode())), "data": data, "meta": meta})


class Arrivals:
    def __init__(self, plan: Plan, http: aiohttp.ClientSession, out: TextIO) -> None:
        self.totals = Totals()
        self.told_to_stop = asyncio.Event()
        self._plan, self._http, self._out = plan, http, out
        self._rng = random.Random(plan.seed)
        self._ready: deque[Move] = deque()
        self._recent: deque[Move] = deque(maxlen=RECENT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._refilling: asyncio.Task[None] | None = None
        self._headers = {"Authorization": plan.authorization, "Content-Type": "application/json"}

    async def run(self) -> None:
        """Send until told to stop, then what is still held back."""
        await self._refill()
        due = time.monotonic()
        while not self.told_to_stop.is_set():
            due += self._rng.expovariate(self._plan.per_second)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.totals.late_starts.append(time.monotonic() - due)
            self._send_next()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._refilling is not None:
            await self._refilling
        await asyncio.gather(*(self._send(move, LATE) for move in self._ready))

    def _send_next(self) -> None:
        if len(self._ready) < self._plan.per_second * AHEAD_SECONDS and (
            self._refilling is None or self._refilling.done()
        ):
            self._refilling = asyncio.create_task(self._refill())
        if not self._ready:
            return  # the sandbox is behind: the totals tell of a lower rate
        move = self._ready.popleft()
        self.totals.moves += 1
        self._recent.append(move)
        kind = LATE if self._rng.random() < LATE_SHARE else PLAIN
        self._spawn(self._send(move, kind, after=self._rng.random() * LATE_WITHIN_SECONDS * (kind == LATE)))
        if self._rng.random() < DOUBLED_SHARE:
            self._spawn(self._send(move, DOUBLED, after=self._rng.random() * DOUBLED_WITHIN_SECONDS))

    async def _refill(self) -> None:
        """Let as many people enter as exit; some of them did the opposite a moment ago."""
        count = max(2, round(self._plan.per_second * AHEAD_SECONDS))
        back = [self._recent.popleft() for _ in range(min(len(self._recent), round(count * BACK_SHARE)))]
        for act, is_in in (("enter", True), ("exit", False)):
            turned = [move.member for move in back if move.is_in is not is_in]
            orders: list[dict[str, object]] = [{"members": turned}, {"count": count // 2}]
            for order in orders[not turned :]:
                self._ready += await self._moved(act, order, is_in=is_in)

    async def _moved(self, act: str, order: dict[str, object], *, is_in: bool) -> list[Move]:
        url = f"{self._plan.sandbox}/control/audiences/{self._plan.audience}/{act}"
        async with self._http.post(url, json=order | {"silent": True}) as answer:
            answer.raise_for_status()
            members = (await answer.json())["members"]
        now_ns = time.time_ns()
        return [Move(member, is_in, now_ns + number) for number, member in enumerate(members)]

    async def _send(self, move: Move, kind: str, *, after: float = 0.0) -> None:
        if after:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.told_to_stop.wait(), after)
        body = body_of(move, self._plan)
        while (status := await self._post(move, body, kind)) in {0, 408, 429} or status >= 500:
            kind = AGAIN
            await asyncio.sleep(AGAIN_SECONDS)

    async def _post(self, move: Move, body: bytes, kind: str) -> int:
        self.totals.posts += 1
        began, status = time.monotonic(), 0
        sent_at = time.time()
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._http.post(self._plan.url, data=body, headers=self._headers) as answer:
                await answer.read()
                status = answer.status
        took = time.monotonic() - began
        self.totals.taken += status == 200
        self.totals.refused += status != 200
        value = "true" if move.is_in else "false"
        print(f"{sent_at:.3f}\t{took:.5f}\t{status}\t{kind}\t{value}\t{move.member}", file=self._out)
        return status

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def main(plan: Plan) -> None:
    with Path(plan.out).open("w", encoding="utf-8") as out:
        totals = uvloop.run(arrive(plan, out))
    Path(plan.said).write_bytes(msgspec.json.encode(totals))


async def arrive(plan: Plan, out: TextIO) -> Totals:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        arrivals = Arrivals(plan, http, out)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, arrivals.told_to_stop.set)
        await arrivals.run()
    return arrivals.totals


if __name__ == "__main__":
    main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan))
