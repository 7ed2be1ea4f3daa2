"""
What one page of an audience's scan says: who is inside, where the next page is, whether this was the last.

    {"status": 200, "message": "success", "total": 3, "_next": "c2Nhbi0wMDI",
     "data": [{"_id": "a1", "email": "ana@example.org"}, {"_id": "a2", "email": "bo@example.org"}]}

A page that cannot be read is an error, never an empty page: absence is never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.domain.identifier import members_of
from usher.domain.observation import Observation, Source
from usher.errors import RemoteMissing, RemoteRejected
from usher.lytics.audiences import count_or_none
from usher.lytics.wire import SYSTEM

PAGE_SIZE = 100  # the most that Lytics gives (facts/lytics.md A3)
PAGE_BYTES = 16 * 1024 * 1024  # a profile may have 1 MB, but only one field of each is asked for
NEXT_KEYS = ("_next", "next")


class CursorExpired(RemoteRejected):
    """Lytics no longer knows this place in the scan; start a new scan from the first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    One page of a scan.

    Args:
        profiles: the people on it, at most PAGE_SIZE, each with the field that was asked for; never log them.
        next_cursor: asks for the page after it; "" where there is none.
        total: how many people Lytics announces for the whole scan, or None where it does not say.
        has_end_marker: Lytics said in so many words that no page follows.
    """

    profiles: tuple[dict[str, Any], ...] = field(repr=False)
    next_cursor: str
    total: int | None
    has_end_marker: bool


@dataclass(frozen=True, slots=True)
class PageSightings:
    """The members seen on a page, and how many of its profiles have no identifier."""

    observations: tuple[Observation, ...]
    without_identifier: int


def page_from(envelope: Mapping[str, Any]) -> Page:
    """
    Return the page in Lytics' answer.

    The end is a next cursor that is there and empty. Its name is "_next" in Lytics' recorded answers
    and "next" in its guide, so both are read (facts/lytics.md A3: the sources disagree).

    Raises:
        RemoteRejected: it holds no list of profiles, or a cursor that is no printable text.
    """
    profiles = envelope.get("data")
    if not isinstance(profiles, list) or not all(isinstance(profile, dict) for profile in profiles):
        raise RemoteRejected("Lytics' scan page holds no list of profiles.", system=SYSTEM)
    cursors = [envelope[key] or "" for key in NEXT_KEYS if key in envelope]
    if not all(isinstance(cursor, str) and cursor.isprintable() for cursor in cursors):
        raise RemoteRejected("Lytics' scan page names the next page in an unknown way.", system=SYSTEM)
    next_cursor = next(filter(None, cursors), "")
    return Page(
        profiles=tuple(profiles),
        next_cursor=next_cursor,
        total=count_or_none(envelope.get("total")),
        has_end_marker=bool(cursors) and not next_cursor,
    )


def observations_of_page(
    page: Page, *, field: str, version: int, source: Source, lowercase: bool = False
) -> PageSightings:
    """
    Return everybody on *page* as inside, as of *version*; several identifiers give several members.

    Args:
        lowercase: members are named in lower case.
    """
    observations: list[Observation] = []
    without_identifier = 0
    for profile in page.profiles:
        members = members_of(profile.get(field), lowercase=lowercase)
        observations += [Observation(member, is_in=True, version=version, source=source) for member in members]
        without_identifier += not members
    return PageSightings(tuple(observations), without_identifier)


def is_expired_cursor(error: RemoteRejected | RemoteMissing, *, cursor: str) -> bool:
    """
    Return whether *error*, in answer to *cursor*, means that the cursor is too old.

    Inferred: Lytics says only that a cursor "must be recent" (facts/lytics.md A3), not how it refuses one.
    A 404 may as well mean that the audience is gone, so it must speak of the cursor itself.
    Taking something else for an expired cursor costs one more scan, which then fails by its own name.
    """
    if not cursor:
        return False
    if isinstance(error, RemoteMissing):
        return any(word in error.message.lower() for word in ("cursor", "token", "expired"))
    return error.status in {400, 410}
