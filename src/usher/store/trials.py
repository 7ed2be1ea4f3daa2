"""
Where one person was sent before any job existed, and until when that request may still land.

A row is to a trial what `due_at` is to a row of the ledger: it is written before anything is sent, its moment is its
token, and an answer that is lost leaves it as it is.
"""

from sqlalchemy import delete, insert, select

from usher.store.database import Txn
from usher.store.tables import trials


def living_trial(txn: Txn, place: str) -> int | None:
    """Return until when (ms) a trial sent to *place* may still land, or None where none may."""
    found: int | None = txn.conn.execute(
        select(trials.c.until_ms).where(trials.c.place == place, trials.c.until_ms > txn.now_ms)
    ).scalar()
    return found


def begin_trial(txn: Txn, place: str, *, hold_ms: int) -> int:
    """Hold *place*, where no trial may live, for so long; return until when. Rows that have run out go."""
    until_ms = txn.now_ms + hold_ms
    txn.conn.execute(delete(trials).where(trials.c.until_ms <= txn.now_ms))
    txn.conn.execute(insert(trials).values(place=place, until_ms=until_ms))
    return until_ms


def end_trial(txn: Txn, place: str, *, until_ms: int) -> None:
    """Let go of *place* if it is still held until that moment: nothing of this trial can land any more."""
    txn.conn.execute(delete(trials).where(trials.c.place == place, trials.c.until_ms == until_ms))
