"""Backups of a database in use, and the way back from one."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import NOON_MS, ManualClock
from tests.store.stores import HOLD_MS, Store, open_store, run, seen
from usher.domain.job import Status
from usher.errors import Conflict, NotFound, Unavailable
from usher.store.backup import backup
from usher.store.opening import FILE_NAME, OpenStore, open_sqlite
from usher.store.portable import MS_PER_MINUTE
from usher.store.restoring import RestoreReport, restore
from usher.store.sqlite import OwnerLock

CLOCK = ManualClock()
LATER_CLOCK = ManualClock(NOON_MS + 86_400_000)
BIG = 20_000_000  # bytes: several steps of a backup


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return conn.execute(statement).fetchall()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(statement)


def closed_backup(folder: Path, fill: Callable[[Store], object]) -> Path:
    """Fill a store, back it up, and change it afterwards so that the two differ."""
    store = open_store(folder)
    fill(store)
    to = folder / "backup.db"
    backup(to, folder, clock=CLOCK)
    store.observe(seen("came later", True, 1), job=99)
    run(store.database.close())
    return to


def restored(folder: Path, from_: Path) -> RestoreReport:
    return restore(from_, folder, clock=LATER_CLOCK, hold_ms=HOLD_MS)


def test_a_backup_is_one_private_file_that_says_what_it_holds(folder: Path) -> None:
    to = closed_backup(folder, lambda store: store.tell("jo", "ann"))

    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert not [path for path in folder.iterdir() if path.name.startswith("backup.db") and path != to]
    assert ask(to, "PRAGMA user_version") == [(NOON_MS // MS_PER_MINUTE,)]
    assert ask(to, "PRAGMA journal_mode") == [("delete",)]
    assert ask(to, "SELECT member FROM ledger ORDER BY member") == [("ann",), ("jo",)]


def test_the_report_counts_what_was_copied(folder: Path) -> None:
    store = open_store(folder)
    store.add_job()
    store.add_job(status=Status.DELETED)
    store.tell("jo", "ann")

    report = backup(folder / "b.db", folder, clock=CLOCK)

    assert (report.holds.jobs, report.holds.members) == (1, 2)
    assert report.holds.made_ms == NOON_MS // MS_PER_MINUTE * MS_PER_MINUTE
    assert report.holds.size_bytes == (folder / "b.db").stat().st_size
    run(store.database.close())


def test_what_is_still_in_the_log_is_copied_and_the_source_is_not_touched(folder: Path) -> None:
    source = folder / FILE_NAME
    store = open_store(folder)
    store.tell("jo")
    files = [source, source.with_name(f"{FILE_NAME}-wal")]
    before = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    assert before[1][0] > 0

    backup(folder / "b.db", folder, clock=CLOCK)

    assert [(path.stat().st_size, path.stat().st_mtime_ns) for path in files] == before
    assert ask(folder / "b.db", "SELECT member FROM ledger") == [("jo",)]
    run(store.database.close())


def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(folder: Path) -> None:
    store = open_store(folder)
    store.write(lambda txn: txn.conn.exec_driver_sql(f"INSERT INTO unreadable VALUES (1,'a',1,0,'',zeroblob({BIG}),0)"))
    store.observe(seen("before", True, 1))
    steps: list[tuple[int, int]] = []

    def write_meanwhile(done: int, total: int) -> None:
        steps.append((done, total))
        store.observe(seen(f"meanwhile {len(steps)}", True, 1))

    report = backup(folder / "b.db", folder, clock=CLOCK, on_progress=write_meanwhile)

    assert len(steps) > 2
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    assert report.holds.members == 1
    assert ask(folder / "b.db", "SELECT job, value FROM counters WHERE name = 'members.total'") == [(1, 1)]
    assert store.counters()["members.total"] == 1 + len(steps)
    run(store.database.close())


async def test_a_backup_runs_beside_an_open_store(tmp_path: Path) -> None:
    store: OpenStore = open_sqlite(tmp_path, clock=CLOCK)
    report = backup(tmp_path / "b.db", tmp_path, clock=CLOCK)
    assert await store.database.write(lambda txn: txn.now_ms) == NOON_MS
    await store.close()

    assert report.holds.members == 0


def test_a_backup_never_overwrites_a_file(folder: Path) -> None:
    (folder / "b.db").write_text("precious")

    with pytest.raises(Conflict, match="exists already"):
        backup(folder / "b.db", folder, clock=CLOCK)
    assert (folder / "b.db").read_text() == "precious"


@pytest.mark.parametrize("spoil", ["cut", "not ours", "newer", "text"])
def test_a_damaged_or_foreign_source_leaves_no_backup(folder: Path, spoil: str) -> None:
    source = folder / FILE_NAME
    if spoil == "cut":
        source.write_bytes(source.read_bytes()[: 4096 * 5])
    elif spoil == "not ours":
        change(source, "PRAGMA application_id = 1")
    elif spoil == "newer":
        change(source, "UPDATE alembic_version SET version_num = '9999'")
    else:
        source.write_text("Dear diary, " * 1000)

    with pytest.raises(Conflict):
        backup(folder / "b.db", folder, clock=CLOCK)
    assert not list(folder.glob("b.db*"))


def test_a_missing_source_and_a_missing_folder_are_named(folder: Path) -> None:
    with pytest.raises(NotFound, match="no database at"):
        backup(folder / "b.db", folder / "none", clock=CLOCK)
    with pytest.raises(Unavailable, match="could not be written"):
        backup(folder / "none" / "b.db", folder, clock=CLOCK)


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(folder: Path) -> None:
    from_ = closed_backup(folder, lambda store: store.tell("jo"))

    report = restored(folder, from_)

    assert report.made_ms == NOON_MS // MS_PER_MINUTE * MS_PER_MINUTE
    assert report.replaced is not None
    assert ask(folder / FILE_NAME, "SELECT member FROM ledger") == [("jo",)]
    assert ask(report.replaced, "SELECT member FROM ledger ORDER BY member") == [("came later",), ("jo",)]
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert ask(folder / FILE_NAME, "PRAGMA user_version") == [(0,)]
    assert from_.exists()


def crashed(folder: Path, store: Store) -> Path:
    """A folder as a killed process leaves it: what it wrote last is in the log alone."""
    left = folder / "crashed"
    left.mkdir()
    for path in folder.glob(f"{FILE_NAME}*"):
        (left / path.name).write_bytes(path.read_bytes())
    run(store.database.close())
    return left


def test_the_log_of_a_crashed_process_is_copied_and_left_as_it_is(folder: Path) -> None:
    store = open_store(folder)
    store.tell("jo")
    left = crashed(folder, store)
    before = {path.name: path.read_bytes() for path in left.iterdir()}

    assert backup(folder / "b.db", left, clock=CLOCK).holds.members == 1
    after = {path.name: path.read_bytes() for path in left.iterdir()}
    del before[f"{FILE_NAME}-shm"], after[f"{FILE_NAME}-shm"]
    assert after == before


def test_the_log_of_a_crashed_process_is_kept_and_never_mixed_into_the_restored_file(folder: Path) -> None:
    store = open_store(folder)
    store.tell("jo")
    from_ = folder / "backup.db"
    backup(from_, folder, clock=CLOCK)
    store.observe(seen("only in the log", True, 1))
    left = crashed(folder, store)

    report = restored(left, from_)

    assert report.replaced is not None
    assert ask(left / FILE_NAME, "SELECT member FROM ledger") == [("jo",)]
    assert ask(report.replaced, "SELECT COUNT(*) FROM ledger") == [(2,)]


async def test_a_restored_store_opens_and_goes_on(folder: Path) -> None:
    from_ = closed_backup(folder, lambda store: store.tell("jo"))
    restored(folder, from_)

    store = open_sqlite(folder, clock=LATER_CLOCK, is_threaded=False)
    assert await store.database.write(lambda txn: txn.now_ms) == LATER_CLOCK.now_ms()
    await store.close()


def test_a_restore_into_an_empty_folder_replaces_nothing(folder: Path, tmp_path: Path) -> None:
    from_ = closed_backup(folder, lambda store: store.tell("jo"))

    report = restored(tmp_path / "elsewhere", from_)

    assert report.replaced is None
    assert ask(tmp_path / "elsewhere" / FILE_NAME, "SELECT member FROM ledger") == [("jo",)]


def test_nothing_is_restored_while_usher_runs(folder: Path) -> None:
    from_ = closed_backup(folder, lambda store: store.tell("jo"))
    lock = OwnerLock(folder)

    with pytest.raises(Conflict, match="already works on"):
        restored(folder, from_)
    lock.close()

    assert ask(folder / FILE_NAME, "SELECT COUNT(*) FROM ledger") == [(2,)]


@pytest.mark.parametrize("spoil", ["newer", "not ours", "torn", "text", "itself", "missing"])
def test_what_cannot_be_trusted_is_refused_and_nothing_is_changed(folder: Path, spoil: str) -> None:
    from_ = closed_backup(folder, lambda store: store.tell("jo"))
    match spoil:
        case "newer":
            change(from_, "UPDATE alembic_version SET version_num = '9999'")
        case "not ours":
            change(from_, "PRAGMA application_id = 1")
        case "torn":
            whole = bytearray(from_.read_bytes())
            whole[4096 * 4 : 4096 * 12] = b"\xff" * 4096 * 8
            from_.write_bytes(whole)
        case "text":
            from_.write_text("Dear diary, " * 1000)
        case "itself":
            from_ = folder / FILE_NAME
        case "missing":
            from_ = folder / "none.db"

    with pytest.raises(NotFound if spoil == "missing" else Conflict):
        restored(folder, from_)

    assert ask(folder / FILE_NAME, "SELECT COUNT(*) FROM ledger") == [(2,)]
    assert not list(folder.glob("*.restoring*"))
    assert not list(folder.glob("*.before-restore*"))
