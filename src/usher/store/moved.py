"""
What a SQLite file says once its ledger went elsewhere, so that nobody serves, copies or trusts it by mistake.

A restore forgets it: a copy of the file that is restored tells everybody again, which is the way back.
"""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from usher.errors import Conflict

MOVED_TO, MOVED_MS = "moved_to", "moved_ms"  # in facts: the place without its password, and when
HAS_FACTS = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'facts'")
KEPT = text("SELECT name, value FROM facts WHERE name IN (:place, :at)")
KEEP = text("INSERT INTO facts (name, value) VALUES (:name, :value)")
FORGET = text("DELETE FROM facts WHERE name IN (:place, :at)")
NAMES = {"place": MOVED_TO, "at": MOVED_MS}


def mark_moved(conn: Connection, *, place: str, now_ms: int) -> None:
    """Write into the file that its ledger is at *place* since *now_ms*. Idempotent: yes; the newest word counts."""
    forget_moved(conn)
    conn.execute(KEEP, [{"name": MOVED_TO, "value": place}, {"name": MOVED_MS, "value": str(now_ms)}])


def forget_moved(conn: Connection) -> None:
    """Let the file be served again; only for what tells everybody again. Idempotent: yes."""
    conn.execute(FORGET, NAMES)


def refuse_moved(conn: Connection, *, path: Path) -> None:
    """
    Let pass the file at *path* unless its ledger was moved.

    Raises:
        Conflict: it was; use the database that the message names.
    """
    if conn.execute(HAS_FACTS).first() is None:
        return
    kept = {row.name: row.value for row in conn.execute(KEPT, NAMES)}
    if MOVED_TO in kept:
        day = datetime.fromtimestamp(int(kept[MOVED_MS]) / 1000, UTC).date()
        raise Conflict(
            f"{path} was moved to {kept[MOVED_TO]} on {day}; set USHER_DATABASE_URL."
            " To go back on purpose, run `usher db restore` with a backup, or with a copy of this file."
        )
