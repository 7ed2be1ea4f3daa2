"""How much a subject measures, and what one is."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from benchmarks.figures import Figure


@dataclass(frozen=True, slots=True)
class Size:
    """
    How much to measure.

    Args:
        is_quick: as little as shows that everything works; its figures say nothing.
        runs: how many turns everything is measured in; at least 1.
    """

    is_quick: bool
    runs: int

    def pick(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full


Subject = Callable[[Size], AsyncIterator[Figure]]
