"""
How Usher opens a SQLite file.

One process owns the file: a lock beside it says so. One connection writes; write-ahead logging lets others read.
`synchronous=FULL` makes every commit durable.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from usher.errors import Conflict, InvalidInput, Problem

CACHE_KIB = 64_000
CHECKPOINT_PAGES = 4_000  # 16 MB of log; larger groups of pages are cheaper to write back
SAFE_VERSION = (
    3,
    51,
    3,
)  # before it, two writing connections can corrupt a WAL database (sqlite.org/wal.html)


def writer_engine(path: Path) -> Engine:
    """Open *path* for the one connection that may write."""
    engine = _engine(path, "rwc")

    @event.listens_for(engine, "connect")
    def _set(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA journal_size_limit=67108864")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader_engine(path: Path) -> Engine:
    """Open *path* for reading; a write through it is refused."""
    engine = _engine(path, "rw")

    @event.listens_for(engine, "connect")
    def _set(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA busy_timeout=30000")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def file_uri(path: Path, *, mode: str) -> str:
    """Name *path* to SQLite whatever characters it holds; *mode* is "ro", "rw" or "rwc"."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def _engine(path: Path, mode: str) -> Engine:
    uri = file_uri(path, mode=mode)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    # Parameters hold members and secrets, and what fails is logged.
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)


class OwnerLock:
    """
    Holds the right to write a data folder until closed.

    Raises:
        Conflict: another process holds it; the message names it.
        InvalidInput: the folder cannot be made or written to; choose another.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "usher.lock"
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problem = f"is no folder that can be made and written to: {data_dir} ({error.strerror})."
            mend = "Choose another folder, or let this user write to it."
            raise InvalidInput(Problem("USHER_DATA_DIR", problem, mend)) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise Conflict(
                f"Process {holder or 'unknown'} already works on {data_dir}. Stop it first, or wait until it has ended."
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        os.close(self._file)
