"""What the doctor looks at on this machine: the database file, the key, and SQLite."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from secrets import token_bytes

from usher.errors import Conflict, UsherError
from usher.settings import Settings
from usher.store.moved import refuse_moved
from usher.store.opening import database_path, sqlite_version_note
from usher.store.portable import reading
from usher.store.sqlite import file_uri
from usher.vault import KEY_FILE_NAME, load_or_create_key_ring


class Level(StrEnum):
    """How one thing stands."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """
    One thing that was looked at, and what would mend it.

    Args:
        stops_all: no service can run while this is so, so that none does says nothing new.
    """

    level: Level
    what: str
    mend: str = ""
    stops_all: bool = False


def local_checks(settings: Settings) -> list[Check]:
    """Look at the database where it is a file, and at SQLite. Nothing is changed or made."""
    return [_database(settings), _sqlite()]


def _database(settings: Settings) -> Check:
    try:
        path = database_path(settings.database_url, settings.data_dir)
        if not path.exists():
            return Check(Level.WARN, f"There is no database at {path} yet.", "`usher serve` makes it.")
        fault = integrity(path)
    except UsherError as error:
        return Check(Level.BAD, "The database's address does not work.", error.message, stops_all=True)
    except sqlite3.Error as error:
        return Check(
            Level.BAD, f"The database at {path} cannot be read ({error}).", "Restore a backup.", stops_all=True
        )
    if fault:
        return Check(Level.BAD, f"The database at {path} is damaged ({fault}).", "Restore a backup.")
    return _moved(path) or Check(Level.OK, f"The database at {path} is whole.")


def _moved(path: Path) -> Check | None:
    try:
        with reading(path) as conn:
            refuse_moved(conn, path=path)
    except Conflict as error:
        return Check(Level.BAD, error.message, stops_all=True)
    return None


def integrity(path: Path) -> str:
    """Return what is wrong with the database file, or "". Safe while another process uses it."""
    with closing(sqlite3.connect(file_uri(path, mode="ro"), uri=True)) as conn:
        found = str(conn.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found


def key_check(settings: Settings) -> Check:
    """Look whether the secret key is there and fit."""
    is_given = settings.secret_key.get_secret_value() or settings.secret_key_file is not None
    if not is_given and not (settings.data_dir / KEY_FILE_NAME).exists():
        return Check(Level.WARN, "There is no secret key yet.", "It is made at the first start.")
    try:
        ring = load_or_create_key_ring(
            secret_key=settings.secret_key,
            secret_key_file=settings.secret_key_file,
            data_dir=settings.data_dir,
            random_bytes=token_bytes,
        )
    except UsherError as error:
        return Check(Level.BAD, "The secret key does not work.", error.message, stops_all=True)
    return Check(Level.OK, f"The secret key {ring.current.key_id} is in use ({len(ring.keys)} in all).")


def _sqlite() -> Check:
    note = sqlite_version_note()
    if note:
        return Check(Level.WARN, note)
    return Check(Level.OK, f"SQLite is {sqlite3.sqlite_version}.")
