"""A machine and figures that nobody measured."""

from benchmarks.figures import Figure, Goal
from benchmarks.machine import Machine

MACHINE = Machine("A processor", 2, 24, "3.11.7", "6.1", "3.40.1", "0123abcd", "2026-01-31")


def figure(name: str = "usher --help", **changed: object) -> Figure:
    told = {"subject": "start", "name": name, "unit": "ms", "runs": (120.0, 100.0, 400.0)} | changed
    return Figure(**told)


def rated(*ratios: float, goal: Goal | None = None, **changed: object) -> Figure:
    """A figure that was so many times its yardstick, which is always 10."""
    runs = tuple(10 * ratio for ratio in ratios)
    return figure(runs=runs, yardstick="a script", ratios=ratios, goal=goal, **changed)
