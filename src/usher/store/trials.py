"""
Which places are held, because what was sent there may still land: by trials, and by jobs that left them.

A row is to a place what `due_at` is to a row of the ledger: nobody new may send there before its moment. A trial
writes it before anything is sent, and its moment is its token; a job leaves it behind where its own rows go or forget
where they were sent.
"""

from sqlalchemy import delete, insert, select, text

from usher.store.database import Txn
from usher.store.server_mark import refuse_early_claim
from usher.store.statements import LANE_BULK, LANE_HELD, LANE_LIVE
from usher.store.tables import trials


def held_until(txn: Txn, place: str) -> int | None:
    """Return until when (ms) something sent to *place* may still land, or None where nothing may."""
    found: int | None = txn.conn.execute(
        select(trials.c.until_ms).where(trials.c.place == place, trials.c.until_ms > txn.now_ms)
    ).scalar()
    return found


def hold(txn: Txn, place: str, *, until_ms: int) -> None:
    """Hold *place* until then, or for longer where it is held for longer already. Rows that have run out go."""
    _forget_over(txn)
    txn.conn.execute(HOLD, {"place": place, "until": until_ms})


HOLD = text(
    "INSERT INTO trials (place, until_ms) VALUES (:place, :until)"
    " ON CONFLICT (place) DO UPDATE SET until_ms = excluded.until_ms WHERE trials.until_ms < excluded.until_ms"
)


def begin_trial(txn: Txn, place: str, *, hold_ms: int) -> int:
    """
    Hold *place*, where nothing may live, for so long; return until when. Rows that have run out go.

    Raises:
        Unavailable: nobody may send yet; ask again.
    """
    refuse_early_claim(txn)
    until_ms = txn.now_ms + hold_ms
    _forget_over(txn)
    txn.conn.execute(insert(trials).values(place=place, until_ms=until_ms))
    return until_ms


def end_trial(txn: Txn, place: str, *, until_ms: int) -> None:
    """Let go of *place* if it is still held until that moment: nothing of this trial can land any more."""
    txn.conn.execute(delete(trials).where(trials.c.place == place, trials.c.until_ms == until_ms))


def _forget_over(txn: Txn) -> None:
    txn.conn.execute(delete(trials).where(trials.c.until_ms <= txn.now_ms))


def newest_claim_end(txn: Txn, job: int, *, hold_ms: int) -> int | None:
    """Return when (ms) the last living claim of *job* ends, or None where none lives; a longer wait is no claim's."""
    asked = {"job": job, "now": txn.now_ms, "until": txn.now_ms + hold_ms}
    ends = [txn.conn.execute(CLAIM_END, {**asked, "lane": lane}).scalar() for lane in (LANE_LIVE, LANE_BULK, LANE_HELD)]
    return max((end for end in ends if end is not None), default=None)


CLAIM_END = text(
    "SELECT MAX(due_at) FROM ledger WHERE job = :job AND lane = :lane AND due_at > :now AND due_at <= :until"
)
