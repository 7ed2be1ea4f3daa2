"""
What has been kept for its time goes: the oldest first, a bounded piece in each commit, so that nobody waits for it.

Ids grow with time, so the oldest records are those with the lowest ids; no more of a table is read than a piece of it.
"""

from sqlalchemy import Table, text

from usher.settings import Retention
from usher.store import notes
from usher.store.database import Txn
from usher.store.tables import audit, history, job_logs, unreadable

DAY_MS = 86_400_000


def prune_some(txn: Txn, *, retention: Retention | None) -> bool:
    """
    Drop a bounded piece of what is beyond its time or its number; return whether there may be more.

    Args:
        retention: for how long; None drops nothing for its age.
    """
    aged = () if retention is None else _aged(retention)
    return any(_prune_old(txn, table, days) for table, days in aged) or _prune_ended(txn) or notes.prune_some(txn)


def _aged(retention: Retention) -> tuple[tuple[Table, int], ...]:
    limits = (
        (history, retention.history_days),
        (job_logs, retention.logs_days),
        (unreadable, retention.unreadable_days),
        (audit, retention.audit_days),
    )
    return tuple((table, days) for table, days in limits if days)


def _prune_old(txn: Txn, table: Table, days: int) -> bool:
    asked = {"piece": notes.PIECE, "before": txn.now_ms - days * DAY_MS}
    gone = txn.conn.execute(text(PRUNE_OLD.format(name=table.name)), asked).rowcount
    if gone and table is history:
        notes.note_history_cut(txn)
    return 2 * gone > notes.PIECE  # a few that have just come of age wait for the next time, or there is no end


# One odd moment among the oldest, as of a clock that was wrong, keeps none of the others.
PRUNE_OLD = (
    "DELETE FROM {name} WHERE id IN (SELECT id FROM"
    " (SELECT id, at_ms FROM {name} ORDER BY id LIMIT :piece) AS oldest WHERE at_ms < :before)"
)


def _prune_ended(txn: Txn) -> bool:
    """Drop sessions and one-time links that have run out; whoever signs in or uses one ends it at once."""
    asked = {"now": txn.now_ms, "piece": notes.PIECE}
    return any(txn.conn.execute(text(statement), asked).rowcount == notes.PIECE for statement in PRUNE_ENDED)


_ENDED = "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE expires_ms <= :now LIMIT :piece)"
PRUNE_ENDED = (
    _ENDED.format(table="sessions", key="id"),
    _ENDED.format(table="one_time_links", key="token_hash"),
)
