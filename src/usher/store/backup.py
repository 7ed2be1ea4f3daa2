"""
Backups: one consistent file of a database that may be in use, and the way back from it.

A backup reads one snapshot through a connection that can neither write nor checkpoint, so that `serve` stays the only
one that does. A restored ledger does not know what Mapp was told since; everybody is told and compared again.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from usher.clock import Clock
from usher.domain.job import LIVE
from usher.domain.notes import LogCode
from usher.domain.scan import ScanState
from usher.errors import Conflict, NotFound, Unavailable
from usher.store.migrations import refuse_newer
from usher.store.opening import APPLICATION_ID, database_path, make_private
from usher.store.sqlite import OwnerLock, file_uri
from usher.store.statements import LANE_BULK

PAGES_A_STEP = 2_000  # 8 MB: often enough to show progress, seldom enough to cost nothing
MS_PER_MINUTE = 60_000
Progress = Callable[[int, int], None]  # pages copied, of how many


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was checked after it was written. *revision* is the shape of its tables."""

    path: Path
    made_ms: int
    size_bytes: int
    revision: str
    jobs: int
    members: int


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """
    What a restore did.

    Args:
        made_ms: when the backup was made, to the minute; None where it is a plain copy that does not say.
        replaced: where the database that was there is now; None where there was none.
        jobs: how many live jobs will compare their audience again.
    """

    made_ms: int | None
    replaced: Path | None
    jobs: int


def backup(source: Path, to: Path, *, clock: Clock, on_progress: Progress | None = None) -> BackupReport:
    """
    Copy the database *source* to the new file *to*, as it is at this moment. Blocks; run it in a thread.

    Concurrency: safe while another process or thread uses and writes *source*, whose log grows meanwhile.

    Raises:
        NotFound: there is no database at *source*.
        Conflict: something is at *to* already, or *source* is damaged.
        Unavailable: the disk did not take it; nothing is left at *to*.
    """
    if not source.is_file():
        raise NotFound(f"There is no database at {source}. Check USHER_DATA_DIR.")
    if to.exists():
        raise Conflict(f"{to} exists already. Choose another name, or move it away.")
    made_ms = clock.now_ms()
    with _failures_named(source), _new_file(to) as partial:
        _copy(source, partial, on_progress=on_progress)
        with _opened(partial, "rw") as conn:
            # user_version has 31 bits: enough for minutes, not for milliseconds
            conn.execute(f"PRAGMA user_version = {made_ms // MS_PER_MINUTE}")
        return _checked(partial, made_ms=made_ms, path=to)


def restore(from_: Path, data_dir: Path, *, clock: Clock, hold_ms: int, database_url: str = "") -> RestoreReport:
    """
    Put a backup in the place of the database; what was there is kept beside it.

    Every live job tells everybody again and compares its audience again, by itself. What is owed waits *hold_ms*
    (the time a claim holds), because a request sent before the restore may still land.
    Somebody who first came after the backup and has left since is in no place that Usher could look.

    Raises:
        NotFound: there is no file *from_*.
        Conflict: Usher is running, or *from_* is damaged, not Usher's, or made by a newer Usher. Nothing was changed.
        Unavailable: the disk did not take it. Nothing was changed.
    """
    path = database_path(database_url, data_dir)
    if not from_.is_file():
        raise NotFound(f"There is no file {from_}. Check its name.")
    with closing(OwnerLock(path.parent)):
        if path.exists() and path.samefile(from_):
            raise Conflict(f"{from_} is the database itself. Name a backup of it.")
        now_ms = clock.now_ms()
        fresh = path.with_name(f"{path.name}.restoring")
        fresh.unlink(missing_ok=True)
        with _failures_named(from_), _new_file(fresh) as partial:
            _copy(from_, partial)
            _checked(partial, made_ms=now_ms, path=from_)
            with _opened(partial, "rw") as conn:
                made_minutes = conn.execute("PRAGMA user_version").fetchone()[0]
                jobs = _make_ready(conn, now_ms=now_ms, hold_ms=hold_ms)
        replaced = _keep_replaced(path, now_ms=now_ms) if path.exists() else None
        fresh.replace(path)
        _sync_folder(path.parent)
    return RestoreReport(made_minutes * MS_PER_MINUTE or None, replaced, jobs)


def _copy(source: Path, to: Path, *, on_progress: Progress | None = None) -> None:
    def step(_status: int, remaining: int, total: int) -> None:
        if on_progress is not None:
            on_progress(total - remaining, total)

    with _opened(source, "ro") as reading, _opened(to, "rw") as writing:
        # An open snapshot keeps every step at the same moment; without it each write would start the copy anew.
        reading.execute("BEGIN")
        reading.execute("SELECT 1 FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES_A_STEP, progress=step)
        reading.rollback()
        writing.execute("PRAGMA journal_mode = DELETE")


def _opened(path: Path, mode: str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file_uri(path, mode=mode), uri=True, isolation_level=None))


@contextmanager
def _failures_named(source: Path) -> Iterator[None]:
    """Name SQLite's own failures while *source* is copied by what to do about them."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{source} could not be copied ({error}). Check the disk, then try again.") from error
    except sqlite3.DatabaseError as error:
        raise Conflict(f"{source} is damaged, or is no database ({error}). Use another backup.") from error


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Yield the name to write under; the file is private, and appears at *path* whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        make_private(partial)
        yield partial
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} could not be written ({error.strerror}). Check the folder and the disk.") from error
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(copy: Path, *, made_ms: int, path: Path) -> BackupReport:
    """
    Read a whole *copy* of *path* and say what is in it.

    Raises:
        Conflict: it is damaged, not Usher's, or made by a newer Usher.
    """
    with _opened(copy, "ro") as conn:
        if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise Conflict(f"{path} is not a database of Usher's.")
        fault = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if fault != "ok":
            raise Conflict(f"{path} is damaged ({fault}). Use another backup.")
        revision = conn.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        refuse_newer(revision)
        jobs = conn.execute("SELECT COUNT(*) FROM jobs WHERE status <> 'deleted'").fetchone()[0]
        members = conn.execute("SELECT COUNT(*) FROM ledger").fetchone()[0]
    return BackupReport(path, made_ms, copy.stat().st_size, revision, jobs, members)


def _make_ready(conn: sqlite3.Connection, *, now_ms: int, hold_ms: int) -> int:
    """Let a restored copy put right what it missed; return how many jobs compare their audience again."""
    live = {f"live{n}": status for n, status in enumerate(sorted(LIVE))}
    known = {
        "now": now_ms,
        "until": now_ms + hold_ms,
        "running": ScanState.RUNNING,
        "bulk": LANE_BULK,
        "resent": LogCode.RESENT,
    }
    known |= live
    conn.execute("BEGIN IMMEDIATE")
    conn.execute("PRAGMA user_version = 0")
    which = f"status IN ({', '.join(f':{name}' for name in live)})"
    jobs = sum(conn.execute(statement.format(live=which), known).rowcount for statement in WANT_SCANS)
    for statement in (INTERRUPT_SCANS, OWE_AGAIN, COUNT_DUE, SAY_SO):
        conn.execute(statement.format(live=which), known)
    conn.execute("COMMIT")
    return jobs


# A scan that was running began before the restore, and would say nothing of what changed since: it starts again.
WANT_SCANS = (
    "UPDATE jobs SET scan_wanted = 'reconcile' WHERE {live} AND is_baselined",
    """
    UPDATE jobs SET scan_wanted = CASE latest.kind WHEN 'backfill' THEN 'backfill' ELSE 'reconcile' END
    FROM (SELECT job, kind, MAX(id) FROM scans WHERE state = :running GROUP BY job) AS latest
    WHERE {live} AND NOT is_baselined AND jobs.key = latest.job
    """,
)
INTERRUPT_SCANS = """
UPDATE scans SET state = 'interrupted', reason = 'a backup was restored', finished_ms = :now WHERE state = :running
"""
# What Mapp was told since the backup is not known. A scan alone would leave a person as Mapp was last told who left
# and came back after it; so whoever was told anything is told again.
OWE_AGAIN = """
UPDATE ledger SET due_at = MAX(COALESCE(due_at, 0), :until), lane = CASE WHEN due_at IS NULL THEN :bulk ELSE lane END
WHERE due_at IS NOT NULL
    OR (accepted IS NOT NULL AND aside IS NULL AND job IN (SELECT key FROM jobs WHERE {live}))
"""
COUNT_DUE = """
INSERT INTO counters (job, name, value)
SELECT job, 'members.due', COUNT(*) FROM ledger WHERE due_at IS NOT NULL GROUP BY job
ON CONFLICT (job, name) DO UPDATE SET value = excluded.value
"""
SAY_SO = """
INSERT INTO job_logs (job, at_ms, level, code, message)
SELECT key, :now, 'info', :resent, 'A backup was restored, so everybody is told again.' FROM jobs WHERE {live}
"""


def _keep_replaced(path: Path, *, now_ms: int) -> Path:
    """Keep the database at *path* under another name too, together with the part of it that is still in its log."""
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = path.with_name(f"{path.name}.before-restore-{stamp}")
    kept.hardlink_to(path)
    # The log must go before the new file comes: SQLite would replay it into that one.
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.replace(kept.with_name(f"{kept.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return kept
