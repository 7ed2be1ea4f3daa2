"""Who is set aside, by reason: what Mapp said decides what a person can do about it."""

from dataclasses import dataclass, field

from sqlalchemy import text

from usher.store import ledger
from usher.store.database import Txn
from usher.store.statements import Statements

Place = tuple[int, str]  # (when set aside, member): where a walk over them has come to
START: Place = (0, "")
PIECE = 1_000  # looked at in one commit: a few dozen milliseconds where all of them are owed again


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many were set aside for one reason, between when (ms), and the first of them by name."""

    reason: str
    count: int
    since_ms: int
    newest_ms: int
    sample: str = field(repr=False)


def reasons_of(txn: Txn, job: int, *, newest: int) -> list[ReasonCount]:
    """Return the reasons among the *newest* set aside of a job, the most frequent first."""
    return [ReasonCount(*row) for row in txn.conn.execute(REASONS, {"job": job, "newest": newest})]


REASONS = text(
    "SELECT aside, COUNT(*) AS people, MIN(aside_at), MAX(aside_at), MIN(member) FROM"
    " (SELECT aside, aside_at, member FROM ledger WHERE job = :job AND aside IS NOT NULL"
    "  ORDER BY aside_at DESC LIMIT :newest) AS looked_at"
    " GROUP BY aside ORDER BY people DESC, aside"
)


def owe_for_reason(
    txn: Txn, sql: Statements, job: int, reason: str, *, after: Place, until_ms: int
) -> tuple[int, Place | None]:
    """
    Owe again whoever of the next PIECE set aside was set aside for *reason*; return how many, and where to go on.

    Args:
        until_ms: who was set aside later is left alone, so that a walk ends although Mapp rejects them again.
    """
    at, member = after
    asked = {"job": job, "at": at, "member": member, "until": until_ms, "piece": PIECE}
    found = txn.conn.execute(NEXT_ASIDE, asked).all()
    owed = sum(ledger.owe_member_again(txn, sql, job, row.member) for row in found if row.aside == reason)
    return owed, (found[-1].aside_at, found[-1].member) if len(found) == PIECE else None


NEXT_ASIDE = text(
    "SELECT member, aside, aside_at FROM ledger WHERE job = :job AND aside IS NOT NULL"
    " AND (aside_at, member) > (:at, :member) AND aside_at <= :until ORDER BY aside_at, member LIMIT :piece"
)
