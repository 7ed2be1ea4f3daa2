"""How figures are shown while they are taken: a line of a table for people, a line of JSON for programs."""

import json
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal

NAME, RUNS, RATIO = 70, 36, 8


def heading() -> str:
    return f"{'':{NAME}}{'median (least–most)':>{RUNS}}{'ratio':>{RATIO}}  to; goal"


def lines(figure: Figure) -> Iterator[str]:
    """Yield the two lines of *figure*."""
    spread = f"{number(figure.median)} ({number(figure.least)}–{number(figure.most)}) {figure.unit}"
    ratio = "" if figure.ratio is None else number(figure.ratio)
    said = "; ".join(part for part in (figure.yardstick, goal_in_words(figure)) if part)
    yield f"{figure.name:{NAME}}{spread:>{RUNS}}{ratio:>{RATIO}}  {said}".rstrip()
    yield json.dumps(figure.to_json(), ensure_ascii=False)


def goal_in_words(figure: Figure) -> str:
    """Return the goal and whether it is met ("at least 0.6, then 0.8: least"); "" without one."""
    return f"{asked(figure.goal)}: {figure.verdict}" if figure.goal else ""


def asked(goal: Goal) -> str:
    further = "" if goal.best == goal.good else f", then {number(goal.best)}"
    return f"{goal.direction} {number(goal.good)}{further}"


def number(value: float) -> str:
    """Return *value* with three digits that count, and no fewer than its whole ones."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.{2 if abs(value) < 10 else 1}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
