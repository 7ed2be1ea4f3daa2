"""One measured figure: what every run found, beside a yardstick of the same run, and what it should be."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """
    What a figure should be.

    Args:
        of: whether its median "value" is meant, or the median "ratio" to its yardstick.
        direction: on which side of *good* and *best* it should lie.
        good: the least that is asked for.
        best: what to reach for; the same as *good* where only one figure is asked for.

    Raises:
        ValueError: *best* is not as far as *good*.
    """

    of: Literal["ratio", "value"]
    direction: Literal["at least", "at most"]
    good: float
    best: float

    def __post_init__(self) -> None:
        if not self._is_met(self.best, self.good):
            raise ValueError(f"To reach {self.best} would not be {self.direction} {self.good}; swap good and best.")

    def verdict(self, found: float) -> str:
        """Return "reached", "least" (good, but not the best) or "not reached"."""
        if self._is_met(found, self.best):
            return "reached"
        return "least" if self._is_met(found, self.good) else "not reached"

    def _is_met(self, found: float, asked: float) -> bool:
        return found >= asked if self.direction == "at least" else found <= asked


@dataclass(frozen=True, slots=True)
class Figure:
    """
    What one thing was measured at, once in every turn.

    Args:
        unit: what *runs* count ("people/s", "ms").
        runs: one value a turn; at least one.
        yardstick: what it is compared with, by name; None for nothing.
        ratios: for each turn its value over the yardstick's of that turn; empty without a yardstick.

    Raises:
        ValueError: there are no runs, or ratios do not fit runs and yardstick.
    """

    subject: str
    name: str
    unit: str
    runs: tuple[float, ...]
    yardstick: str | None = None
    ratios: tuple[float, ...] = ()
    goal: Goal | None = None

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError(f"{self.name} was never measured.")
        if len(self.ratios) != (len(self.runs) if self.yardstick else 0):
            raise ValueError(f"{self.name} has {len(self.ratios)} ratios for {len(self.runs)} runs.")
        if self.goal and self.goal.of == "ratio" and not self.ratios:
            raise ValueError(f"{self.name} should be a ratio to a yardstick, and has none.")

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def least(self) -> float:
        return min(self.runs)

    @property
    def most(self) -> float:
        return max(self.runs)

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def verdict(self) -> str | None:
        """Whether the median meets the goal; None without one."""
        if self.goal is None:
            return None
        found = self.median if self.goal.of == "value" else statistics.median(self.ratios)
        return self.goal.verdict(found)

    def to_json(self) -> dict[str, Any]:
        """Return every field, and what follows from them for those who only read."""
        return asdict(self) | {"median": self.median, "least": self.least, "most": self.most, "verdict": self.verdict}


def figure_of(told: Mapping[str, Any]) -> Figure:
    """Return the figure that *to_json* told."""
    goal = told["goal"]
    return Figure(
        subject=told["subject"],
        name=told["name"],
        unit=told["unit"],
        runs=tuple(told["runs"]),
        yardstick=told["yardstick"],
        ratios=tuple(told["ratios"]),
        goal=Goal(**goal) if goal else None,
    )


def against(runs: Sequence[float], yardstick: Sequence[float]) -> tuple[float, ...]:
    """Return for each turn its value over the yardstick's."""
    return tuple(ours / theirs for ours, theirs in zip(runs, yardstick, strict=True))
