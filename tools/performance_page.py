"""
Writes docs/performance.md from docs/performance.json, which `make bench` leaves: `python -m tools.performance_page`.

With `--check` it writes nothing and fails where the page is not what the figures say.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.kept import KEPT, Run, read_kept
from benchmarks.table import asked, number
from tools.markdown import code, table

PAGE = KEPT.with_suffix(".md")
WRITTEN = "<!-- Written by `python -m tools.performance_page` from docs/performance.json; run `make bench` instead. -->"
OPENING = (
    "What Usher does in a second, beside what the machine could do and what a user could run instead."
    " Wall clocks move with the machine and its other work, so the ratios are what counts: each is to a yardstick"
    " that was measured in the same turn. Figures are medians of all turns, with the least and the most beside them."
)
GOALS_MEAN = (
    "A goal is *reached* where the median is as far as was hoped for, *least* where it is only as far as was"
    " asked for, and *not reached* otherwise."
)
NOT_YET = "Not yet measured"
SUBJECTS: Mapping[str, tuple[str, str]] = {
    "delivery": ("Delivery", "People owed in a ledger are told to a sink, each in a signed request of their own."),
    "postgres": ("PostgreSQL under the ledger", "What the ledger's own statements cost; the server is on the machine."),
    "triggers": ("Triggers", "Events over HTTP, each on disk before it is answered."),
    "dashboard": ("Dashboard", "Server time and compressed bytes of every page, with 50 jobs."),
    "start": ("Start", "Processes as the system starts them, their files in memory."),
    "idle": ("Idle", "A service whose jobs run and have nothing to do."),
}
Runs = Mapping[str, Run]


def main(arguments: Sequence[str], figures: Path = KEPT, page: Path = PAGE) -> int:
    """Write the page, or check it; return the exit code."""
    text = performance_page(read_kept(figures))
    match list(arguments):
        case []:
            page.write_text(text, encoding="utf-8")
            return 0
        case ["--check"]:
            return _checked(text, figures, page)
    sys.stderr.write("Usage: python -m tools.performance_page [--check]\n")
    return 2


def performance_page(runs: Runs) -> str:
    """Return the page for the last run of each subject."""
    blocks = ["# Performance", WRITTEN, OPENING, "## Goals", _goals(runs)]
    for subject, (title, words) in SUBJECTS.items():
        blocks += [f"## {title}", words, *_measured(subject, runs.get(subject))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _checked(text: str, figures: Path, page: Path) -> int:
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{page} is not what {figures.name} says. Run `python -m tools.performance_page`.\n")
    return 1


def _goals(runs: Runs) -> str:
    measured = [figure for subject in SUBJECTS if subject in runs for figure in runs[subject].figures]
    rows = [_goal(figure) for figure in measured if figure.goal]
    if not rows:
        return f"{NOT_YET}."
    return f"{GOALS_MEAN}\n\n{table(['what', 'goal', 'found', ''], rows)}"


def _goal(figure: Figure) -> list[str]:
    assert figure.goal is not None
    what = f"{SUBJECTS[figure.subject][0]}: {figure.name}"
    if figure.goal.of == "value":
        found = f"{number(figure.median)} {figure.unit}"
        return [what, f"{asked(figure.goal)} {figure.unit}", found, f"**{figure.verdict}**"]
    return [what, f"{asked(figure.goal)} times {figure.yardstick}", _ratio(figure), f"**{figure.verdict}**"]


def _measured(subject: str, run: Run | None) -> Iterator[str]:
    if run is None:
        yield f"{NOT_YET}: {code(f'python -m benchmarks {subject}')}."
        return
    yield f"Measured on {run.machine}."
    yield from _charts(run.figures)
    rows = ([figure.name, _spread(figure), _ratio(figure), figure.yardstick or ""] for figure in run.figures)
    yield table(["what", "median (least–most)", "ratio", "to"], rows)


def _spread(figure: Figure) -> str:
    return f"{number(figure.median)} ({number(figure.least)}–{number(figure.most)}) {figure.unit}"


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else number(figure.ratio)


def _charts(figures: Sequence[Figure]) -> Iterator[str]:
    at_once = {
        figure.name.partition(": ")[2]: figure.median
        for figure in figures
        if figure.unit == "people/s" and figure.yardstick is None and figure.name.startswith("answers at once")
    }
    taken_in = {figure.name: figure.median for figure in figures if figure.unit == "events/s"}
    for title, unit, bars in (
        ("People told in a second, where the sink answers at once", "people/s", at_once),
        ("Events taken in durably in a second", "events/s", taken_in),
    ):
        if bars:
            yield _chart(title, unit, bars)


def _chart(title: str, unit: str, bars: Mapping[str, float]) -> str:
    names = ", ".join(f'"{name}"' for name in bars)
    values = ", ".join(f"{value:.0f}" for value in bars.values())
    lines = ["xychart-beta horizontal", f'    title "{title}"', f"    x-axis [{names}]"]
    return "\n".join(["```mermaid", *lines, f'    y-axis "{unit}"', f"    bar [{values}]", "```"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
