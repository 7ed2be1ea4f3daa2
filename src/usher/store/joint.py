"""Works that can be done for several at once, which costs hardly more than for one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from usher.store.turns import Placed, place_of

if TYPE_CHECKING:
    from usher.store.database import Txn

Q = TypeVar("Q")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Joint(Generic[Q, T]):
    """
    A work that asks one *question*; those of one *doing* and one place that wait together are asked in one call.

    Args:
        doing: answers questions in their order, each as if it were asked alone after those before it.
    """

    doing: "Callable[[Txn, Sequence[Q]], list[T]]"
    question: Q

    def __call__(self, txn: "Txn") -> T:
        return self.doing(txn, [self.question])[0]


def do_all(txn: "Txn", works: "Iterable[Callable[[Txn], Any]]") -> list[Any]:
    """Do *works* in their order and return their results; joint ones that follow each other in one call."""
    results: list[Any] = []
    for _, together in groupby(works, key=_joined_by):
        first, *others = together
        joint = _joint_in(first)
        if joint is None or not others:
            results += [work(txn) for work in (first, *others)]
        else:
            results += joint.doing(txn, [joint.question, *(_question_of(work) for work in others)])
    return results


def _joined_by(work: "Callable[[Txn], Any]") -> tuple[Any, ...]:
    joint = _joint_in(work)
    return (None, None) if joint is None else (joint.doing, place_of(work))


def _joint_in(work: "Callable[[Txn], Any]") -> Joint[Any, Any] | None:
    inner = work.work if isinstance(work, Placed) else work
    return inner if isinstance(inner, Joint) else None


def _question_of(work: "Callable[[Txn], Any]") -> Any:
    joint = _joint_in(work)
    assert joint is not None
    return joint.question
