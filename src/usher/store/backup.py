"""
Backups: one consistent file of a database that may be in use.

Whatever the database, the file is the same: `restore` takes it to either.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from usher.clock import Clock
from usher.errors import Conflict, NotFound
from usher.store.copying import Progress
from usher.store.moved import refuse_moved
from usher.store.opening import database_path
from usher.store.portable import Checked, checked, copy_pages, copy_rows, mark_made, new_file, reading
from usher.store.postgres import is_postgres
from usher.store.whole_postgres import at_one_moment, now_ms_of, revision_of


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup at *path* that was checked after it was written, and what it holds."""

    path: Path
    holds: Checked


def backup(
    to: Path, data_dir: Path, *, clock: Clock, database_url: str = "", on_progress: Progress | None = None
) -> BackupReport:
    """
    Copy the database to the new file *to*, as it is at this moment. Blocks; run it in a thread.

    Args:
        on_progress: hears how many pages (SQLite) or rows (PostgreSQL) are copied, of how many.

    Concurrency: safe while others use and write the database.

    Raises:
        NotFound: there is no database.
        Conflict: something is at *to* already, or the database is damaged, not Usher's, or moved to PostgreSQL.
        Unavailable: the disk did not take it, or the database was lost; nothing is left at *to*.
    """
    if to.exists():
        raise Conflict(f"{to} exists already. Choose another name, or move it away.")
    if is_postgres(database_url):
        with at_one_moment(database_url) as conn:
            return save_rows(conn, to, on_progress=on_progress)
    source = database_path(database_url, data_dir)
    if not source.is_file():
        raise NotFound(f"There is no database at {source}. Check USHER_DATA_DIR.")
    with reading(source) as conn:
        refuse_moved(conn, path=source)
    made_ms = clock.now_ms()
    with new_file(to) as partial:
        copy_pages(source, partial, on_progress=on_progress)
        mark_made(partial, made_ms)
        return BackupReport(to, checked(partial, path=to))


def save_rows(conn: Connection, to: Path, *, on_progress: Progress | None = None) -> BackupReport:
    """Copy the PostgreSQL database that *conn* sees at one moment to the new file *to*. Raises as `backup` does."""
    with new_file(to) as partial:
        made_ms = now_ms_of(conn)
        copy_rows(conn, partial, revision=revision_of(conn), on_progress=on_progress)
        mark_made(partial, made_ms)
        return BackupReport(to, checked(partial, path=to))
