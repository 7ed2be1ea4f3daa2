"""
Which PostgreSQL server holds the ledger, so that one that went back in time is noticed.

A standby that was promoted, and a server recovered to a moment, are on a new timeline; a dump that was restored is in
another database. Each may lack what was committed last. A copy of the server's files put back as it was cannot be told
from the server itself.
"""

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from usher.errors import Unavailable
from usher.store.after_restore import MARK, make_ready
from usher.store.database import Database, Txn
from usher.store.postgres import passes

READ_MARK = text(
    "SELECT s.system_identifier || '/' || d.oid || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    " FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database()"
)
KEPT_MARK = text("SELECT value FROM facts WHERE name = :name")
KEEP_MARK = text(
    "INSERT INTO facts (name, value) VALUES (:name, :mark) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
NO_LIMIT = text("SET LOCAL statement_timeout = 0")  # telling everybody again is one statement over the whole ledger

logger = structlog.get_logger("usher.store")


async def mind_server(database: Database, *, hold_ms: int) -> bool:
    """
    Do what a restore needs if this is not the server that was worked on last; return whether it was needed.

    Where the server does not say which it is, nothing is done: run `usher db after-restore` by hand.

    Args:
        hold_ms: how long a claim holds.

    Idempotent: yes.

    Raises:
        Unavailable: nothing was changed; ask again.
    """
    try:
        mark: str = await database.read(lambda txn: txn.conn.execute(READ_MARK).scalar_one())
    except Unavailable as error:
        if not isinstance(error.__cause__, DBAPIError) or passes(error.__cause__):
            raise
        logger.warning("server_unnamed")
        return False
    return await database.write(lambda txn: _mind(txn, mark, hold_ms=hold_ms))


def _mind(txn: Txn, mark: str, *, hold_ms: int) -> bool:
    known = txn.conn.execute(KEPT_MARK, {"name": MARK}).scalar()
    if known == mark:
        return False
    if known is not None:
        txn.conn.execute(NO_LIMIT)
        jobs = make_ready(txn.conn, now_ms=txn.now_ms, hold_ms=hold_ms)
        logger.warning("server_changed", jobs=jobs)
    txn.conn.execute(KEEP_MARK, {"name": MARK, "mark": mark})
    return known is not None
