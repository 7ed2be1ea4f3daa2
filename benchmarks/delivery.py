"""
Delivery: people owed in a ledger, told to a sink that answers at once, and to one that takes 50 ms.

In every turn each contender runs once, after one another: Usher on each database, and what it is compared with. Those
that send one request at a time are given fewer people, since their rate does not depend on how many there are.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks import delivering, yardsticks
from benchmarks.figures import Figure, Goal, against
from benchmarks.ledger import server
from benchmarks.owed import IN_FLIGHT
from benchmarks.size import Size
from benchmarks.stopwatch import Measured
from tests.postgres import PostgresServer

LATENCIES_MS = (0, 50)
MOST_ONE_BY_ONE = {0: 10_000, 50: 200}  # people
SQLITE, POSTGRES, TWO_WORKERS = "Usher on SQLite", "Usher on PostgreSQL", "two Usher workers on PostgreSQL"
BARE, AIOHTTP, REQUESTS, DLT, WRK = "the bare client loop", "an aiohttp script", "a requests loop", "dlt", "wrk"
LIMIT = f"what {IN_FLIGHT} in flight allow"


def at_least(good: float, best: float | None = None) -> Goal:
    return Goal("ratio", "at least", good, good if best is None else best)


COMPARED: Mapping[int, Mapping[tuple[str, str], Goal | None]] = {
    0: {
        (SQLITE, BARE): at_least(0.6, 0.8),
        (SQLITE, AIOHTTP): at_least(2),
        (SQLITE, REQUESTS): at_least(12),
        (SQLITE, DLT): at_least(15),
        (SQLITE, WRK): None,
        (POSTGRES, BARE): None,
        (BARE, WRK): None,
    },
    50: {
        (SQLITE, LIMIT): at_least(0.95),
        (SQLITE, AIOHTTP): None,
        (SQLITE, REQUESTS): None,
        (SQLITE, DLT): None,
        (POSTGRES, LIMIT): None,
        (TWO_WORKERS, POSTGRES): at_least(1.8),
        (BARE, LIMIT): None,
    },
}


@dataclass(frozen=True, slots=True)
class Contender:
    """Tells so many people to the sink at an address."""

    name: str
    tell: Callable[[str, int], Awaitable[Measured]]
    is_one_by_one: bool = False


async def measure(size: Size) -> AsyncIterator[Figure]:
    people = size.pick(100_000, 5_000)
    with server() as postgres:
        for latency_ms in LATENCIES_MS:
            found: dict[str, list[Measured]] = {one.name: [] for one in contenders(postgres, latency_ms)}
            with sink(latency_ms / 1000) as url:
                for _ in range(size.runs):
                    for one in contenders(postgres, latency_ms):
                        most = MOST_ONE_BY_ONE[latency_ms] if one.is_one_by_one else people
                        found[one.name].append(await one.tell(url, min(people, most)))
            for figure in figures(found, latency_ms):
                yield figure


def contenders(postgres: PostgresServer, latency_ms: int) -> Iterator[Contender]:
    """Yield whoever can be measured here, in the order of a turn."""
    yield Contender(BARE, yardsticks.bare_loop)
    yield Contender(SQLITE, delivering.on_sqlite)
    yield Contender(POSTGRES, partial(delivering.on_postgres, postgres=postgres))
    if latency_ms:
        yield Contender(TWO_WORKERS, partial(delivering.on_postgres, postgres=postgres, workers=2))
    yield Contender(AIOHTTP, yardsticks.aiohttp_script)
    yield Contender(REQUESTS, yardsticks.requests_loop, is_one_by_one=True)
    if yardsticks.has_dlt():
        yield Contender(DLT, yardsticks.dlt_pipeline, is_one_by_one=True)
    if yardsticks.has_wrk() and not latency_ms:
        yield Contender(WRK, yardsticks.wrk)


def figures(found: Mapping[str, Sequence[Measured]], latency_ms: int) -> Iterator[Figure]:
    """Yield each contender's rate, alone and beside what it is compared with, and its processor time."""
    when = f"answers after {latency_ms} ms" if latency_ms else "answers at once"
    rates = {name: tuple(run.per_second for run in runs) for name, runs in found.items()}
    cpu = {name: tuple(run.cpu_micros for run in runs) for name, runs in found.items()}
    compared = rates | ({LIMIT: _limit(latency_ms, len(rates[BARE]))} if latency_ms else {})
    for name, runs in rates.items():
        yield Figure("delivery", f"{when}: {name}", "people/s", runs)
    for (ours, yardstick), goal in COMPARED[latency_ms].items():
        if ours in rates and yardstick in compared:
            ratios = against(rates[ours], compared[yardstick])
            yield Figure("delivery", f"{when}: {ours}", "people/s", rates[ours], yardstick, ratios, goal)
    for name, runs in cpu.items():
        is_ours = name in {SQLITE, POSTGRES, TWO_WORKERS}
        yardstick_of = (BARE, against(runs, cpu[BARE])) if is_ours else (None, ())
        yield Figure("delivery", f"{when}: processor, {name}", "µs/person", runs, *yardstick_of)


def _limit(latency_ms: int, runs: int) -> tuple[float, ...]:
    return (IN_FLIGHT / latency_ms * 1000,) * runs


@contextmanager
def sink(latency_seconds: float) -> Iterator[str]:
    """Run a sink; yield its address."""
    command = [sys.executable, "-m", "benchmarks.sink", str(latency_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()
