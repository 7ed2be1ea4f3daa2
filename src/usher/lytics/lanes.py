"""
A large audience is read in several lanes at once, so that it is not bound by the time one page takes.

Lytics keeps each profile in one of a hundred splits, and gives the pages of those that are asked for (confirmed:
facts/lytics.md A3). A lane is a tenth of them, with a cursor of its own. The next page of every lane makes one page of
the whole, whose cursor says where each lane goes on.
"""

from collections.abc import Iterator, Sequence

import msgspec

from usher.lytics.scan import Page

SPLITS = 100
LANES = 10
FROM_PEOPLE = 10_000  # a smaller audience is read within seconds in any case
MARK = "lanes:"


class Lane(msgspec.Struct, frozen=True, array_like=True):
    """One lane, and where it goes on; *cursor* is "" for its first page."""

    number: int
    cursor: str = ""

    @property
    def splits(self) -> str:
        """The splits it reads, as Lytics is asked for them."""
        return ",".join(map(str, range(self.number, SPLITS, LANES)))


class Round(msgspec.Struct, frozen=True, array_like=True):
    """
    The lanes that have not ended; a round reads the next page of each.

    Args:
        is_end_sure: Lytics said in so many words that the lanes before these had ended.
    """

    lanes: tuple[Lane, ...]
    is_end_sure: bool = True

    @property
    def cursor(self) -> str:
        return MARK + msgspec.json.encode(self).decode()

    @property
    def is_first(self) -> bool:
        return not any(lane.cursor for lane in self.lanes)


def round_at(cursor: str, *, expected: int | None) -> Round | None:
    """
    Return what is read next, or None where the audience is read in one piece.

    Args:
        cursor: of the page before; "" at the beginning.
        expected: how many people the audience has, where that is known.
    """
    if cursor.startswith(MARK):
        return msgspec.json.decode(cursor.removeprefix(MARK), type=Round)
    if cursor or (expected or 0) < FROM_PEOPLE:
        return None
    return Round(tuple(Lane(number) for number in range(LANES)))


def do_overlap(pages: Sequence[Page]) -> bool:
    """
    Return whether the first pages of different lanes name a profile twice: then Lytics passed over the splits.

    Inferred: how it answers where it does not take them is unknown.
    """
    named = [{repr(sorted(profile.items())) for profile in page.profiles} for page in pages]
    return len(set().union(*named)) < sum(map(len, named))


def joined(read: Round, pages: Sequence[Page]) -> Page:
    """Return the pages of one round as one; where a lane was sent to where it is, its cursor is that of the round."""
    is_end_sure = read.is_end_sure and all(page.next_cursor or page.has_end_marker for page in pages)
    following = Round(tuple(_following(read, pages)), is_end_sure)
    is_stuck = any(page.next_cursor and page.next_cursor == lane.cursor for lane, page in _each(read, pages))
    next_cursor = following.cursor if following.lanes else ""
    return Page(
        profiles=tuple(profile for page in pages for profile in page.profiles),
        next_cursor=read.cursor if is_stuck else next_cursor,
        total=_total(pages) if read.is_first else None,
        has_end_marker=not following.lanes and is_end_sure,
    )


def _following(read: Round, pages: Sequence[Page]) -> Iterator[Lane]:
    return (Lane(lane.number, page.next_cursor) for lane, page in _each(read, pages) if page.next_cursor)


def _each(read: Round, pages: Sequence[Page]) -> Iterator[tuple[Lane, Page]]:
    return zip(read.lanes, pages, strict=True)


def _total(pages: Sequence[Page]) -> int | None:
    """
    Return how many people the first page of every lane announces for the whole audience.

    Inferred: whether a page announces its splits' people or the whole audience's is unknown. Ten lanes never hold
    equally many, so that equal figures are the whole's.
    """
    totals = [page.total for page in pages if page.total is not None]
    if len(totals) < len(pages):
        return None
    return totals[0] if len(set(totals)) == 1 else sum(totals)
