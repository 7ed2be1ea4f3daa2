"""
The move from SQLite to PostgreSQL: everything, in one transaction there, while nothing works on either.

The file is only read until all has arrived; then it says where, and is opened no more.
What is owed keeps its moment although the clocks differ, so no claim ends early.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from usher.clock import Clock
from usher.domain.notes import LOCAL_OPERATOR
from usher.errors import Conflict, InvalidInput, NotFound, Problem
from usher.settings import refuse_showing_password
from usher.store.copying import Copied, Progress, copy_all, empty_all
from usher.store.database import Txn
from usher.store.moved import mark_moved, refuse_moved
from usher.store.notes import add_audit
from usher.store.opening import database_path
from usher.store.portable import failures_named, reading
from usher.store.postgres import described, engine_url, is_postgres
from usher.store.sqlite import OwnerLock, writer_engine
from usher.store.whole_postgres import alone, now_ms_of, revision_of

MADE_BY_PEOPLE = ("jobs", "authorizations", "people", "api_tokens")
PASSWORDS = ("password", "sslpassword")  # where a URL's query may hold them


@dataclass(frozen=True, slots=True)
class MoveReport:
    """
    What was moved.

    Args:
        left: the file that was read, and says now that its ledger was moved.
        database_url: where everything is now, with any password hidden.
    """

    left: Path
    database_url: str
    copied: Copied


def move(
    to_url: str, data_dir: Path, *, clock: Clock, database_url: str = "", on_progress: Progress | None = None
) -> MoveReport:
    """
    Move everything from the SQLite database to the PostgreSQL database at *to_url*, which holds nothing of Usher's yet.

    The file keeps its rows, and is marked once the server has everything: nobody serves or backs it up by mistake.

    Raises:
        InvalidInput: *to_url* names no PostgreSQL database or would show its password, or PostgreSQL is in use already.
        NotFound: there is no database to move.
        Conflict: Usher is running, the file was moved before, the target is in use, or one of the two is not as it
            must be. Nothing was changed.
        Unavailable: a disk or the server did not take it; try again.
    """
    refuse_showing_password(to_url, "URL")
    if not is_postgres(to_url):
        mend = "Write postgresql://user@host:5432/database."
        raise InvalidInput(Problem("URL", "names no PostgreSQL database.", mend))
    if is_postgres(database_url):
        mend = "Copy between PostgreSQL databases with pg_dump and pg_restore."
        raise InvalidInput(
            Problem("USHER_DATABASE_URL", "names PostgreSQL already, so there is no file to move.", mend)
        )
    path = database_path(database_url, data_dir)
    if not path.is_file():
        raise NotFound(f"There is no database at {path}. Check USHER_DATA_DIR.")
    place = described(to_url)
    with closing(OwnerLock(path.parent)):
        _refuse_moved(path)
        with alone(to_url) as target, reading(path) as source:
            _refuse_older(source, target)
            _refuse_filled(target, place)
            empty_all(target)
            # The machine's clock first: what passes between the two readings makes moments later, never earlier.
            now_ms = clock.now_ms()
            later_ms = now_ms_of(target) - now_ms
            copied = copy_all(source, target, later_ms=later_ms, on_progress=on_progress)
            txn = Txn(target, now_ms + later_ms)
            add_audit(txn, actor=LOCAL_OPERATOR, action="db.move", what=place, note=f"from {path.name}")
        _mark(path, place=place, now_ms=now_ms)
    return MoveReport(path, without_password(to_url), copied)


def without_password(database_url: str) -> str:
    """Return *database_url* as a person may see it."""
    url = engine_url(database_url)
    hidden = {name: "***" for name in PASSWORDS if name in url.query}
    shown = url.set(drivername="postgresql").update_query_dict(hidden).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", "***")


def _refuse_moved(path: Path) -> None:
    with reading(path) as conn:
        refuse_moved(conn, path=path)


def _mark(path: Path, *, place: str, now_ms: int) -> None:
    writer = writer_engine(path)
    try:
        with failures_named(path), writer.begin() as conn:
            mark_moved(conn, place=place, now_ms=now_ms)
    finally:
        writer.dispose()


def _refuse_older(source: Connection, target: Connection) -> None:
    if revision_of(source) != revision_of(target):
        raise Conflict(
            "The database is in another version's shape. Nothing was changed; run `usher db upgrade`, then move."
        )


def _refuse_filled(target: Connection, place: str) -> None:
    for name in MADE_BY_PEOPLE:
        if target.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() is not None:
            raise Conflict(f"{place} is in use: its {name} are not empty. Nothing was changed; name an empty database.")
