"""
A PostgreSQL database taken as a whole: read at one moment, or changed while nothing else works on it.

Such work may take long, so it goes without the time limits that other connections have.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from usher.errors import Conflict, InvalidInput, NotFound, Problem, Unavailable
from usher.store.copying import SHAPE
from usher.store.database import Txn
from usher.store.migrations import refuse_newer, upgrade
from usher.store.postgres import DURABLE, LINK, NOW_MS, UPGRADE_LOCK, described, engine_url
from usher.store.tables import metadata
from usher.store.workers import refuse_if_working

PATIENT = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=10s -c timezone=UTC"
LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def at_one_moment(database_url: str) -> Iterator[Connection]:
    """
    Yield a connection that sees the database as it is now, however long it reads. Others go on meanwhile.

    Raises:
        NotFound: it holds nothing of Usher's.
        Conflict: it holds another program's tables, or a newer Usher made it.
        Unavailable: it could not be reached, or was lost; try again.
    """
    with _connected(database_url, isolation_level="REPEATABLE READ", postgresql_readonly=True) as conn:
        if not _is_ours(conn, database_url):
            raise NotFound(f"There is nothing of Usher's in {described(database_url)}. Check USHER_DATABASE_URL.")
        yield conn


@contextmanager
def alone(database_url: str) -> Iterator[Connection]:
    """
    Yield a connection to the database in its newest shape, kept from everybody else until the transaction ends.

    What is done on it is kept once the block ends, all of it, or nothing where it failed.

    Raises:
        Conflict: a process of Usher's works on it, it holds another program's tables, or a newer Usher made it.
        Unavailable: it could not be reached, or was lost; nothing was changed, try again.
    """
    with _connected(database_url) as conn:
        if _is_ours(conn, database_url):
            _refuse_worked_on(conn)
            names = ", ".join(inspect(conn).get_table_names())
            conn.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
            _refuse_worked_on(conn)
        conn.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
        upgrade(conn)
        conn.exec_driver_sql(DURABLE)
        yield conn


def now_ms_of(conn: Connection) -> int:
    """Return the server's time."""
    now_ms: int = conn.execute(NOW_MS).scalar_one()
    return now_ms


@contextmanager
def _connected(database_url: str, **options: str | bool) -> Iterator[Connection]:
    connect_args = {**LINK, "application_name": "usher copy", "options": PATIENT}
    engine = create_engine(
        engine_url(database_url), poolclass=NullPool, hide_parameters=True, connect_args=connect_args
    ).execution_options(**options)
    is_reached = False
    try:
        with engine.begin() as conn:
            is_reached = True
            yield conn
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        if not is_reached:
            raise _unreached(error.orig, database_url) from None  # it may quote the address
        raise _named(error.orig, database_url) from None  # what it says of a row may name a member
    except psycopg.Error as error:
        raise _named(error, database_url) from None  # as above


def _unreached(error: psycopg.Error, database_url: str) -> InvalidInput | Unavailable:
    why = " ".join(str(error).split())
    password = engine_url(database_url).password
    shown = why.replace(str(password), "***") if password else why
    if isinstance(error, psycopg.ProgrammingError):
        return InvalidInput(Problem("The database's URL", f"is not understood ({shown}).", "Check what follows its ?."))
    place = described(database_url)
    return Unavailable(f"{place} could not be reached ({shown}). Check the address, user and password.")


def _named(error: psycopg.Error, database_url: str) -> Conflict | Unavailable:
    place = described(database_url)
    if error.sqlstate == LOCK_NOT_AVAILABLE:
        return Conflict(f"Something else works on {place}. Nothing was changed; stop it, then try again.")
    if isinstance(error, psycopg.OperationalError):
        why = type(error).__name__ if error.sqlstate else str(error).strip().split("\n")[0]
        return Unavailable(f"{place} was lost ({why}). Try again: all is done, or nothing.")
    column = f", column {error.diag.column_name}" if error.diag.column_name else ""
    table = f" in {error.diag.table_name}{column}" if error.diag.table_name else ""
    return Conflict(f"{place} does not take this ({type(error).__name__}{table}). Nothing was changed.")


def _is_ours(conn: Connection, database_url: str) -> bool:
    """
    Return whether the database holds Usher's tables, or none at all.

    Raises:
        Conflict: it holds another program's, or a newer Usher's.
    """
    found = set(inspect(conn).get_table_names())
    is_ours = {SHAPE, "ledger"} <= found
    if is_ours:
        refuse_newer(revision_of(conn))
    if found - set(metadata.tables) - {SHAPE} or (found and not is_ours):
        raise Conflict(
            f"{described(database_url)} holds another program's tables. Nothing was changed; name a database of its own"
            " for Usher."
        )
    return is_ours


def revision_of(conn: Connection) -> str:
    """Return the shape that the database has; there is one."""
    revision: str = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return revision


def _refuse_worked_on(conn: Connection) -> None:
    if inspect(conn).has_table("workers"):
        refuse_if_working(Txn(conn, now_ms_of(conn)))
