"""Pages of what is numbered, newest first: the cursor of the next page is the number of the last thing shown."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from usher.errors import InvalidInput, Problem

T = TypeVar("T")
MOST_DIGITS = 18  # of a number that every database can hold


def number_in(cursor: str | None) -> int | None:
    """
    Return the number that the page begins below; None for the first page.

    Raises:
        InvalidInput: *cursor* is none of ours; begin with the first page.
    """
    if not cursor:
        return None
    if not is_number(cursor):
        raise InvalidInput(Problem("cursor", "is not one of ours.", "Begin with the first page."))
    return int(cursor)


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def paged(found: Sequence[T], *, size: int, number: Callable[[T], int]) -> tuple[list[T], str | None]:
    """
    Return one page of *found*, and the cursor of the next (None: this is the last).

    Args:
        found: one more than *size*, where there are that many.
    """
    page = list(found[:size])
    return page, str(number(page[-1])) if len(found) > size else None
