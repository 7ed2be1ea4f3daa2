"""A whole database from SQLite to PostgreSQL and back: every value arrives, in pieces, all of it or nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, SmallInteger, String, Table, text

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import Store, open_postgres_store, open_store, run
from usher.domain.notes import LogCode, LogEntry
from usher.errors import Conflict, NotFound, Unavailable
from usher.store import notes
from usher.store.backup import backup
from usher.store.copying import MENDED, PIECE_ROWS, TRANSIENT, Copied, copy_all, empty_all
from usher.store.database import Txn
from usher.store.opening import FILE_NAME
from usher.store.portable import changing, reading
from usher.store.tables import metadata
from usher.store.whole_postgres import alone, at_one_moment

CLOCK = ManualClock()
KEPT = [table for table in metadata.sorted_tables if table.name not in TRANSIENT]
TEXTS = [
    "",
    "😀 Zoë naïve ǅ",
    "e\u0301 is not é",
    "tab\tline\nreturn\rbackslash\\ \\N \\. quote' \"",
    "NULL",
    "\x01\x7f\u2028\ufeff\U0010ffff",
    "x" * 256,
]
BYTES = [bytes(range(256)), b"", b"\\x00", b"\xff\xfe"]
# As bytes order them, unlike any language does: capitals first, then marks.
MEMBERS = ["A", "Z", "a", "a b", "a-b", "aa", "z", "é", "ä" * 128, "😀"]
MANY = 100_000
ROWS = """
    INSERT INTO ledger (job, member, is_in, version, due_at)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
    SELECT 1, 'p' || i, 1, i, CASE i % 3 WHEN 0 THEN i END FROM n
"""


class Interrupted(Exception):
    """What a person's Ctrl-C, or a full disk, is to a copy."""


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return conn.execute(statement).fetchall()


def change(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(statement, values)


def copy_of(path: Path, folder: Path) -> Path:
    (folder / FILE_NAME).write_bytes(path.read_bytes())
    return folder / FILE_NAME


def value_for(column: Column[Any], number: int) -> Any:
    """One awkward value; each row has another one, and keys differ."""
    is_key = column.primary_key or bool(column.unique)
    if column.nullable and number % 3 == 0:
        return None
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, LargeBinary):
        return BYTES[number % len(BYTES)]
    if isinstance(column.type, String):
        return text_for(column, number, is_key=is_key)
    bits = 15 if isinstance(column.type, SmallInteger) else 63 if isinstance(column.type, BigInteger) else 31
    return number + 1 if is_key else [-(2**bits), 2**bits - 1, 0][number % 3]


def text_for(column: Column[Any], number: int, *, is_key: bool) -> str:
    if column.name == "member":
        return MEMBERS[number % len(MEMBERS)]
    awkward = TEXTS[number % len(TEXTS)]
    return (f"{number} {awkward}" if is_key else awkward)[: column.type.length]


def fill(path: Path) -> None:
    """Put rows with awkward values into every column of every table."""
    with changing(path) as conn:
        for table in metadata.sorted_tables:
            rows = [{one.name: value_for(one, number) for one in table.columns} for number in range(10)]
            conn.execute(table.insert(), rows)


def all_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: sorted(ask(path, select_of(table)), key=repr) for table in KEPT}


def select_of(table: Table) -> str:
    return f"SELECT {', '.join(one.name for one in table.columns)} FROM {table.name}"


@pytest.fixture
def filled(carried: "Carried", tmp_path: Path) -> Path:
    return copy_of(carried.path, tmp_path)


def carry(path: Path, url: str, *, later_ms: int = 0, on_progress: Callable[[int, int], None] | None = None) -> Copied:
    with alone(url) as target, reading(path) as source:
        return copy_all(source, target, later_ms=later_ms, on_progress=on_progress)


def saved(url: str, folder: Path) -> Path:
    return backup(folder / "saved.db", folder, clock=CLOCK, database_url=url).path


@dataclass(frozen=True)
class Carried:
    """Awkward rows in a file, the PostgreSQL database that they were copied to, and a backup of that one."""

    path: Path
    url: str
    copied: Copied
    back: Path


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory, migrated: Path, postgres: PostgresServer) -> Carried:
    """To be looked at only."""
    path = copy_of(migrated, tmp_path_factory.mktemp("carried"))
    fill(path)
    url = postgres.fresh_database()
    copied = carry(path, url)
    return Carried(path, url, copied, saved(url, path.parent))


def test_every_value_of_every_column_survives_the_way_to_postgresql_and_back(carried: Carried) -> None:
    assert carried.copied.rows == {table.name: 10 for table in KEPT}
    assert carried.copied.mended == {}
    assert all_rows(carried.back) == all_rows(carried.path)


def test_what_postgresql_holds_is_what_the_file_held(carried: Carried) -> None:
    with at_one_moment(carried.url) as conn:
        for table in KEPT:
            found = [tuple(row) for row in conn.execute(text(select_of(table)))]
            held = map(as_postgres(table), ask(carried.path, select_of(table)))
            assert sorted(found, key=repr) == sorted(held, key=repr), table.name


def as_postgres(table: Table) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Booleans are numbers in SQLite."""
    kinds = [isinstance(one.type, Boolean) for one in table.columns]
    return lambda row: tuple(
        bool(value) if is_bool and value is not None else value for value, is_bool in zip(row, kinds, strict=True)
    )


def test_members_are_in_the_same_order_on_both(carried: Carried) -> None:
    asked = "SELECT member FROM ledger ORDER BY member"
    with at_one_moment(carried.url) as conn:
        there = conn.execute(text(asked)).scalars().all()
    assert there == [member for (member,) in ask(carried.path, asked)]
    assert there == sorted(MEMBERS, key=str.encode)


def test_who_works_on_the_one_does_not_work_on_the_other(carried: Carried) -> None:
    for name in TRANSIENT:
        assert len(ask(carried.path, f"SELECT 1 FROM {name}")) == 10
        assert ask(carried.back, f"SELECT 1 FROM {name}") == []


def test_new_rows_are_numbered_after_the_copied_ones(carried: Carried) -> None:
    store = open_postgres_store(carried.url)

    def number(txn: Txn) -> tuple[int, int]:
        notes.add_log(txn, LogEntry(1, "info", "after", LogCode.CREATED))
        return txn.conn.execute(text("SELECT COUNT(*), MAX(id) FROM job_logs")).one()

    assert store.read(number) == (11, 11)
    run(store.database.close())


def test_a_nul_in_a_text_is_mended_and_told_of(filled: Path, postgres_url: str) -> None:
    change(filled, "UPDATE job_logs SET message = 'a' || char(0) || 'b' || char(0) WHERE id IN (1, 2)")

    copied = carry(filled, postgres_url)

    assert copied.mended == {"job_logs": 2}
    back = saved(postgres_url, filled.parent)
    told = f"a{MENDED}b{MENDED}"
    assert ask(back, "SELECT message FROM job_logs WHERE id IN (1, 2)") == [(told,), (told,)]
    assert ask(back, "SELECT COUNT(*) FROM job_logs") == [(10,)]


def test_a_nul_in_a_key_is_refused_because_mending_could_make_two_people_one(filled: Path, postgres_url: str) -> None:
    change(filled, "UPDATE ledger SET member = 'a' || char(0) WHERE member = 'a'")

    with pytest.raises(Conflict, match="1 rows of ledger hold the character NUL in their key"):
        carry(filled, postgres_url)
    assert counted(postgres_url) == 0


def test_what_postgresql_cannot_hold_is_named_by_its_table_and_never_by_its_value(
    filled: Path, postgres_url: str
) -> None:
    change(filled, "UPDATE ledger SET seq = 'jo@example.com' WHERE member = 'a'")

    with pytest.raises(Conflict) as refused:
        carry(filled, postgres_url)
    assert "ledger" in refused.value.message
    assert "jo@example.com" not in refused.value.message
    assert refused.value.__cause__ is None
    assert counted(postgres_url) == 0


def test_rows_that_do_not_arrive_are_noticed_and_nothing_is_kept(filled: Path, postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    with alone(url) as conn:
        conn.execute(text("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"))
        conn.execute(text("CREATE TRIGGER losing BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION lose()"))

    with pytest.raises(Conflict, match="Of the 10 rows of people, 0 arrived"):
        carry(filled, url)
    assert counted(url) == 0


def counted(url: str) -> int:
    with alone(url) as conn:
        return sum(conn.execute(text(f"SELECT COUNT(*) FROM {table.name}")).scalar_one() for table in KEPT)


def test_moments_are_later_by_as_much_as_the_other_clock_is_ahead(folder: Path, postgres_url: str) -> None:
    change(folder / FILE_NAME, "INSERT INTO ledger (job, member, is_in, version, due_at, accepted_at) VALUES"
           " (1, 'owed', 1, 5, 100, 100), (1, 'told', 1, 5, NULL, 100)")  # fmt: skip
    change(folder / FILE_NAME, "INSERT INTO trials VALUES ('here', 100)")

    carry(folder / FILE_NAME, postgres_url, later_ms=7)

    store = open_postgres_store(postgres_url)
    asked = "SELECT member, version, due_at, accepted_at FROM ledger ORDER BY member"
    assert store.fetch(asked) == [("owed", 5, 107, 100), ("told", 5, None, 100)]
    assert store.fetch("SELECT until_ms FROM trials") == [(107,)]
    run(store.database.close())


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    path = copy_of(migrated, tmp_path_factory.mktemp("large"))
    change(path, ROWS.format(last=MANY - 1))
    change(path, "INSERT INTO counters VALUES (1, 'members.total', ?)", MANY)
    return path


@pytest.fixture(scope="module")
def large_url(large: Path, postgres: PostgresServer) -> str:
    """The same on PostgreSQL, to be looked at only; the way there is a test as well."""
    url, steps = postgres.fresh_database(), Steps()
    carry(large, url, on_progress=steps)
    check_pieces(steps)
    return url


def check_pieces(steps: "Steps") -> None:
    assert max(steps.sizes) == PIECE_ROWS
    assert steps.seen[-1] == (MANY + 1, MANY + 1)
    assert {total for _, total in steps.seen} == {MANY + 1}


def test_many_rows_go_both_ways_in_pieces_that_fit_in_memory(large: Path, large_url: str, tmp_path: Path) -> None:
    back, held = Steps(), list[int]()

    with at_one_moment(large_url) as source, changing(copy_of(large, tmp_path)) as target:
        target.exec_driver_sql("DELETE FROM ledger")
        target.exec_driver_sql("DELETE FROM counters")

        def look(done: int, total: int) -> None:
            back(done, total)
            held.append(source.execute(text("SELECT COUNT(*) FROM pg_cursors WHERE name <> ''")).scalar_one())

        copy_all(source, target, on_progress=look)

    check_pieces(back)
    # The server keeps what was not asked for yet: without a cursor of its own there, all rows would come at once.
    assert set(held[1:-1]) == {1}
    assert ask(tmp_path / FILE_NAME, "SELECT COUNT(*), SUM(due_at) FROM ledger") == ask(
        large, "SELECT COUNT(*), SUM(due_at) FROM ledger"
    )


class Steps:
    """What was told of the way of a copy."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.seen.append((done, total))

    @property
    def sizes(self) -> list[int]:
        done = [0, *(one for one, _ in self.seen)]
        return [after - before for before, after in pairwise(done)]


def fails_at(rows: int) -> Callable[[int, int], None]:
    def step(done: int, _total: int) -> None:
        if done >= rows:
            raise Interrupted

    return step


def test_an_interrupted_copy_leaves_nothing_at_postgresql(large: Path, postgres: PostgresServer) -> None:
    url = postgres.empty_database()

    with pytest.raises(Interrupted):
        carry(large, url, on_progress=fails_at(MANY // 2))

    with pytest.raises(NotFound, match="nothing of Usher's"), at_one_moment(url):
        pass


def replace(url: str, path: Path, *, on_progress: Callable[[int, int], None]) -> None:
    with alone(url) as target, reading(path) as source:
        empty_all(target)
        copy_all(source, target, on_progress=on_progress)


def test_an_interrupted_copy_into_a_full_database_leaves_it_as_it_was(
    filled: Path, large: Path, postgres_url: str
) -> None:
    carry(filled, postgres_url)
    before = all_rows(saved(postgres_url, filled.parent))

    with pytest.raises(Interrupted):
        replace(postgres_url, large, on_progress=fails_at(MANY))

    (filled.parent / "saved.db").unlink()
    assert all_rows(saved(postgres_url, filled.parent)) == before
    store = open_postgres_store(postgres_url)
    store.write(lambda txn: notes.add_log(txn, LogEntry(1, "info", "after", LogCode.CREATED)))
    assert store.fetch("SELECT MAX(id) FROM job_logs") == [(11,)]
    run(store.database.close())


def test_an_interrupted_backup_leaves_no_file(large_url: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        backup(tmp_path / "saved.db", tmp_path, clock=CLOCK, database_url=large_url, on_progress=fails_at(MANY // 2))
    assert list(tmp_path.glob("saved*")) == []


def test_a_lost_server_is_named_and_leaves_no_file(large_url: str, tmp_path: Path) -> None:
    def cut(done: int, _total: int) -> None:
        if done >= MANY // 2:
            with at_one_moment(large_url) as conn:
                conn.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    with pytest.raises(Unavailable, match="was lost"):
        backup(tmp_path / "saved.db", tmp_path, clock=CLOCK, database_url=large_url, on_progress=cut)
    assert list(tmp_path.glob("saved*")) == []


def test_a_backup_of_postgresql_is_of_one_moment_however_much_is_written_meanwhile(
    postgres_store: Store, postgres_url: str, tmp_path: Path
) -> None:
    postgres_store.tell("before")

    def write_meanwhile(_done: int, _total: int) -> None:
        postgres_store.tell(f"meanwhile {len(postgres_store.fetch('SELECT 1 FROM ledger'))}")

    report = backup(
        tmp_path / "saved.db", tmp_path, clock=CLOCK, database_url=postgres_url, on_progress=write_meanwhile
    )

    assert report.holds.members == 1
    assert ask(report.path, "SELECT value FROM counters WHERE name = 'members.total'") == [(1,)]
    assert len(postgres_store.fetch("SELECT 1 FROM ledger")) > 2


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    store = open_postgres_store(postgres_url)
    yield store
    run(store.database.close())


def test_a_copy_between_two_shapes_is_refused(folder: Path, postgres_url: str) -> None:
    change(folder / FILE_NAME, "ALTER TABLE audit ADD COLUMN added TEXT")

    with pytest.raises(Conflict, match="do not have the same tables"):
        carry(folder / FILE_NAME, postgres_url)


def test_every_table_is_copied_but_for_who_works_at_this_moment(folder: Path, postgres_url: str) -> None:
    copied = carry(folder / FILE_NAME, postgres_url).rows

    assert set(metadata.tables) - set(copied) == {"workers", "leases"}


def test_nobody_else_reads_or_writes_while_a_database_is_replaced(postgres_url: str) -> None:
    with alone(postgres_url), psycopg.connect(postgres_url, options="-c lock_timeout=20ms") as other:
        for table in KEPT:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(f"SELECT 1 FROM {table.name} LIMIT 1".encode())
            other.rollback()


def test_the_store_opens_on_what_was_copied_and_goes_on(folder: Path, postgres_url: str) -> None:
    there = open_store(folder)
    there.add_job()
    there.tell("jo", "ann")
    run(there.database.close())

    carry(folder / FILE_NAME, postgres_url)

    store = open_postgres_store(postgres_url)
    store.assert_counted()
    store.tell("jo", is_in=False, version=2)
    store.add_job()
    assert [job for (job,) in store.fetch("SELECT key FROM jobs ORDER BY key")] == [1, 2]
    store.assert_counted()
    run(store.database.close())
