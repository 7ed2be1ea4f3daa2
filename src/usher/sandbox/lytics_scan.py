"""
Paging through the members of an audience, with everything that Lytics leaves open made into a switch.

Source: Lytics' V1 segment API and Go client (confirmed). How long a page token lives, and the words for one
that does not, are unknown.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from usher.clock import Clock
from usher.sandbox.audiences import Audience, Audiences
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.lytics_audiences import wanted_audience
from usher.sandbox.lytics_door import REDACTED, Found, LyticsDoor, RefusalError
from usher.sandbox.people import PII_FIELDS, Person

MOST_ROWS = 100  # confirmed
SPLITS = 100  # confirmed
USUAL_ROWS = 20  # the guide's figure; the reference says 10


class ScanQuirks(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    How a scan may misbehave.

    Args:
        next_key: "_next" (the Go client's) or "next" (the guide's).
        token_seconds: age at which a page token expires; None means never.
        end_after_rows: end as if complete once so many rows were given.
        omit_end_marker: the last page has no next key at all.
        total: announce this instead of the true number.
        repeat_last_row: each page begins with the last row of the one before.
        ignore_splits: everybody is shown, whichever splits were asked for.
        count_splits: announce how many people the splits asked for hold, not the whole audience.
    """

    next_key: str = "_next"
    token_seconds: float | None = None
    end_after_rows: int | None = None
    omit_end_marker: bool = False
    total: int | None = None
    repeat_last_row: bool = False
    ignore_splits: bool = False
    count_splits: bool = False


class _Cursor(msgspec.Struct, array_like=True):
    audience_id: str
    after: int
    given: int
    made: float


@dataclass(slots=True)
class LyticsScan:
    """Weakly consistent, as a true scan must be taken to be: pages see changes made meanwhile."""

    audiences: Audiences
    door: LyticsDoor
    clock: Clock
    quirks: ScanQuirks = field(default_factory=ScanQuirks)
    oldest_token: float = float("-inf")

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below /lytics, place, handler)."""
        scan = self.door.v1(self.scan, right="audiences")
        return [
            ("GET", "/api/segment/scan", "lytics.scan", scan),
            ("GET", "/api/segment/{ident}/scan", "lytics.scan", scan),
        ]

    def expire_tokens(self) -> None:
        """No page token given out until now goes on being good."""
        self.oldest_token = self.clock.monotonic()

    async def scan(self, call: Call) -> Found:
        query = call.query
        audience = wanted_audience(self.audiences, call.params.get("ident") or query.get("id", ""))
        if audience.is_invalid:
            raise RefusalError(400, "BADREQ-001", "segment is invalid")
        cursor = self._cursor(query.get("start", ""), audience)
        splits = frozenset() if self.quirks.ignore_splits else _splits(query.get("splits", ""))
        rows, following = self._page(audience, cursor, _limit(query.get("limit", "")), splits)
        fields = [name for name in query.get("fields", "").split(",") if name]
        data = [self._row(index, fields, call) for index in rows]
        counted = _of_splits(audience, -1, splits) if splits and self.quirks.count_splits else None
        size = audience.size if counted is None else sum(1 for _ in counted)
        total = size if self.quirks.total is None else self.quirks.total
        return Found(data, extra={"total": total} | self._marker(following))

    def _page(
        self, audience: Audience, cursor: _Cursor, limit: int, splits: frozenset[int]
    ) -> tuple[list[int], _Cursor | None]:
        rows: list[int] = []
        if self.quirks.repeat_last_row and cursor.after >= 0:
            rows.append(cursor.after)
        end = self.quirks.end_after_rows
        room = limit if end is None else min(limit, end - cursor.given)
        indexes = _of_splits(audience, cursor.after, splits)
        rows += [index for index, _ in zip(indexes, range(max(1, room - len(rows))), strict=False)]
        given = cursor.given + len(rows)
        is_over = not rows or next(_of_splits(audience, rows[-1], splits), None) is None or given == end
        following = None if is_over else _Cursor(audience.id, rows[-1], given, self.clock.monotonic())
        return rows, following

    def _marker(self, following: _Cursor | None) -> dict[str, str]:
        if following is not None:
            token = base64.urlsafe_b64encode(msgspec.json.encode(following)).decode().rstrip("=")
            return {self.quirks.next_key: token}
        return {} if self.quirks.omit_end_marker else {self.quirks.next_key: ""}

    def _cursor(self, token: str, audience: Audience) -> _Cursor:
        if not token:
            return _Cursor(audience.id, -1, 0, self.clock.monotonic())
        cursor = _decoded(token)
        if cursor is None or cursor.audience_id != audience.id:
            raise RefusalError(400, "BADREQ-001", "start token is not valid")
        life = self.quirks.token_seconds
        is_old = life is not None and self.clock.monotonic() - cursor.made > life
        if is_old or cursor.made <= self.oldest_token:
            raise RefusalError(400, "BADREQ-001", "start token has expired")
        return cursor

    def _row(self, index: int, fields: list[str], call: Call) -> dict[str, Any]:
        row = profile(self.audiences, self.audiences.people[index])
        if fields:
            row = {name: value for name, value in row.items() if name in fields or name == "_id"}
        if self.door.may_see_people(call):
            return row
        return {name: REDACTED if name in PII_FIELDS else value for name, value in row.items()}


def profile(audiences: Audiences, person: Person) -> dict[str, Any]:
    """A profile's flat map, with the slugs of its audiences."""
    return person.fields() | {"segments": [audience.slug for audience in audiences.holding(person.index)]}


def _of_splits(audience: Audience, after: int, splits: frozenset[int]) -> Iterator[int]:
    indexes = audience.indexes(after=after)
    return (index for index in indexes if index % SPLITS in splits) if splits else indexes


def _splits(text: str) -> frozenset[int]:
    """Inferred: what Lytics says to a split that there is not, is unknown; here it is refused."""
    try:
        splits = frozenset(map(int, text.split(","))) if text else frozenset()
    except ValueError:
        splits = frozenset({-1})
    if not splits <= frozenset(range(SPLITS)):
        raise RefusalError(400, "BADREQ-001", "splits are numbers from 0 to 99")
    return splits


def _limit(text: str) -> int:
    wanted = int(text) if text.isdecimal() else USUAL_ROWS
    return max(1, min(wanted, MOST_ROWS))


def _decoded(token: str) -> _Cursor | None:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
