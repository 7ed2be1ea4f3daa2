"""Looking into the ledger: pages of members by state, and all that is known of one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from usher.store.database import Txn

PAGE = 100
COLUMNS = "member, is_in, version, seq, due_at, lane, attempts, accepted, accepted_at, aside, aside_at"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One row of the ledger; times in milliseconds, *version* in nanoseconds."""

    member: str
    is_in: bool
    version: int
    seq: int
    due_at: int | None
    lane: int
    attempts: int
    accepted: bool | None
    accepted_at: int | None
    aside: str | None
    aside_at: int | None


def _member_row(row: Row[Any]) -> MemberRow:
    return MemberRow(
        member=row.member,
        is_in=bool(row.is_in),
        version=row.version,
        seq=row.seq,
        due_at=row.due_at,
        lane=row.lane,
        attempts=row.attempts,
        accepted=None if row.accepted is None else bool(row.accepted),
        accepted_at=row.accepted_at,
        aside=row.aside,
        aside_at=row.aside_at,
    )


def member_row(txn: Txn, job: int, member: str) -> MemberRow | None:
    """Return what the ledger holds of one member of one job."""
    row = txn.conn.execute(ONE, {"job": job, "member": member}).first()
    return None if row is None else _member_row(row)


ONE = text(f"SELECT {COLUMNS} FROM ledger WHERE job = :job AND member = :member")


def members_like(txn: Txn, job: int, beginning: str, *, limit: int) -> list[str]:
    """Return up to *limit* members of one job whose identifiers begin so, by name; reads no others."""
    end = beginning + LAST_CHARACTER
    found = txn.conn.execute(BEGINNING, {"job": job, "beginning": beginning, "end": end, "limit": limit})
    return list(found.scalars())


LAST_CHARACTER = "\U0010ffff"  # sorts behind every other; no identifier holds it
BEGINNING = text(
    "SELECT member FROM ledger WHERE job = :job AND member >= :beginning AND member < :end ORDER BY member LIMIT :limit"
)


def is_bulk_owed(txn: Txn, job: int) -> bool:
    """Return whether anybody is owed whom a scan or a resend found, rather than a live change."""
    return txn.conn.execute(BULK_OWED, {"job": job}).first() is not None


BULK_OWED = text("SELECT 1 FROM ledger WHERE job = :job AND lane = 1 AND due_at IS NOT NULL LIMIT 1")


def count_told(txn: Txn, job: int) -> int:
    """Return how many members of one job were ever told or owed: those whom a resend would owe again."""
    return int(txn.conn.execute(TOLD, {"job": job}).scalar() or 0)


TOLD = text(
    "SELECT COUNT(*) FROM ledger WHERE job = :job AND (due_at IS NOT NULL OR aside IS NOT NULL OR accepted IS NOT NULL)"
)


_ORDERED_BY = {"due": "due_at", "set_aside": "aside_at", "accepted": "accepted_at"}
_WHICH = {
    "due": "lane = :lane AND due_at IS NOT NULL",
    "set_aside": "aside IS NOT NULL",
    "accepted": "accepted_at IS NOT NULL AND due_at IS NULL AND aside IS NULL",
}


def page_of_members(
    txn: Txn, job: int, *, state: str, before: tuple[int, str] | None, limit: int = PAGE
) -> list[tuple[int, MemberRow]]:
    """
    Return members in one state ("due", "set_aside", "accepted"), newest first, each with the moment it is sorted by.

    Args:
        before: the (moment, member) that ended the page before; None for the first page.
    """
    return _page(txn, job, state=state, lanes=(0, 1, 2) if state == "due" else (0,), before=before, limit=limit)


def page_of_held(
    txn: Txn, job: int, *, leaves_before: int | None, before: tuple[int, str] | None, limit: int = PAGE
) -> list[tuple[int, MemberRow]]:
    """
    Return who waits for a person: exits, newest first, then whoever a held scan did not find, by name at moment 0.

    Args:
        leaves_before: the version before which who is wanted true would leave; None where no scan is held.
        before: as for *page_of_members*.
    """
    moment, member = before or (2**62, "")
    exits = _page(txn, job, state="due", lanes=(2,), before=before, limit=limit) if moment else []
    if leaves_before is None or len(exits) == limit:
        return exits
    asked = {"job": job, "version": leaves_before, "after": "" if moment else member, "limit": limit - len(exits)}
    return exits + [(0, _member_row(row)) for row in txn.conn.execute(WOULD_LEAVE, asked)]


WOULD_LEAVE = text(
    f"SELECT {COLUMNS} FROM ledger WHERE job = :job AND member > :after AND is_in = 1 AND version < :version"
    " ORDER BY member LIMIT :limit"
)


def page_of_aside(
    txn: Txn, job: int, reason: str, *, before: tuple[int, str] | None, limit: int = PAGE
) -> tuple[list[tuple[int, MemberRow]], tuple[int, str] | None]:
    """
    Return who was set aside for *reason*, newest first, and the (moment, member) to go on below (None: nobody is left).

    At most LOOKED_AT people are looked at in one go, so a page may hold fewer although there are more.
    """
    moment, member = before or (2**62, "")
    asked = {"job": job, "moment": moment, "member": member, "looked_at": LOOKED_AT, "last": LOOKED_AT - 1}
    rows = txn.conn.execute(ASIDE_FOR, {**asked, "reason": reason, "limit": limit}).all()
    found = [(row.aside_at, _member_row(row)) for row in rows]
    if len(found) == limit:
        return found, (found[-1][0], found[-1][1].member)
    last = txn.conn.execute(ASIDE_END, asked).first()
    return found, None if last is None else (last.aside_at, last.member)


LOOKED_AT = 10_000
_ASIDE = (
    "FROM ledger WHERE job = :job AND aside IS NOT NULL"
    " AND aside_at <= :moment AND (aside_at < :moment OR member > :member) ORDER BY aside_at DESC, member"
)
ASIDE_FOR = text(
    f"SELECT {COLUMNS} FROM (SELECT {COLUMNS} {_ASIDE} LIMIT :looked_at) AS looked_at"
    " WHERE aside = :reason ORDER BY aside_at DESC, member LIMIT :limit"
)
ASIDE_END = text(f"SELECT aside_at, member {_ASIDE} LIMIT 1 OFFSET :last")


def _page(
    txn: Txn, job: int, *, state: str, lanes: tuple[int, ...], before: tuple[int, str] | None, limit: int
) -> list[tuple[int, MemberRow]]:
    at = _ORDERED_BY[state]
    moment, member = before or (2**62, "")
    statement = text(
        f"SELECT {COLUMNS}, {at} AS at FROM ledger WHERE job = :job AND {_WHICH[state]}"
        f" AND {at} <= :moment AND ({at} < :moment OR member > :member)"
        f" ORDER BY {at} DESC, member LIMIT :limit"
    )
    rows = [
        row
        for lane in lanes
        for row in txn.conn.execute(
            statement, {"job": job, "lane": lane, "moment": moment, "member": member, "limit": limit}
        )
    ]
    rows.sort(key=lambda row: (-row.at, row.member))
    return [(row.at, _member_row(row)) for row in rows[:limit]]
