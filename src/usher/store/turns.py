"""
In which order the works of one commit are done, so that no two processes wait for each other.

A commit keeps until its end whatever its works have locked. What several processes lock, each of them therefore locks
in one order: jobs, by authorization; then rows of the ledger; and last what the crew keeps, for which all beats queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from usher.store.database import Txn

T = TypeVar("T")


class Turn(IntEnum):
    """What a work locks first; lower ones come first."""

    JOBS = 0
    ROWS = 1
    CREW = 2


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """
    A work that says where among others it belongs; one that does not say so is at *Turn.ROWS*.

    Args:
        about: orders works of one turn; for jobs, their Lytics authorization, and a key where it is about one of them.
    """

    work: "Callable[[Txn], T]"
    turn: Turn
    about: str = ""

    def __call__(self, txn: "Txn") -> T:
        return self.work(txn)


def place_of(work: "Callable[[Txn], Any]") -> tuple[Turn, str]:
    """Return what to sort works by; those of one place stay as they came."""
    return (work.turn, work.about) if isinstance(work, Placed) else (Turn.ROWS, "")
