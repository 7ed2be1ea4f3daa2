"""
The way back from a backup, on either database: prepared aside, then put in place all at once.

What was there before is kept as a file.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from usher.clock import Clock
from usher.domain.notes import LOCAL_OPERATOR
from usher.errors import Conflict, NotFound
from usher.store.after_restore import make_ready
from usher.store.backup import save_rows
from usher.store.copying import Progress, copy_all, empty_all, holds_rows
from usher.store.database import Txn
from usher.store.migrations import upgrade
from usher.store.moved import forget_moved
from usher.store.notes import add_audit
from usher.store.opening import FILE_NAME, bring_up_to_date, database_path
from usher.store.portable import changing, checked, copy_pages, new_file, reading, sync_folder
from usher.store.postgres import described, is_postgres
from usher.store.sqlite import OwnerLock, writer_engine
from usher.store.whole_postgres import alone, now_ms_of


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


def restore(
    from_: Path,
    data_dir: Path,
    *,
    clock: Clock,
    hold_ms: int,
    database_url: str = "",
    on_progress: Progress | None = None,
) -> RestoreReport:
    """
    Put a backup in the place of the database; what was there is kept, as a file in the data folder.

    Every live job tells everybody again and compares its audience again, by itself. Nothing is sent for *hold_ms*
    (the time a claim holds), because a request sent before the restore may still land.
    Somebody who first came after the backup and has left since is in no place that Usher could look.

    Raises:
        NotFound: there is no file *from_*.
        Conflict: Usher is running, or *from_* is damaged, not Usher's, or made by a newer Usher. Nothing was changed.
        Unavailable: the disk or the database did not take it. Nothing was changed.
    """
    if not from_.is_file():
        raise NotFound(f"There is no file {from_}. Check its name.")
    if is_postgres(database_url):
        return _restore_rows(from_, data_dir, database_url, clock=clock, hold_ms=hold_ms, on_progress=on_progress)
    path = database_path(database_url, data_dir)
    with closing(OwnerLock(path.parent)):
        if path.exists() and path.samefile(from_):
            raise Conflict(f"{from_} is the database itself. Name a backup of it.")
        now_ms = clock.now_ms()
        with _prepared(from_, path, now_ms=now_ms, hold_ms=hold_ms) as (fresh, made_ms, jobs):
            replaced = _keep_replaced(path, now_ms=now_ms) if path.exists() else None
            fresh.replace(path)
            sync_folder(path.parent)
    return RestoreReport(made_ms, replaced, jobs)


def after_restore(data_dir: Path, *, clock: Clock, hold_ms: int, database_url: str = "") -> int:
    """
    Put right a database that was restored by other means than `restore`; return how many jobs compare again.

    Idempotent: no; everybody is told once more, and nothing worse.

    Raises:
        Conflict: Usher is running. NotFound: there is no database.
        Unavailable: the disk or the database did not take it. Nothing was changed.
    """
    if is_postgres(database_url):
        with alone(database_url) as conn:
            return _put_right(conn, now_ms=now_ms_of(conn), hold_ms=hold_ms)
    path = database_path(database_url, data_dir)
    if not path.is_file():
        raise NotFound(f"There is no database at {path}. Check USHER_DATA_DIR.")
    with closing(OwnerLock(path.parent)):
        engine = writer_engine(path)
        try:
            bring_up_to_date(engine, path=path)
            with engine.begin() as conn:
                return _put_right(conn, now_ms=clock.now_ms(), hold_ms=hold_ms)
        finally:
            engine.dispose()


def _put_right(conn: Connection, *, now_ms: int, hold_ms: int) -> int:
    _audit(conn, "db.after_restore", what="database", now_ms=now_ms)
    return make_ready(conn, now_ms=now_ms, hold_ms=hold_ms)


def _audit(conn: Connection, action: str, *, what: str, now_ms: int) -> None:
    add_audit(Txn(conn, now_ms), actor=LOCAL_OPERATOR, action=action, what=what)


def place_of(database_url: str, data_dir: Path) -> str:
    """Name the database to people, without its password."""
    return described(database_url) if is_postgres(database_url) else str(database_path(database_url, data_dir))


@contextmanager
def _prepared(from_: Path, path: Path, *, now_ms: int, hold_ms: int) -> Iterator[tuple[Path, int | None, int]]:
    """Yield a copy beside *path* that knows it was restored, when the backup was made, and the jobs to compare."""
    fresh = path.with_name(f"{path.name}.restoring")
    try:
        with new_file(fresh) as partial:
            copy_pages(from_, partial)
            found = checked(partial, path=from_)
            with changing(partial) as conn:
                upgrade(conn)
                forget_moved(conn)
                jobs = make_ready(conn, now_ms=now_ms, hold_ms=hold_ms)
                _audit(conn, "db.restore", what=from_.name, now_ms=now_ms)
                conn.exec_driver_sql("PRAGMA user_version = 0")
        yield fresh, found.made_ms, jobs
    finally:
        fresh.unlink(missing_ok=True)


def _restore_rows(
    from_: Path, data_dir: Path, database_url: str, *, clock: Clock, hold_ms: int, on_progress: Progress | None
) -> RestoreReport:
    path = data_dir / FILE_NAME
    with closing(OwnerLock(data_dir)), alone(database_url) as target:
        now_ms = now_ms_of(target)
        with _prepared(from_, path, now_ms=now_ms, hold_ms=hold_ms) as (fresh, made_ms, jobs):
            kept = _kept_name(path, now_ms=now_ms) if holds_rows(target) else None
            try:
                if kept is not None:
                    save_rows(target, kept)
                empty_all(target)
                with reading(fresh) as source:
                    copy_all(source, target, on_progress=on_progress)
            except BaseException:
                if kept is not None:
                    kept.unlink(missing_ok=True)
                raise
    return RestoreReport(made_ms, kept, jobs)


def _kept_name(path: Path, *, now_ms: int) -> Path:
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{path.name}.before-restore-{stamp}")


def _keep_replaced(path: Path, *, now_ms: int) -> Path:
    """Keep the database at *path* under another name too, together with the part of it that is still in its log."""
    kept = _kept_name(path, now_ms=now_ms)
    kept.hardlink_to(path)
    # The log must go before the new file comes: SQLite would replay it into that one.
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.replace(kept.with_name(f"{kept.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return kept
