"""
The ledger: for every (job, member), what is wanted, what Mapp has accepted, and when anyone may send.

Each function is one step inside a transaction; what it changes it also counts, in the same commit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, TextClause, text

from usher.domain.claim import Claim
from usher.domain.observation import NS_PER_MS, Observation, Source
from usher.store.activity import count_accepted, count_changes
from usher.store.database import Txn
from usher.store.direct import run
from usher.store.statements import (
    CLAIMED_BEFORE,
    LANE_BULK,
    LANE_HELD,
    LANE_LIVE,
    WAS_ASIDE,
    WAS_DUE,
    WAS_IN,
    WAS_ROW,
    Statements,
)

_json = msgspec.json.Encoder()
LANE_OF = {
    Source.TRIGGER: LANE_LIVE,
    Source.PERSON: LANE_LIVE,
    Source.BACKFILL: LANE_BULK,
    Source.BASELINE: LANE_BULK,
    Source.RECONCILE: LANE_BULK,
}
CHANGES = frozenset({Source.TRIGGER, Source.RECONCILE})  # what a first scan finds was there before


class Changed(NamedTuple):
    """What a statement that changes rows returns of each (`_COUNTED`)."""

    member: str
    is_in: int
    was: int
    due_at: int | None
    aside: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one observation that was newer than what was stored."""

    member: str
    is_in: bool
    is_new: bool
    is_news: bool


def observe(
    txn: Txn,
    sql: Statements,
    job: int,
    observations: Sequence[Observation],
    *,
    source: Source,
    are_exits_held: bool = False,
) -> dict[str, Seen]:
    """
    Take in observations of one job from one source, at most one a member, and owe what is news.

    Returns:
        What was newer than what is stored, by member; the others change nothing.

    Idempotent: yes; the same observation again is not newer.
    """
    if not observations:
        return {}
    lane = LANE_OF[source]
    rows = sorted(  # so that two processes lock them in one order
        (o.member, int(o.is_in), o.version, LANE_HELD if are_exits_held and not o.is_in else lane) for o in observations
    )
    asked = {
        "job": job,
        "rows": _json.encode(rows).decode(),
        "now": txn.now_ms,
        "owed_at": None if source is Source.BASELINE else txn.now_ms,
        "tells_untold": int(source in {Source.TRIGGER, Source.BACKFILL}),
    }
    found = [Changed(*row[:5]) for row in run(txn.conn, sql.observe, asked)]
    _count_changes(txn, job, found)
    newer = {
        row.member: Seen(
            member=row.member,
            is_in=bool(row.is_in),
            is_new=row.was == 0,
            is_news=row.was == 0 or bool(row.was & WAS_IN) != bool(row.is_in),
        )
        for row in found
    }
    if source in CHANGES:
        count_changes(txn, job, [seen.is_in for seen in newer.values() if seen.is_news])
    return newer


def _count_changes(txn: Txn, job: int, rows: Iterable["Changed | Row[Any]"]) -> None:
    for row in rows:
        was = row.was
        txn.tally[job, "members.total"] += not was & WAS_ROW
        txn.tally[job, "members.in"] += row.is_in - bool(was & WAS_IN)
        txn.tally[job, "members.due"] += (row.due_at is not None) - bool(was & WAS_DUE)
        txn.tally[job, "members.aside"] += (row.aside is not None) - bool(was & WAS_ASIDE)
        txn.owes_more |= row.due_at is not None and not was & WAS_DUE


def claim(txn: Txn, sql: Statements, job: int, *, lane: int, limit: int, hold_ms: int) -> list[Claim]:
    """
    Take up to *limit* due rows of one lane, longest due first, for this process alone.

    Concurrency: no row is claimed twice at one time. A claim that is never settled becomes due again by itself.
    """
    token = txn.now_ms + hold_ms
    asked = {"job": job, "lane": lane, "now": txn.now_ms, "limit": limit, "token": token}
    return [
        Claim(
            job=job,
            member=member,
            is_in=bool(is_in),
            seq=seq,
            token=token,
            attempts=attempts,
            version=version,
            lane=row_lane,
            was_claimed=bool(was & CLAIMED_BEFORE),
            told=None if accepted is None else bool(accepted),
            told_at_ms=accepted_at,
        )
        for member, is_in, seq, attempts, version, row_lane, was, accepted, accepted_at in run(
            txn.conn, sql.claim, asked
        )
    ]


def settle_accepted(txn: Txn, sql: Statements, claims: Sequence[Claim]) -> set[int]:
    """Mapp took these; each owes nothing more unless something newer came in. Returns the jobs with such rows."""
    for c in claims:
        txn.tally[c.job, "sent.accepted"] += 1
    count_accepted(txn, claims)
    rows = [(c.job, c.member, c.token, c.seq, int(c.is_in)) for c in claims]
    return _settle(txn, sql.settle_accepted, rows)


def settle_aside(txn: Txn, sql: Statements, claims: Sequence[tuple[Claim, str]]) -> set[int]:
    """Mapp will never take these as they are: keep its reason, owe nothing until something changes."""
    for c, _ in claims:
        txn.tally[c.job, "sent.rejected"] += 1
    rows = [(c.job, c.member, c.token, c.seq, reason) for c, reason in claims]
    return _settle(txn, sql.settle_aside, rows, counts_aside=True)


def settle_later(txn: Txn, sql: Statements, claims: Sequence[tuple[Claim, int, bool]]) -> set[int]:
    """These were certainly not taken: each is due again after its delay (ms), counted as a failure or not."""
    for c, _, is_failure in claims:
        txn.tally[c.job, "sent.retried"] += is_failure
    rows = [(c.job, c.member, c.token, c.seq, delay, int(is_failure)) for c, delay, is_failure in claims]
    return _settle(txn, sql.settle_later, rows)


def _settle(txn: Txn, statement: TextClause, rows: list[tuple[Any, ...]], *, counts_aside: bool = False) -> set[int]:
    if not rows:
        return set()
    found = run(txn.conn, statement, {"rows": _json.encode(sorted(rows)).decode(), "now": txn.now_ms})
    for job, _, due_at in found:
        if due_at is None:
            txn.tally[job, "members.due"] -= 1
            txn.tally[job, "members.aside"] += counts_aside
    return {job for job, _, due_at in found if due_at is not None}


def next_due(txn: Txn, job: int) -> int | None:
    """Return when the earliest row of *job* that may be claimed is due, or None where nothing is owed."""
    moments = [txn.conn.execute(NEXT_DUE, {"job": job, "lane": lane}).scalar() for lane in (LANE_LIVE, LANE_BULK)]
    return min((moment for moment in moments if moment is not None), default=None)


NEXT_DUE = text("SELECT MIN(due_at) FROM ledger WHERE job = :job AND lane = :lane AND due_at IS NOT NULL")


def is_owing(txn: Txn, job: int, *, known_ms: int) -> bool:
    """Return whether anything is owed for *job*, held exits included, but for what Lytics said after *known_ms*."""
    newest = {LANE_BULK: 2**62, LANE_LIVE: known_ms * NS_PER_MS, LANE_HELD: known_ms * NS_PER_MS}
    return any(
        txn.conn.execute(ANY_DUE, {"job": job, "lane": lane, "known": known}).first() is not None
        for lane, known in newest.items()
    )


ANY_DUE = text("SELECT 1 FROM ledger WHERE job = :job AND lane = :lane AND due_at >= 0 AND version <= :known LIMIT 1")


def end_of_chunk(txn: Txn, job: int, *, after: str, size: int) -> str | None:
    """Return the member that ends the next *size* rows after *after*, or None where fewer are left."""
    found: str | None = txn.conn.execute(CHUNK_END, {"job": job, "after": after, "offset": size - 1}).scalar()
    return found


CHUNK_END = text(
    "SELECT member FROM ledger WHERE job = :job AND member > :after ORDER BY member LIMIT 1 OFFSET :offset"
)


def owe_again(txn: Txn, statement: TextClause, job: int, *, after: str, upto: str | None) -> int:
    """Owe the rows of one chunk again (`resend`: whoever was ever told or owed; `retry`: who is set aside)."""
    found = txn.conn.execute(statement, {"job": job, "after": after, "upto": upto, "now": txn.now_ms}).all()
    _count_changes(txn, job, found)
    return len(found)


def owe_member_again(txn: Txn, sql: Statements, job: int, member: str) -> bool:
    """Owe one member again, set aside or not; what is owed already stays due when it was."""
    found = txn.conn.execute(sql.resend_one, {"job": job, "member": member, "now": txn.now_ms}).all()
    _count_changes(txn, job, found)
    return bool(found)


def leave(txn: Txn, sql: Statements, job: int, *, version: int, after: str, upto: str | None) -> list[str]:
    """Observe as absent, as of *version*, the rows of one chunk that are wanted true and were seen no later."""
    found = txn.conn.execute(
        sql.leave, {"job": job, "version": version, "after": after, "upto": upto, "now": txn.now_ms}
    ).all()
    _count_changes(txn, job, found)
    count_changes(txn, job, [False] * len(found))
    return [row.member for row in found]


def leaving_and_inside(txn: Txn, job: int, *, version: int) -> tuple[int, int]:
    """Return how many would be observed as absent as of *version*, and how many are wanted true now."""
    row = txn.conn.execute(LEAVING, {"job": job, "version": version}).one()
    return int(row.leaving or 0), int(row.inside or 0)


LEAVING = text(
    "SELECT SUM(CASE WHEN version < :version THEN 1 ELSE 0 END) AS leaving, COUNT(*) AS inside"
    " FROM ledger WHERE job = :job AND is_in = 1"
)


def count_between(txn: Txn, job: int, *, since: int, until: int) -> int:
    """Return how many are wanted true as of a version from *since* to before *until*."""
    return int(txn.conn.execute(BETWEEN, {"job": job, "since": since, "until": until}).scalar() or 0)


BETWEEN = text("SELECT COUNT(*) FROM ledger WHERE job = :job AND is_in = 1 AND version >= :since AND version < :until")


def hold_exits(txn: Txn, job: int) -> None:
    """Let owed exits wait for a person. What is in flight stays so, and its settle still counts."""
    txn.conn.execute(HOLD_EXITS, {"job": job})


HOLD_EXITS = text("UPDATE ledger SET lane = 2 WHERE job = :job AND lane = 0 AND due_at IS NOT NULL AND is_in = 0")


def release_exits(txn: Txn, job: int) -> int:
    """Let held exits go on."""
    return txn.conn.execute(RELEASE_EXITS, {"job": job}).rowcount


RELEASE_EXITS = text("UPDATE ledger SET lane = 0 WHERE job = :job AND lane = 2 AND due_at IS NOT NULL")


def keep_held(txn: Txn, job: int) -> list[str]:
    """Observe held exits as still inside, by a person's word, as of now, or of the exit if later. Returns who."""
    found = txn.conn.execute(KEEP_HELD, {"job": job, "version": txn.now_ms * NS_PER_MS})
    kept = [row.member for row in found]
    txn.tally[job, "members.in"] += len(kept)
    return kept


KEEP_HELD = text(
    "UPDATE ledger SET is_in = 1, version = CASE WHEN version < :version THEN :version ELSE version END,"
    " seq = seq + 1, lane = 0"
    " WHERE job = :job AND lane = 2 AND due_at IS NOT NULL AND is_in = 0 RETURNING member"
)


def forget_chunk(txn: Txn, job: int, *, upto: str | None) -> int:
    """Delete the rows of a deleted job up to *upto*."""
    gone = txn.conn.execute(FORGET, {"job": job, "upto": upto}).all()
    txn.tally[job, "members.total"] -= len(gone)
    txn.tally[job, "members.in"] -= sum(row.is_in for row in gone)
    txn.tally[job, "members.due"] -= sum(row.due_at is not None for row in gone)
    txn.tally[job, "members.aside"] -= sum(row.aside is not None for row in gone)
    return len(gone)


FORGET = text(
    "DELETE FROM ledger WHERE job = :job AND (CAST(:upto AS TEXT) IS NULL OR member <= CAST(:upto AS TEXT))"
    " RETURNING is_in, due_at, aside"
)
