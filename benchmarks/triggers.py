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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import uvloop

from benchmarks.delivery import CONFIG
from benchmarks.posting import post_all, request_of
from usher.sandbox.trigger_body import rfc3339_nano

BATCHES = (1, 10, 100, 1_000)
MEMBERS = (0, 1_000_000)
CONNECTIONS = 64
EVENTS = {1: 8_000, 10: 40_000, 100: 100_000, 1_000: 200_000}


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
    member = f"person{rng.randrange(people):07d}@example.com"
    meta = {"object": "user", "subscription_id": "0" * 32, "timestamp": rfc3339_nano(at_ns)}
    return {"id": str(at_ns), "data": {"email": member, "segment_events": [told]}, "meta": meta}


async def rate(house: dict[str, str], batch: int, *, people: int, events: int) -> float:
    """Return events a second that *house* answered for."""
    url, authorization = house["url"], house["authorization"]
    made = bodies(events, batch, people=people, began_ns=time.time_ns() - 3_600_000_000_000)
    requests: Sequence[bytes] = [request_of(url, authorization, body) for body in made]
    posted = await post_all(url, requests, connections=CONNECTIONS)
    return events / posted.seconds


def main() -> None:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for members in MEMBERS:
        with started(members) as house, started(0, "--parse-only") as yardstick:
            for batch in BATCHES:
                events = max(batch, int(EVENTS[batch] * share) // batch * batch)
                kept = uvloop.run(rate(house, batch, people=members or 1_000_000, events=events))
                parsed = uvloop.run(rate(yardstick, batch, people=members or 1_000_000, events=events))
                print(
                    f"{members:>9} members, batches of {batch:>5}:"
                    f" {kept:>9.0f} events/s, {kept / parsed:.2f} of {parsed:.0f}"
                )


if __name__ == "__main__":
    main()
