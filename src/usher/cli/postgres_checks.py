"""What the doctor looks at on PostgreSQL: does it answer, does it keep what it says it keeps, does its clock agree."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from usher.cli.checks import Check, Level
from usher.clock import LedgerClock, SystemClock
from usher.errors import UsherError
from usher.store.migrations import known_revisions
from usher.store.postgres import PostgresTerms, described, postgres_engine

CONNECTIONS = 5  # of one process that works: two that write, two that read, one that listens
FEW_LEFT = 4 * CONNECTIONS
FURTHEST_APART_SECONDS = 5.0
ROOM = text(
    "SELECT CAST(current_setting('max_connections') AS INTEGER) - COUNT(*) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend'"
)
SHAPE = text("SELECT version_num FROM alembic_version")


def postgres_checks(database_url: str) -> list[Check]:
    """Look at the server that *database_url* names. Nothing is changed or made."""
    try:
        engine = postgres_engine(database_url, is_reader=True, name="usher doctor")
        place = described(database_url)
    except UsherError as error:
        return [Check(Level.BAD, "The database's address does not work.", error.message, stops_all=True)]
    try:
        with engine.connect() as conn:
            return [*_server(conn, place), _shape(conn, place)]
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        mend = "Check the server and the address."
        return [Check(Level.BAD, f"The database {place} does not answer ({said}).", mend, stops_all=True)]
    finally:
        engine.dispose()


def _server(conn: Connection, place: str) -> list[Check]:
    found = [Check(Level.OK, f"The database {place} answers: PostgreSQL {_setting(conn, 'server_version')}.")]
    if _setting(conn, "fsync") == "off":
        mend = "Set fsync = on: without it a power cut loses triggers that Lytics was told are kept."
        found.append(Check(Level.BAD, "The server does not write to its disk before it answers.", mend))
    if _setting(conn, "full_page_writes") == "off":
        mend = "Set full_page_writes = on, unless the file system makes it needless."
        found.append(Check(Level.WARN, "The server does not guard against half-written pages.", mend))
    if conn.execute(ROOM).scalar_one() < FEW_LEFT:
        mend = f"Raise max_connections: each `serve` and each `worker` needs {CONNECTIONS}."
        found.append(Check(Level.WARN, "The server has few connections left.", mend))
    return [*found, _clock(conn)]


def _clock(conn: Connection) -> Check:
    own, ledger = SystemClock(), LedgerClock(SystemClock())
    theirs = PostgresTerms(ledger, pause=lambda _: None).now_ms(conn)
    apart = abs(theirs - own.now_ms()) / 1000
    if apart > FURTHEST_APART_SECONDS:
        what = f"This machine's clock and the database's are {apart:,.0f} s apart."
        return Check(Level.WARN, what, "The database's counts, so nothing is wrong yet; set both by NTP.")
    return Check(Level.OK, "This machine's clock agrees with the database's.")


def _shape(conn: Connection, place: str) -> Check:
    is_there = conn.execute(text("SELECT to_regclass('alembic_version')")).scalar() is not None
    revision = conn.execute(SHAPE).scalar() if is_there else None
    if revision == known_revisions()[0]:
        return Check(Level.OK, f"The database {place} has this version's shape.")
    if revision is None:
        return Check(Level.WARN, f"The database {place} is empty.", "`usher serve` brings it to shape.")
    return Check(Level.WARN, f"The database {place} has another shape ({revision}).", "Run `usher db upgrade`.")


def _setting(conn: Connection, name: str) -> str:
    found: str = conn.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()
    return found
