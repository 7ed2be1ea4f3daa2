"""
Which server holds the ledger, so that one that went back in time is noticed, and sends nothing too early.

A standby that was promoted, and a PostgreSQL server recovered to a moment, are on a new timeline; a dump that was
restored is in another database. Each may lack what was committed last. A copy of the server's files put back as it was
cannot be told from the server itself.
"""

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from usher.errors import Unavailable
from usher.store.after_restore import MARK, QUIET, make_ready
from usher.store.database import Database, Txn
from usher.store.direct import run
from usher.store.postgres import passes
from usher.store.turns import Placed, Turn

READ_MARK = text(
    "SELECT s.system_identifier || '/' || d.oid || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    " FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database()"
)
KEPT_MARK = text("SELECT value FROM facts WHERE name = :name FOR UPDATE")
KEPT = text("SELECT name, value FROM facts WHERE name IN (:mark, :quiet)")
KEEP_MARK = text(
    "INSERT INTO facts (name, value) VALUES (:name, :mark) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
EARLY = "The database went back in time, or its clock was set; nothing is sent while earlier requests may still land."

logger = structlog.get_logger("usher.store")


async def mind_server(database: Database, *, hold_ms: int) -> bool:
    """
    Do what a restore needs if this is not the server that was worked on last; return whether it was needed.

    Where the server does not say which it is, nothing is done: run `usher db after-restore` by hand.

    Args:
        hold_ms: how long a claim holds.

    Idempotent: yes. Of several processes that find it changed, one does it.

    Raises:
        Unavailable: ask again.
    """
    return await database.write(Placed(lambda txn: _mind(txn, hold_ms=hold_ms), Turn.JOBS))


def _mind(txn: Txn, *, hold_ms: int) -> bool:
    known = txn.conn.execute(KEPT_MARK, {"name": MARK}).scalar()
    mark = _mark_of(txn.conn)
    if mark is None:
        logger.warning("server_unnamed")
    if mark in {None, known}:
        return False
    if known is not None:
        jobs = make_ready(txn.conn, now_ms=txn.now_ms, hold_ms=hold_ms)
        logger.warning("server_changed", jobs=jobs)
    txn.conn.execute(KEEP_MARK, {"name": MARK, "mark": mark})
    return known is not None


def refuse_early_claim(txn: Txn) -> None:
    """
    Let a claim pass unless a request that this ledger knows nothing of may still be alive.

    Whoever claims asks this first, in the same transaction: connections are made anew before anybody has looked where
    they lead.

    Raises:
        Unavailable: this server was not minded yet, or its claims wait; ask again.
    """
    kept: dict[str, str] = dict(run(txn.conn, KEPT, {"mark": MARK, "quiet": QUIET}))
    if txn.now_ms < int(kept.get(QUIET, 0)) or _is_another(txn.conn, kept.get(MARK)):
        raise Unavailable(EARLY)


def _is_another(conn: Connection, known: str | None) -> bool:
    return known is not None and _mark_of(conn) not in {None, known}


def _mark_of(conn: Connection) -> str | None:
    """Return the mark of the server at the other end, or None where it does not say."""
    if MARK not in conn.info:  # which lives as long as the connection, and that stays with its server
        try:
            with conn.begin_nested():
                conn.info[MARK] = conn.execute(READ_MARK).scalar_one()
        except DBAPIError as error:
            if passes(error):
                raise
            return None
    mark: str = conn.info[MARK]
    return mark
