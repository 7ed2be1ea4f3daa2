"""
Opening the store: who may, where the file is, in what shape it must be, and through which connections it is reached.

Once a connection is open, nothing here opens the file by other means: closing any second handle in the same process
would drop SQLite's own locks (sqlite.org/howtocorrupt.html, section 2.2).
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from usher.clock import Clock
from usher.errors import Conflict, InvalidInput, Problem, Unavailable
from usher.store.database import Database, InlineDatabase, ThreadedDatabase
from usher.store.migrations import upgrade
from usher.store.moved import refuse_moved
from usher.store.postgres import described, is_postgres
from usher.store.postgres_opening import connect_postgres
from usher.store.sqlite import SAFE_VERSION, OwnerLock, reader_engine, writer_engine
from usher.store.statements import Statements, statements_for

FILE_NAME = "usher.db"
OLDEST_VERSION = (3, 38, 0)  # the first with the ->> operator, which the ledger's statements need
APPLICATION_ID = 0x55736872  # "Ushr", in the file's header: a backup is told from any other database by it
COMPANIONS = ("", "-wal", "-shm")  # what SQLite keeps beside a database while it is open


@dataclass(frozen=True, slots=True)
class OpenStore:
    """
    The store, open until closed.

    Args:
        pages: the same database for people: however long they read, what *database* reads does not wait.
        clock: the ledger's.
        place: where it is, for people; holds no password.
        is_shared: other processes may work on it at the same time.
        let_go: gives back the right to write the data folder, where this process has it.
    """

    database: Database
    pages: Database
    statements: Statements
    clock: Clock
    place: str
    is_shared: bool
    let_go: Callable[[], None]

    async def close(self) -> None:
        """Finish what is waiting, then let others have it. Safe to repeat only before anybody else opens it."""
        try:
            await self.database.close()
            await self.pages.close()
        finally:
            self.let_go()


def open_store(
    data_dir: Path, *, clock: Clock, is_threaded: bool = True, database_url: str = "", is_owner: bool = True
) -> OpenStore:
    """
    Open the database that *database_url* names, in the newest shape.

    Args:
        is_threaded: threads of their own write and read; otherwise each work runs in its caller's thread.
        database_url: where it is; blank means SQLite in *data_dir*.
        is_owner: nobody else may work on *data_dir* meanwhile. With SQLite it is always so.

    Raises:
        Conflict: another process owns the folder, a newer Usher made the database, it was moved to PostgreSQL, or it
            is no database of Usher's.
        InvalidInput: *database_url* names none that Usher supports.
        Unavailable: the disk or the database did not take it; start again.
    """
    if not is_postgres(database_url):
        return open_sqlite(data_dir, clock=clock, is_threaded=is_threaded, database_url=database_url)
    with ExitStack() as undo:
        if is_owner:
            undo.callback(OwnerLock(data_dir).close)
        database, pages, ledger_clock = connect_postgres(database_url, clock=clock, is_threaded=is_threaded)
        let_go = undo.pop_all().close
    statements = statements_for("postgresql")
    return OpenStore(database, pages, statements, ledger_clock, described(database_url), True, let_go)


def open_sqlite(data_dir: Path, *, clock: Clock, is_threaded: bool = True, database_url: str = "") -> OpenStore:
    """Take ownership of the SQLite file, bring it to the newest shape, and open it. Raises as `open_store` does."""
    refuse_old_sqlite(sqlite3.sqlite_version_info)
    path = database_path(database_url, data_dir)
    with ExitStack() as undo:
        lock = OwnerLock(path.parent)
        undo.callback(lock.close)
        make_private(path)
        writer = writer_engine(path)
        undo.callback(writer.dispose)
        bring_up_to_date(writer, path=path)
        database, pages = _connected(writer, path, clock=clock, is_threaded=is_threaded)
        undo.pop_all()
    return OpenStore(database, pages, statements_for("sqlite"), clock, str(path), False, lock.close)


def _connected(writer: Engine, path: Path, *, clock: Clock, is_threaded: bool) -> tuple[Database, Database]:
    if not is_threaded:
        inline = InlineDatabase(writer, clock=clock)
        return inline, inline
    threaded = ThreadedDatabase(writer, reader_engine(path), reader_engine(path), clock=clock)
    return threaded, threaded.through(1)


def database_path(database_url: str, data_dir: Path) -> Path:
    """
    Return where SQLite's file is; a blank URL means in *data_dir*.

    Raises:
        InvalidInput: the URL names no file.
    """
    if not database_url:
        return data_dir / FILE_NAME
    scheme, _, rest = database_url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest not in {"/", "/:memory:"} and "?" not in rest:
        return Path(rest[1:])
    if is_postgres(database_url):
        problem = "names a PostgreSQL database, and this is only done with a file."
    else:
        problem = "is not the address of a database that Usher supports."
    mend = "Leave it blank, or write sqlite:///path (sqlite:////path from the root folder) or postgresql://host/name."
    raise InvalidInput(Problem("USHER_DATABASE_URL", problem, mend))


def make_private(path: Path) -> None:
    """
    Make sure that *path* exists and that nobody but its owner may read it, nor what SQLite keeps beside it.

    Call it only while no connection to *path* is open in this process.

    Raises:
        Conflict: the file belongs to somebody else; give it to the user that runs Usher.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        for companion in COMPANIONS:
            _tighten(path.with_name(path.name + companion))


def _tighten(path: Path) -> None:
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise Conflict(
            f"Others may read {path}, and it is not ours to close. Give it to the user that runs Usher."
        ) from error


def bring_up_to_date(writer: Engine, *, path: Path) -> None:
    """
    Run the migrations that the database lacks, in one transaction: after a crash there are all of them or none.

    Raises:
        Conflict, Unavailable: as for `open_sqlite`.
    """
    try:
        with writer.connect() as conn, conn.begin():
            mark = conn.exec_driver_sql("PRAGMA application_id").scalar_one()
            if mark != APPLICATION_ID:
                _refuse_foreign(conn, path=path)
                conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            refuse_moved(conn, path=path)
            upgrade(conn)
    except OperationalError as error:
        raise Unavailable(f"{path} could not be opened ({error.orig}). Check the disk, then start again.") from error
    except DBAPIError as error:
        raise Conflict(f"{path} is not a database that Usher can read ({error.orig}). Restore a backup.") from error


def _refuse_foreign(conn: Connection, *, path: Path) -> None:
    if conn.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first() is not None:
        raise Conflict(f"{path} is another program's database. Nothing was changed; choose another place for Usher's.")


def refuse_old_sqlite(version: tuple[int, ...]) -> None:
    """
    Let pass the versions of SQLite that know every statement Usher uses.

    Raises:
        Conflict: it is older.
    """
    if version < OLDEST_VERSION:
        raise Conflict(
            f"This Python has SQLite {_dotted(version)}; Usher needs {_dotted(OLDEST_VERSION)} or newer."
            " Install a Python that has a newer one."
        )


def sqlite_version_note(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """Return what to know about an SQLite of this *version*, or None where there is nothing to say."""
    if version >= SAFE_VERSION:
        return None
    return (
        f"SQLite {_dotted(version)} can damage a database that two connections write at once (mended in"
        f" {_dotted(SAFE_VERSION)}). Usher is safe from it: one process owns the file, and one connection writes."
        " Do not write to the file with other programs while Usher runs."
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
