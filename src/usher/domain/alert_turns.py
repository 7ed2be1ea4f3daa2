"""
When a condition becomes an alert, and when an alert is over. Pure: one step for each look.

    (nothing) --there--> noted --there, long enough--> told --gone--> ending --gone, long enough--> (over)
                           |--gone--> (nothing)                          |--there--> told

Only told and over are heard of. So a condition that comes and goes faster than its patience is never heard of, and one
that comes back before it counted as gone is the same alert.
"""

from dataclasses import dataclass
from enum import Enum, auto

from usher.domain.alert import Patience

MS = 1000


class Step(Enum):
    """What one look changes about one slot."""

    NOTHING = auto()
    NOTE = auto()  # it is there for the first time
    TELL = auto()  # it has been there for long enough
    FORGET = auto()  # it was gone before anybody was told
    NOTE_GONE = auto()
    NOTE_BACK = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Track:
    """
    What was known of a slot before the look.

    Args:
        began_ms: when it was first there.
        told_ms: when it became an alert; None where it has not.
        gone_ms: since when it has been gone; None while it is there.
    """

    began_ms: int
    told_ms: int | None = None
    gone_ms: int | None = None


def step(known: Track | None, *, is_there: bool, now_ms: int, patience: Patience) -> Step:
    """
    Return what a look at *now_ms* changes.

    A clock that was set back makes nothing happen sooner; what it puts into the future counts from this look on.
    """
    if known is None:
        return _first(patience) if is_there else Step.NOTHING
    if known.told_ms is None:
        return _noted(known, is_there=is_there, now_ms=now_ms, patience=patience)
    if is_there:
        return Step.NOTHING if known.gone_ms is None else Step.NOTE_BACK
    if known.gone_ms is None or known.gone_ms > now_ms:
        return Step.NOTE_GONE if patience.ends_after > 0 else Step.END
    return Step.END if now_ms - known.gone_ms >= patience.ends_after * MS else Step.NOTHING


def _first(patience: Patience) -> Step:
    return Step.NOTE if patience.begins_after > 0 else Step.TELL


def _noted(known: Track, *, is_there: bool, now_ms: int, patience: Patience) -> Step:
    if not is_there or known.began_ms > now_ms:
        return Step.FORGET
    return Step.TELL if now_ms - known.began_ms >= patience.begins_after * MS else Step.NOTHING
