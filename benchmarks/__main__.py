"""Run every measurement: a table for people, one JSON line a figure for programs."""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Awaitable, Callable

import uvloop

from benchmarks.delivery import Measured, bare, engine, sink

Subject = Callable[[str, int], Awaitable[Measured]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()},"
          f" SQLite {sqlite3.sqlite_version}; {options.repeats} repeats of {options.people:,} people")  # fmt: skip
    print(f"{'':34}{'people/s: median (least–most)':>34}{'CPU µs/person':>16}{'of yardstick':>14}")
    for latency_ms in (0, 50):
        with sink(latency_ms / 1000) as url:
            compare(f"delivery, sink answers in {latency_ms} ms", url, options.people, options.repeats)


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


def show(name: str, measured: list[Measured], ratios: list[float]) -> None:
    rates = sorted(m.per_second for m in measured)
    median, cpu, ratio = (
        statistics.median(rates),
        statistics.median(m.cpu_micros for m in measured),
        statistics.median(ratios),
    )
    print(f"{name:44}{median:>10,.0f} ({rates[0]:,.0f}–{rates[-1]:,.0f}){cpu:>12.0f}{ratio:>14.2f}")
    print(json.dumps({"name": name, "per_second": rates, "cpu_micros": cpu, "of_yardstick": ratios}))


if __name__ == "__main__":
    asyncio.set_event_loop(None)
    main()
