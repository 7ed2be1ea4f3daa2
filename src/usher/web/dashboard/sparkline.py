"""A day of changes as two small lines, and the same in words for whoever does not see them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from usher.web.dashboard.words import number, people

WIDTH, TOP, BOTTOM = 120, 2, 26  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Sparkline:
    """
    What the template draws.

    Args:
        entered, exited: points of a polyline; "" where nobody changed, which the base line shows well enough.
        words: the figures, for a screen reader and on hover.
    """

    entered: str
    exited: str
    words: str


def sparkline(hours: Sequence[tuple[int, int]]) -> Sparkline:
    """
    Return *hours* drawn; both lines have one scale, so that they can be compared.

    Args:
        hours: (entered, exited) of each hour, oldest first.
    """
    entered, exited = [hour[0] for hour in hours], [hour[1] for hour in hours]
    most = max((*entered, *exited), default=0)
    if not most:
        return Sparkline("", "", f"Nobody entered or left within {len(hours)} hours.")
    return Sparkline(_points(entered, most=most), _points(exited, most=most), _words(entered, exited))


def _points(values: Sequence[int], *, most: int) -> str:
    step = WIDTH / max(1, len(values) - 1)
    return " ".join(
        f"{round(at * step)},{BOTTOM - (BOTTOM - TOP) * value / most:.1f}".removesuffix(".0")
        for at, value in enumerate(values)
    )


def _words(entered: Sequence[int], exited: Sequence[int]) -> str:
    both = [came + left for came, left in zip(entered, exited, strict=True)]
    busiest = max(both)
    hours_ago = len(both) - 1 - max(at for at, count in enumerate(both) if count == busiest)
    when = "this hour" if hours_ago == 0 else f"{hours_ago} h ago"
    return (
        f"Within {len(both)} hours {people(sum(entered))} entered and {number(sum(exited))} left;"
        f" most in one hour: {number(busiest)}, {when}."
    )
