"""Run every measurement, or those that are named: a table for people, one JSON line a figure for programs."""

import argparse
import asyncio
import os
import platform
import sqlite3
from collections.abc import Awaitable, Callable

import uvloop

from benchmarks import postgres
from benchmarks.delivery import Measured, bare, engine, sink
from benchmarks.table import heading, show

Subject = Callable[[str, int], Awaitable[Measured]]
SUBJECTS = ("delivery", "postgres")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; without any, all")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    subjects = options.subjects or SUBJECTS
    if unknown := set(subjects) - set(SUBJECTS):
        parser.error(f"there is no {', '.join(unknown)}")
    print(f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()},"
          f" SQLite {sqlite3.sqlite_version}; {options.repeats} repeats of {options.people:,} people")  # fmt: skip
    if "delivery" in subjects:
        heading("people/s")
        for latency_ms in (0, 50):
            with sink(latency_ms / 1000) as url:
                compare(f"delivery, sink answers in {latency_ms} ms", url, options.people, options.repeats)
    if "postgres" in subjects:
        uvloop.run(postgres.measure(options.people, options.repeats))


def compare(name: str, url: str, people: int, repeats: int) -> None:
    """Measure the bare loop and the engine in turns, so that a change of the machine's mood hits both."""
    runs: list[tuple[Measured, Measured]] = [
        (uvloop.run(as_coroutine(bare, url, people)), uvloop.run(as_coroutine(engine, url, people)))
        for _ in range(repeats)
    ]
    ratios = [ours.per_second / yardstick.per_second for yardstick, ours in runs]
    show(f"{name}: bare loop", [yardstick for yardstick, _ in runs], [1.0])
    show(f"{name}: engine", [ours for _, ours in runs], ratios)


async def as_coroutine(subject: Subject, url: str, people: int) -> Measured:
    return await subject(url, people)


if __name__ == "__main__":
    asyncio.set_event_loop(None)
    main()
