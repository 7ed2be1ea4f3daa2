"""
The portable form of a whole database: one SQLite file that says what it is, and appears whole or not at all.

It is the same whichever database it was made from, so that either can be restored from it.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from usher.errors import Conflict, Unavailable
from usher.store.copying import Progress, copy_all
from usher.store.migrations import refuse_newer, upgrade
from usher.store.opening import APPLICATION_ID, make_private
from usher.store.sqlite import file_uri

PAGES_A_STEP = 2_000  # 8 MB: often enough to show progress, seldom enough to cost nothing
MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Checked:
    """
    What a file holds, read from all of it.

    Args:
        made_ms: when it was made as a backup, to the minute; None where it is a plain copy that does not say.
        revision: the shape of its tables.
        jobs: those that were not deleted.
        members: rows of the ledger, in all jobs.
    """

    made_ms: int | None
    size_bytes: int
    revision: str
    jobs: int
    members: int


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """
    Yield the name to write under; the file is private, and appears at *path* whole or not at all.

    Raises:
        Unavailable: the disk did not take it.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        make_private(partial)
        yield partial
        _sync(partial, os.O_RDONLY)
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} could not be written ({error.strerror}). Check the folder and the disk.") from error
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_pages(source: Path, to: Path, *, on_progress: Progress | None = None) -> None:
    """
    Copy the SQLite database *source*, which others may be writing, into the empty file *to*, as it is at this moment.

    The connection can neither write nor checkpoint, so that whoever owns the file stays the only one that does.

    Raises:
        Conflict: *source* is damaged. Unavailable: the disk did not give or take it.
    """

    def step(_status: int, remaining: int, total: int) -> None:
        if on_progress is not None:
            on_progress(total - remaining, total)

    with failures_named(source), _opened(source, "ro") as reading, _opened(to, "rw") as writing:
        # An open snapshot keeps every step at the same moment; without it each write would start the copy anew.
        reading.execute("BEGIN")
        reading.execute("SELECT 1 FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES_A_STEP, progress=step)
        reading.rollback()
        writing.execute("PRAGMA journal_mode = DELETE")


def copy_rows(source: Connection, to: Path, *, revision: str, on_progress: Progress | None = None) -> None:
    """
    Copy all rows of *source*, whose shape is *revision*, into the empty file *to*.

    Raises:
        Unavailable: the disk did not take it.
    """
    with changing(to) as conn:
        conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        upgrade(conn, to=revision)
        copy_all(source, conn, on_progress=on_progress)


def mark_made(copy: Path, made_ms: int) -> None:
    """Write into *copy* when it was made."""
    with failures_named(copy), _opened(copy, "rw") as conn:
        # user_version has 31 bits: enough for minutes, not for milliseconds
        conn.execute(f"PRAGMA user_version = {made_ms // MS_PER_MINUTE}")


def checked(copy: Path, *, path: Path) -> Checked:
    """
    Read a whole *copy* of *path* and say what is in it.

    Raises:
        Conflict: it is damaged, not Usher's, or made by a newer Usher.
    """
    with failures_named(path), _opened(copy, "ro") as conn:
        if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise Conflict(f"{path} is not a database of Usher's.")
        # SQLite reads the missing end of a last page as zeros, and calls that whole.
        if copy.stat().st_size % conn.execute("PRAGMA page_size").fetchone()[0]:
            raise Conflict(f"{path} ends too soon. Use another backup.")
        fault = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if fault != "ok":
            raise Conflict(f"{path} is damaged ({fault}). Use another backup.")
        revision = conn.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        refuse_newer(revision)
        minutes = conn.execute("PRAGMA user_version").fetchone()[0]
        jobs = conn.execute("SELECT COUNT(*) FROM jobs WHERE status <> 'deleted'").fetchone()[0]
        members = conn.execute("SELECT COUNT(*) FROM ledger").fetchone()[0]
    return Checked(minutes * MS_PER_MINUTE or None, copy.stat().st_size, revision, jobs, members)


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """Yield a connection that sees the file as it is now, and changes nothing; raises as *failures_named* does."""
    with failures_named(path), _connected(path, "ro") as conn:
        yield conn


@contextmanager
def changing(copy: Path) -> Iterator[Connection]:
    """
    Yield a transaction on *copy*, which nobody else knows: a failure may leave it broken, to be thrown away.

    Raises:
        Conflict, Unavailable: as *failures_named* does.
    """
    with failures_named(copy), _connected(copy, "rw", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF") as conn:
        yield conn


@contextmanager
def failures_named(path: Path) -> Iterator[None]:
    """
    Name SQLite's own failures with *path* by what to do about them.

    Raises:
        Conflict: it is damaged, or is no database. Unavailable: the disk did not give or take it.
    """
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        fault = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(fault, sqlite3.OperationalError):
            raise Unavailable(f"{path} could not be copied ({fault}). Check the disk, then try again.") from error
        if isinstance(fault, sqlite3.Error):
            raise Conflict(f"{path} is damaged, or is no database ({fault}). Use another backup.") from error
        raise


@contextmanager
def _connected(path: Path, mode: str, *pragmas: str) -> Iterator[Connection]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(file_uri(path, mode=mode), uri=True, isolation_level=None)
        for pragma in pragmas:
            connection.execute(pragma)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def _opened(path: Path, mode: str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file_uri(path, mode=mode), uri=True, isolation_level=None))
