"""Which processes work on this database, by when each was last seen."""

from sqlalchemy import func, select

from usher.store.database import Txn
from usher.store.tables import workers

ALIVE_MS = 30_000  # since it was last seen, by the ledger's clock


def alive_by_kind(txn: Txn) -> dict[str, int]:
    """Return how many processes of each kind were seen lately."""
    alive = workers.c.seen_ms > txn.now_ms - ALIVE_MS
    found = txn.conn.execute(select(workers.c.kind, func.count().label("alive")).where(alive).group_by(workers.c.kind))
    return {row.kind: int(row.alive) for row in found}
