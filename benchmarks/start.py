"""
Start: how long `usher --help` takes, and `usher serve` until it is ready, as processes that the system starts.

Yardsticks: Python that does nothing, and a service whose ledger is empty. Files are in the page cache.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import uvloop

from benchmarks.figures import Figure, Goal, against
from benchmarks.serving import serving
from benchmarks.size import Size
from benchmarks.stopwatch import apart
from benchmarks.trigger_house import house
from usher.cli.demo_processes import bare_environment
from usher.web.logging import configure_logging

STARTS = 20  # a turn's value is the median of so many
HELP_MS = Goal("value", "at most", 150, 150)
HELP = (str(Path(sys.executable).with_name("usher")), "--help")
NOTHING = (sys.executable, "-c", "")


async def measure(size: Size) -> AsyncIterator[Figure]:
    turns = [_help_and_nothing(size.pick(STARTS, 2)) for _ in range(size.runs)]
    helped, nothing = zip(*turns, strict=True)
    yield Figure("start", "Python that does nothing", "ms", nothing)
    yield Figure("start", "usher --help", "ms", helped, "Python that does nothing", against(helped, nothing), HELP_MS)
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as name:
        async for figure in _ready(Path(name), size.pick(1_000_000, 10_000), size.runs):
            yield figure


async def _ready(folder: Path, members: int, runs: int) -> AsyncIterator[Figure]:
    empty, full = folder / "empty", folder / "full"
    for place, count in ((empty, 0), (full, members)):
        (place / "data").mkdir(parents=True)
        await apart(_fill, place / "data", count)
    turns = [(await _serve_ms(empty), await _serve_ms(full)) for _ in range(runs)]
    without, with_members = zip(*turns, strict=True)
    yield Figure("start", "usher serve to ready, an empty ledger", "ms", without)
    ratios = against(with_members, without)
    yield Figure("start", f"usher serve to ready, {members:,} people", "ms", with_members, "an empty ledger", ratios)


def _help_and_nothing(starts: int) -> tuple[float, float]:
    """Return the medians of both, started in turns."""
    took = [(_run_ms(HELP), _run_ms(NOTHING)) for _ in range(starts)]
    return statistics.median(helped for helped, _ in took), statistics.median(nothing for _, nothing in took)


def _run_ms(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, env=bare_environment(), check=True)
    return (time.perf_counter() - began) * 1000


async def _serve_ms(folder: Path) -> float:
    async with serving(folder) as served:
        return served.ready_seconds * 1000


def _fill(data: Path, members: int) -> None:
    async def whole() -> None:
        async with house(data, members):
            pass

    configure_logging(is_quiet=True)
    uvloop.run(whole())
