"""Opening the store: whose it is, its shape, and who may read it."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.clocks import ManualClock
from usher.errors import Conflict, InvalidInput
from usher.store.migrations import known_revisions, upgrade
from usher.store.opening import (
    APPLICATION_ID,
    FILE_NAME,
    OpenStore,
    database_path,
    open_sqlite,
    refuse_old_sqlite,
    sqlite_version_note,
)
from usher.store.sqlite import OwnerLock, reader_engine, writer_engine
from usher.store.tables import metadata

CLOCK = ManualClock()


def opened(folder: Path, *, database_url: str = "") -> OpenStore:
    return open_sqlite(folder, clock=CLOCK, is_threaded=False, database_url=database_url)


def pages_of(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as conn:
        yield conn


def shape_of(conn: sqlite3.Connection) -> dict[str, str]:
    found = conn.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%'"
    )
    return {name: " ".join(sql.split()) for name, sql in found}


def test_migrations_build_exactly_the_tables_that_the_code_names(raw: sqlite3.Connection) -> None:
    dialect = create_engine("sqlite://").dialect
    wanted: dict[str, str] = {}
    for table in metadata.sorted_tables:
        wanted[table.name] = " ".join(str(CreateTable(table).compile(dialect=dialect)).split())
        for index in table.indexes:
            wanted[str(index.name)] = " ".join(str(CreateIndex(index).compile(dialect=dialect)).split())

    assert shape_of(raw) == wanted
    assert "WITHOUT ROWID" in wanted["ledger"]
    assert "WHERE due_at IS NOT NULL" in wanted["ledger_due"]


async def test_opening_again_changes_nothing_in_the_file(folder: Path) -> None:
    before = pages_of(folder / FILE_NAME)

    await opened(folder).close()

    assert pages_of(folder / FILE_NAME) == before


async def test_an_empty_folder_gets_a_private_database_marked_as_ours(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    kept = opened(data_dir)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
    await kept.close()

    assert set(modes) == {"usher.db", "usher.db-wal", "usher.db-shm", "usher.lock"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    with closing(sqlite3.connect(data_dir / FILE_NAME)) as conn:
        assert conn.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(known_revisions()[0],)]


async def test_a_database_that_others_could_read_is_made_private(folder: Path) -> None:
    (folder / FILE_NAME).chmod(0o644)

    await opened(folder).close()

    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600


def test_a_database_of_a_newer_usher_is_refused_and_left_alone(folder: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(Conflict, match="newer Usher"):
        opened(folder)
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as conn:
        conn.execute("CREATE TABLE jobs (id INTEGER)")
    with pytest.raises(Conflict, match="another program's"):
        opened(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as conn:
        assert conn.execute("SELECT name FROM sqlite_master").fetchall() == [("jobs",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"Dear diary, " * 1000)

    with pytest.raises(Conflict, match="not a database that Usher can read"):
        opened(tmp_path)
    OwnerLock(tmp_path).close()


def test_an_upgrade_that_is_cut_short_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = writer_engine(tmp_path / FILE_NAME)
    with engine.connect() as conn:
        transaction = conn.begin()
        upgrade(conn)
        transaction.rollback()

    with engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT name FROM sqlite_master").all() == []
    engine.dispose()


async def test_a_second_owner_is_refused_by_name_until_the_first_has_gone(folder: Path) -> None:
    first = opened(folder)
    with pytest.raises(Conflict, match=r"Process \d+ already works on"):
        opened(folder)
    await first.close()

    await opened(folder).close()


async def test_threads_end_when_the_store_is_closed(folder: Path) -> None:
    kept = open_sqlite(folder, clock=CLOCK)
    assert await kept.database.read(lambda txn: txn.now_ms) == CLOCK.now_ms()
    await kept.close()

    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("usher-")]


def test_a_reader_cannot_write(folder: Path) -> None:
    writer, reader = writer_engine(folder / FILE_NAME), reader_engine(folder / FILE_NAME)
    with reader.connect() as conn, pytest.raises(Exception, match="readonly"):
        conn.exec_driver_sql("INSERT INTO counters VALUES (1, 'x', 1)")
    reader.dispose()
    writer.dispose()


async def test_every_character_of_a_folders_name_is_meant_literally(tmp_path: Path) -> None:
    odd = tmp_path / "50%20off? #1 größer"
    await opened(odd).close()

    assert [path.name for path in tmp_path.rglob("*.db")] == [FILE_NAME]  # noqa: ASYNC240 - nothing else runs
    assert (odd / FILE_NAME).stat().st_size > 0


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "data/usher.db"),
        ("sqlite:///other/ledger.db", "other/ledger.db"),
        ("sqlite:////srv/usher/ledger.db", "/srv/usher/ledger.db"),
    ],
)
def test_the_database_is_where_its_address_says(url: str, path: str) -> None:
    assert database_path(url, Path("data")) == Path(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:secret@db/usher", "names a PostgreSQL database"),
        ("postgresql+psycopg://u:secret@db/usher", "names a PostgreSQL database"),
        ("mysql://u:secret@db/usher", "not the address of a database that Usher supports"),
        ("sqlite://", "not the address"),
        ("sqlite:///", "not the address"),
        ("sqlite:///:memory:", "not the address"),
        ("sqlite:///a.db?mode=ro", "not the address"),
        ("usher.db", "not the address"),
    ],
)
def test_other_addresses_are_refused_without_repeating_their_password(url: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        database_path(url, Path("data"))
    assert "USHER_DATABASE_URL" in caught.value.message
    assert "secret" not in caught.value.message


async def test_a_database_elsewhere_is_locked_where_it_is(tmp_path: Path) -> None:
    kept = opened(tmp_path / "data", database_url=f"sqlite:///{tmp_path}/elsewhere/ledger.db")

    assert kept.place == str(tmp_path / "elsewhere" / "ledger.db")
    with pytest.raises(Conflict):
        OwnerLock(tmp_path / "elsewhere")
    await kept.close()


def test_an_sqlite_too_old_for_the_statements_is_refused() -> None:
    with pytest.raises(Conflict, match=r"SQLite 3\.34\.1; Usher needs 3\.38\.0"):
        refuse_old_sqlite((3, 34, 1))


@pytest.mark.parametrize(("version", "is_noted"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)])
def test_the_doctor_hears_why_an_older_sqlite_is_safe_here(version: tuple[int, ...], is_noted: bool) -> None:
    note = sqlite_version_note(version)
    assert (note is not None) == is_noted
    assert note is None or "one connection writes" in note


def test_a_commit_is_told_to_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    with writer_engine(tmp_path / "any.db").connect() as conn:
        said = [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")]
    assert said == [2, "wal"]  # 2 is FULL: the log is synced at every commit (sqlite.org/pragma.html)
