"""
Triggers: events a second that are durable before they are answered, single and in batches, over HTTP.

Yardstick: the same server and framework, which read each message and keep nothing, in the same run.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from benchmarks.figures import Figure, Goal, against
from benchmarks.owed import CONFIG, email_of
from benchmarks.posting import post_all, request_of
from benchmarks.size import Size
from usher.sandbox.trigger_body import rfc3339_nano

CONNECTIONS = 64
EVENTS = {1: 8_000, 10: 40_000, 100: 100_000, 1_000: 200_000}  # in all, by how many there are in a message
QUICK = 10  # a quick run posts so many times fewer
FULL_LEDGER = 1_000_000
YARDSTICK = "reading and keeping nothing"
GOALS = {1: 4_000.0, 100: 40_000.0}  # events/s into the full ledger


@contextmanager
def started(members: int, *options: str) -> Iterator[dict[str, str]]:
    """Start a house with so many people; yield where it is."""
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.trigger_house", folder, str(members), *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
            process.communicate(timeout=60)


def bodies(events: int, batch: int, *, people: int, began_ns: int) -> Iterator[bytes]:
    """Messages of *batch* events each, about people drawn from *people*; each newer than those before."""
    rng = random.Random(batch)
    for start in range(0, events, batch):
        several = [_event(rng, people, began_ns + number) for number in range(start, start + batch)]
        yield msgspec.json.encode(several[0] if batch == 1 else several)


def _event(rng: random.Random, people: int, at_ns: int) -> dict[str, object]:
    kind = "enter" if rng.random() < 0.5 else "exit"
    told = {"id": CONFIG.segment_id, "slug": "vip", "event": kind, kind: rfc3339_nano(at_ns)}
    member = email_of(rng.randrange(people))
    meta = {"object": "user", "subscription_id": "0" * 32, "timestamp": rfc3339_nano(at_ns)}
    return {"id": str(at_ns), "data": {"email": member, "segment_events": [told]}, "meta": meta}


async def rate(house: dict[str, str], batch: int, *, people: int, events: int) -> float:
    """Return events a second that *house* answered for."""
    url, authorization = house["url"], house["authorization"]
    made = bodies(events, batch, people=people, began_ns=time.time_ns() - 3_600_000_000_000)
    requests: Sequence[bytes] = [request_of(url, authorization, body) for body in made]
    posted = await post_all(url, requests, connections=CONNECTIONS)
    return events / posted.seconds


async def measure(size: Size) -> AsyncIterator[Figure]:
    """Yield each batch's rate, into a ledger that is empty in every turn, and into a full one."""
    full = size.pick(FULL_LEDGER, 10_000)
    for members in (0, full):
        for batch, most in EVENTS.items():
            events = most // size.pick(1, QUICK) // batch * batch
            turns = [await _turn(members, batch, people=members or full, events=events) for _ in range(size.runs)]
            kept, parsed = zip(*turns, strict=True)
            goal = GOALS.get(batch) if members else None
            yield Figure(
                subject="triggers",
                name=f"{'batches of ' + str(batch) if batch > 1 else 'single'}, {members:,} in the ledger",
                unit="events/s",
                runs=kept,
                yardstick=YARDSTICK,
                ratios=against(kept, parsed),
                goal=None if goal is None else Goal("value", "at least", goal, goal),
            )


async def _turn(members: int, batch: int, *, people: int, events: int) -> tuple[float, float]:
    """Return the rates of a fresh house and of the yardstick."""
    with started(members) as house:
        kept = await rate(house, batch, people=people, events=events)
    with started(0, "--parse-only") as yardstick:
        return kept, await rate(yardstick, batch, people=people, events=events)
