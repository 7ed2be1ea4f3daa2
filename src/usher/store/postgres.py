"""
How Usher works with PostgreSQL: the connections, the clock that all processes share, and which failures pass.

Every process has connections of its own: one that writes for the engine, one that writes what people ask for, and one
reader for each. Moments are the server's. What people ask for is done one at a time across all processes, so that a
rule which looks before it writes holds as it does with a single writer.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from usher.clock import LedgerClock
from usher.errors import InvalidInput, Problem
from usher.store.database import Terms, Txn

OLDEST_VERSION = 14
CHANNEL, OWED, CHANGED = "usher", "owed", "changed"
DESK_LOCK, UPGRADE_LOCK = 0x55736801, 0x55736802  # of pg_advisory_xact_lock; "Ush" and a number
PATIENCE_SECONDS = 10.0  # a restart or a failover often takes less
PAUSE_SECONDS = 0.1
LONGEST_WAIT_SECONDS = PATIENCE_SECONDS + 5  # for a server that neither answers nor goes away
NOW_MS = text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
TAKE_DESK = text("SELECT pg_advisory_xact_lock(:lock)")
TELL = text("SELECT pg_notify(:channel, :word)")

# A process that is stopped inside a transaction must not keep what it locked: the server ends it.
SESSION = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "timezone": "UTC",
}
OPTIONS = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
# Said once connected: to an address with target_session_attrs=read-write, a session that begins so is a standby's.
READ_ONLY = "SET default_transaction_read_only = on"
LINK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
)
# Serialization failure, deadlock, and a lock not had in time: the server has undone the whole transaction.
CROSSED = frozenset({"40001", "40P01", "55P03"})
# Shutting down, starting up, out of connections, or a session ended because it sat idle in a transaction.
GONE = frozenset({"57P01", "57P02", "57P03", "53300", "25P03", "08000", "08003", "08006", "08001", "08004"})
BAD_VALUE = "22"  # the class of states whose messages quote what they refuse
READ_ONLY_NOW = frozenset({"25006"})  # a primary that has become a standby


def engine_url(database_url: str) -> URL:
    """
    Return *database_url* as SQLAlchemy names it.

    Raises:
        InvalidInput: it makes no sense.
    """
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):  # the second for a port that is no number
        url = None
    if url is None or not url.database:
        mend = "Write postgresql://user:password@host:5432/database."
        raise InvalidInput(Problem("USHER_DATABASE_URL", "names no PostgreSQL database.", mend))
    return url.set(drivername="postgresql+psycopg")


def is_postgres(database_url: str) -> bool:
    scheme, _, _ = database_url.partition(":")
    return scheme.lower().partition("+")[0] in {"postgresql", "postgres"}


def described(database_url: str) -> str:
    """Name the database to people, without its password."""
    url = engine_url(database_url)
    hosts = (url.host,) if url.host else url.normalized_query.get("host", ("this machine",))
    return f"{url.database} on {' or '.join(hosts)}"


def postgres_engine(database_url: str, *, is_reader: bool = False, name: str = "usher") -> Engine:
    """Open one connection at a time to *database_url*; a reader sees one moment, and its writes are refused."""
    url = engine_url(database_url)
    link = {name: value for name, value in LINK.items() if name not in url.query}
    options = " ".join((*url.normalized_query.get("options", ()), OPTIONS))
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,  # they hold members and secrets, and what fails is logged
        isolation_level="REPEATABLE READ" if is_reader else "READ COMMITTED",
        connect_args={**link, "application_name": name, "options": options},
    )

    @event.listens_for(engine, "connect")
    def _set(connection: psycopg.Connection[Any], _record: Any) -> None:
        connection.execute(DURABLE)
        if is_reader:
            connection.execute(READ_ONLY)
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def _heed(context: ExceptionContext) -> None:
        _keep_rows_out(context)
        if not is_reader and getattr(context.original_exception, "sqlstate", None) in READ_ONLY_NOW:
            context.is_disconnect = True  # so that the next try may find the new primary

    return engine


def _keep_rows_out(context: ExceptionContext) -> None:
    """Leave of what the server says what quotes no row, since rows hold members."""
    found = context.original_exception
    if not isinstance(found, psycopg.Error) or found.sqlstate is None:
        return
    quotes_values = found.sqlstate.startswith(BAD_VALUE)
    said = "" if quotes_values else found.diag.message_primary or ""
    found.args = (f"{found.sqlstate} {said}".strip(),)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"{type(found).__name__} {found}",)


class PostgresTerms(Terms):
    """
    PostgreSQL's terms: the server's clock, a word to the other processes, and patience while the server is away.

    Args:
        clock: hears the server's time at each transaction.
        pause: waits some seconds, in the thread that asks.
        is_desk: what runs on these terms is done one at a time across processes, and all are told that it was.
    """

    clock: LedgerClock
    longest_wait_seconds = LONGEST_WAIT_SECONDS

    def __init__(self, clock: LedgerClock, *, pause: Callable[[float], None], is_desk: bool = False) -> None:
        super().__init__(clock)
        self._pause = pause
        self._is_desk = is_desk

    def now_ms(self, conn: Connection) -> int:
        asked = self.clock.monotonic()
        now_ms: int = conn.execute(NOW_MS).scalar_one()
        self.clock.hear(now_ms, asked=asked)
        return now_ms

    def begin(self, conn: Connection) -> int:
        if self._is_desk:
            conn.execute(TAKE_DESK, {"lock": DESK_LOCK})
        return self.now_ms(conn)

    def end(self, txn: Txn) -> None:
        if self._is_desk or txn.owes_more:
            txn.conn.execute(TELL, {"channel": CHANNEL, "word": CHANGED if self._is_desk else OWED})

    def may_try_again(self, error: DBAPIError, began: float) -> bool:
        waited = self.clock.monotonic() - began
        if waited >= PATIENCE_SECONDS or not passes(error):
            return False
        if not _is_crossed(error):
            self._pause(PAUSE_SECONDS)
        return True

    def is_away(self, error: Exception) -> bool:
        return isinstance(error, DBAPIError) and passes(error) and not (error.statement or error.connection_invalidated)


def passes(error: DBAPIError) -> bool:
    """Return whether *error* is one that trying again may mend: a crossing of two writers, or a server that is away."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return error.connection_invalidated or state in CROSSED | GONE


def _is_crossed(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in CROSSED
