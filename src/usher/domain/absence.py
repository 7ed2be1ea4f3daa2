"""
Whether a finished scan may be believed about who is missing from it.

Absence is never guessed: every doubt has a name, and one is enough to say nothing about who left.
"""

from dataclasses import dataclass
from enum import StrEnum

LEAST_SHARE_SEEN = 0.98
MOST_SHARE_UNNAMED = 0.02  # more than before; where many lose their identifier at once, the field has changed
MOST_TIMES_EXPECTED_PAGES = 2
SPARE_PAGES = 20  # small audiences grow by whole pages


class Doubt(StrEnum):
    """Why a scan says nothing about who left."""

    EMPTY = "empty"
    NO_END = "no_end_marker"
    SHORT = "fewer_than_announced"
    REDEFINED = "audience_redefined"
    UNDEFINED = "definition_not_given"
    GONE = "audience_gone"
    CURSOR_EXPIRED = "cursor_expired"
    CURSOR_REPEATED = "cursor_repeated"
    ENDLESS = "too_many_pages"
    UNNAMED = "identifiers_missing"
    CLOCK = "clock_set"


@dataclass(frozen=True, slots=True)
class ScanEnd:
    """
    How a scan ended.

    Args:
        profiles: how many profiles its pages held.
        announced: the total that Lytics announced, or None where it announced none.
        has_end_marker: the last page said that it was the last.
        definition_before, definition_after: what the audience's definition hashed to, around the
            scan; blank where Lytics did not say.
        is_gone: the audience was deleted or invalid afterwards.
        unnamed: how many profiles had no identifier.
        share_unnamed_before: the share (0..1) of such profiles in the scan before, or None where there was none.
        is_clock_wrong: our clock was set since the scan began, or differs from Lytics' by now.
    """

    profiles: int
    announced: int | None
    has_end_marker: bool
    definition_before: str
    definition_after: str
    is_gone: bool
    unnamed: int = 0
    share_unnamed_before: float | None = None
    is_clock_wrong: bool = False


def doubt_about_absence(end: ScanEnd) -> Doubt | None:
    """Return why *end* cannot say who left (the first that holds of several), or None where it can."""
    doubts = (
        (Doubt.GONE, end.is_gone),
        (Doubt.CLOCK, end.is_clock_wrong),
        (Doubt.UNDEFINED, not (end.definition_before and end.definition_after)),
        (Doubt.REDEFINED, end.definition_before != end.definition_after),
        (Doubt.NO_END, not end.has_end_marker),
        (Doubt.EMPTY, end.profiles == 0),
        (Doubt.UNNAMED, end.unnamed > (MOST_SHARE_UNNAMED + (end.share_unnamed_before or 0.0)) * end.profiles),
        (Doubt.SHORT, end.announced is not None and end.profiles < LEAST_SHARE_SEEN * end.announced),
    )
    return next((doubt for doubt, holds in doubts if holds), None)


def is_endless(pages: int, *, announced: int | None, page_size: int) -> bool:
    """Return whether a scan has read so many pages that its cursor must be going in circles."""
    if announced is None:
        return False
    return pages > MOST_TIMES_EXPECTED_PAGES * (announced / page_size) + SPARE_PAGES
