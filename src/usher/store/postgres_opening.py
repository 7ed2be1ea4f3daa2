"""Opening a PostgreSQL database: in what shape it must be, and through which connections it is reached."""

import time

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from usher.clock import Clock, LedgerClock
from usher.errors import Conflict, Unavailable
from usher.store.database import Database, InlineDatabase, ThreadedDatabase
from usher.store.migrations import upgrade
from usher.store.postgres import OLDEST_VERSION, SESSION, UPGRADE_LOCK, PostgresTerms, described, postgres_engine


def connect_postgres(url: str, *, clock: Clock, is_threaded: bool) -> tuple[Database, Database, LedgerClock]:
    """
    Return the database at *url* in the newest shape, the same for people, and the ledger's clock.

    Raises:
        Conflict, InvalidInput, Unavailable: as for `open_store`.
    """
    ledger_clock = LedgerClock(clock)
    terms = PostgresTerms(ledger_clock, pause=time.sleep)
    at_desk = PostgresTerms(ledger_clock, pause=time.sleep, is_desk=True)
    writer = postgres_engine(url)
    try:
        bring_postgres_up_to_date(writer, terms, place=described(url))
    except BaseException:
        writer.dispose()
        raise
    if not is_threaded:
        desk = InlineDatabase(postgres_engine(url), clock=ledger_clock, terms=at_desk)
        return InlineDatabase(writer, clock=ledger_clock, terms=terms), desk, ledger_clock
    engine = ThreadedDatabase(writer, postgres_engine(url, is_reader=True), clock=ledger_clock, terms=terms)
    people = (postgres_engine(url), postgres_engine(url, is_reader=True))
    return engine, ThreadedDatabase(*people, clock=ledger_clock, terms=at_desk), ledger_clock


def bring_postgres_up_to_date(writer: Engine, terms: PostgresTerms, *, place: str) -> None:
    """
    Run the migrations that the database lacks, in one transaction; processes that start together wait for one another.

    Raises:
        Conflict: a newer Usher made it, it is another program's, or the server is too old.
        Unavailable: the server did not answer; start again.
    """
    try:
        with writer.connect() as conn, conn.begin():
            terms.now_ms(conn)
            _take_upgrade(conn)
            _refuse_old_postgres(conn)
            _refuse_foreign_schema(conn, place=place)
            upgrade(conn)
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        message = f"The database {place} could not be opened ({said}). Check USHER_DATABASE_URL and the server."
        raise Unavailable(message) from error


def _take_upgrade(conn: Connection) -> None:
    """Give this upgrade the time it needs, and any that runs before it; a table in use is not waited for so long."""
    conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
    conn.exec_driver_sql("SET LOCAL lock_timeout = 0")
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
    conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{SESSION['lock_timeout']}'")


def _refuse_old_postgres(conn: Connection) -> None:
    version = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version < OLDEST_VERSION:
        raise Conflict(f"This is PostgreSQL {version}; Usher needs {OLDEST_VERSION} or newer.")


def _refuse_foreign_schema(conn: Connection, *, place: str) -> None:
    tables = set(inspect(conn).get_table_names())
    if tables and not {"alembic_version", "ledger"} <= tables:
        raise Conflict(
            f"{place} holds another program's tables. Nothing was changed; give Usher a database of its own."
        )
