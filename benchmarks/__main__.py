"""
Run every measurement, or those that are named: a table for people, one JSON line a figure for programs.

A full run is kept in docs/performance.json, each subject in the place of its last run; a quick one never is.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from benchmarks import dashboard, delivery, idle, postgres, start, triggers
from benchmarks.figures import Figure
from benchmarks.kept import KEPT, keep
from benchmarks.machine import this_machine
from benchmarks.size import Size, Subject
from benchmarks.table import heading, lines

SUBJECTS: Mapping[str, Subject] = {
    "delivery": delivery.measure,
    "postgres": postgres.measure,
    "triggers": triggers.measure,
    "dashboard": dashboard.measure,
    "start": start.measure,
    "idle": idle.measure,
}
FULL_RUNS, QUICK_RUNS = 3, 1


def main(arguments: Sequence[str], subjects: Mapping[str, Subject] = SUBJECTS, path: Path = KEPT) -> None:
    options = _parser(subjects).parse_args(arguments)
    size = Size(options.quick, options.runs or (QUICK_RUNS if options.quick else FULL_RUNS))
    machine = this_machine()
    print(f"{machine}; {size.runs} runs{', quick: these figures say nothing' if size.is_quick else ''}")
    for name in options.subjects or subjects:
        print(f"\n{name}\n{heading()}")
        figures = uvloop.run(_measured(subjects[name], size))
        if not size.is_quick:
            keep(name, machine, figures, path)


def _parser(subjects: Mapping[str, Subject]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    named = f"of {', '.join(subjects)}; without any, all"
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=named, type=_one_of(subjects))
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works; nothing is kept")
    parser.add_argument("--runs", type=_at_least_one, help=f"turns; {FULL_RUNS}, or {QUICK_RUNS} when quick")
    return parser


class _one_of:  # noqa: N801 - reads as a function where it is used
    def __init__(self, subjects: Mapping[str, Subject]) -> None:
        self._subjects = subjects

    def __call__(self, name: str) -> str:
        if name not in self._subjects:
            raise argparse.ArgumentTypeError(f"there is no {name}; there are {', '.join(self._subjects)}")
        return name


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count of turns; at least 1")
    return int(text)


async def _measured(subject: Subject, size: Size) -> list[Figure]:
    """Show every figure as it is taken; return them all."""
    figures: list[Figure] = []
    async for figure in subject(size):
        figures.append(figure)
        print(*lines(figure), sep="\n", flush=True)
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
