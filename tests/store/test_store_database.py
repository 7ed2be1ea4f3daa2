"""One writer, group commits: what is answered is kept, and a failing work takes nothing with it."""

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.clocks import ManualClock
from tests.store.stores import OnManualTime
from usher.errors import Conflict, Unavailable
from usher.store.database import Database, InlineDatabase, Terms, ThreadedDatabase, Txn, Work
from usher.store.opening import FILE_NAME
from usher.store.postgres import postgres_engine
from usher.store.sqlite import OwnerLock, reader_engine, writer_engine

INSERT = text("INSERT INTO counters (job, name, value) VALUES (9, :name, :value)")
BIG = text(
    "INSERT INTO unreadable (auth_id, at_ms, reason, body_sealed, body_bytes)"
    " VALUES ('a', 0, '', zeroblob(10000000), 0)"
)


@dataclass(frozen=True)
class Place:
    """Where a database is, and how it is reached."""

    name: str
    is_file: bool

    def writer(self) -> Engine:
        return writer_engine(Path(self.name)) if self.is_file else postgres_engine(self.name)

    def reader(self) -> Engine:
        return reader_engine(Path(self.name)) if self.is_file else postgres_engine(self.name, is_reader=True)

    def open(self, *, readers: int = 1) -> ThreadedDatabase:
        clock = ManualClock()
        terms = Terms(clock) if self.is_file else OnManualTime(clock)
        return ThreadedDatabase(self.writer(), *(self.reader() for _ in range(readers)), clock=clock, terms=terms)

    def committed(self) -> list[str]:
        """What another program finds there."""
        found = "SELECT name FROM counters WHERE job = 9 ORDER BY name"
        if self.is_file:
            with closing(sqlite3.connect(f"file:{self.name}?mode=ro", uri=True)) as conn:
                return [name for (name,) in conn.execute(found)]
        with psycopg.connect(self.name) as conn:
            return [name for (name,) in conn.execute(found)]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "sqlite":
        return Place(str(request.getfixturevalue("folder") / FILE_NAME), is_file=True)
    return Place(request.getfixturevalue("postgres_url"), is_file=False)


ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
async def database(place: Place) -> AsyncIterator[ThreadedDatabase]:
    kept = place.open()
    yield kept
    await kept.close()


async def test_a_long_read_through_one_connection_holds_up_no_read_through_another(place: Place) -> None:
    gate = threading.Event()
    database = place.open(readers=2)
    pages = database.through(1)
    try:
        long = asyncio.ensure_future(pages.read(lambda _: gate.wait(10)))
        await pages.write(put("new"))
        assert await asyncio.wait_for(database.read(names_of), 5) == ["new"]
        assert not long.done()
        gate.set()
        assert await long
        assert await pages.read(names_of) == ["new"], "written through one, seen through all"
    finally:
        gate.set()
        await pages.close()


def put(name: str) -> Work[str]:
    def work(txn: Txn) -> str:
        txn.conn.execute(INSERT, {"name": name, "value": 1})
        return name

    return work


def names_of(txn: Txn) -> list[str]:
    return [row.name for row in txn.conn.execute(text("SELECT name FROM counters WHERE job = 9 ORDER BY name"))]


async def together(database: Database, *works: Work[object]) -> list[object]:
    """Let *works* wait while another one holds the writer, so that they make one group."""
    gate, is_busy = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Txn) -> None:
        loop.call_soon_threadsafe(is_busy.set)
        assert gate.wait(10)

    holding = asyncio.ensure_future(database.write(hold))
    await is_busy.wait()
    waiting = [asyncio.ensure_future(database.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.set()
    await holding
    return list(await asyncio.gather(*waiting, return_exceptions=True))


def fail(error: Exception, after: Work[object]) -> Work[object]:
    def work(txn: Txn) -> object:
        after(txn)
        raise error

    return work


async def test_what_was_answered_is_in_the_file(database: ThreadedDatabase, place: Place) -> None:
    assert await database.write(put("a")) == "a"

    assert place.committed() == ["a"]


async def test_a_group_is_answered_only_after_its_commit(database: ThreadedDatabase, place: Place) -> None:
    found: list[list[str]] = []

    def look(txn: Txn) -> None:
        found.append(place.committed())

    answers = await together(database, put("a"), look, put("b"))

    assert answers == ["a", None, "b"]
    assert found == [[]], "another connection must see nothing before the commit"
    assert place.committed() == ["a", "b"]


async def test_a_failing_work_takes_nothing_with_it(database: ThreadedDatabase, place: Place) -> None:
    error = Conflict("in the way")
    answers = await together(database, put("a"), fail(error, put("half")), put("b"))

    assert answers == ["a", error, "b"]
    assert place.committed() == ["a", "b"]


async def test_a_broken_constraint_is_the_failing_works_alone(database: ThreadedDatabase, place: Place) -> None:
    answers = await together(database, put("a"), put("a"), put("b"))

    assert answers[0] == "a"
    assert isinstance(answers[1], Unavailable)
    assert answers[2] == "b"
    assert place.committed() == ["a", "b"]


@pytest.mark.parametrize("open_engine", [Place.writer, Place.reader])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger (job, member, is_in) VALUES (1, :member, NULL)",
        "INSERT INTO leases (name, holder) VALUES (:member, ''), (:member, '')",
        "SELECT nothing FROM ledger WHERE member = :member",
    ],
)
def test_a_failing_statement_names_no_member(
    place: Place, open_engine: Callable[[Place], Engine], statement: str
) -> None:
    engine, member = open_engine(place), "jo.public@example.com"
    with engine.connect() as conn, pytest.raises(DBAPIError) as caught:
        conn.execute(text(statement), {"member": member})
    engine.dispose()

    assert "jo.public" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


async def test_what_a_failing_work_counted_is_not_counted(database: ThreadedDatabase) -> None:
    def count(txn: Txn) -> None:
        txn.tally[9, "triggers.received"] += 1

    await together(database, count, fail(Conflict(), count), count)

    def total(txn: Txn) -> int | None:
        return txn.conn.execute(text("SELECT value FROM counters WHERE name = 'triggers.received'")).scalar()

    assert await database.read(total) == 2


async def test_a_read_sees_what_was_written_and_writes_nothing(database: ThreadedDatabase, place: Place) -> None:
    await database.write(put("a"))
    assert await database.read(names_of) == ["a"]

    with pytest.raises(Unavailable):
        await database.read(put("b"))
    assert place.committed() == ["a"]


async def test_works_that_wait_when_it_closes_are_done_first(place: Place) -> None:
    database = place.open()
    waiting = [asyncio.ensure_future(database.write(put(f"{n:03}"))) for n in range(300)]
    await asyncio.sleep(0)
    await database.close()

    assert await asyncio.gather(*waiting) == [f"{n:03}" for n in range(300)]
    with pytest.raises(Unavailable, match="stopping"):
        await database.write(put("late"))
    await database.close()


async def test_a_caller_that_gives_up_stops_nobody(database: ThreadedDatabase, place: Place) -> None:
    given_up = asyncio.ensure_future(database.write(put("a")))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await database.write(put("b")) == "b"
    assert place.committed() == ["a", "b"]


def limit_pages(txn: Txn, *, spare: int) -> None:
    pages = txn.conn.exec_driver_sql("PRAGMA page_count").scalar_one()
    txn.conn.exec_driver_sql(f"PRAGMA max_page_count = {pages + spare}")


def unlimited(txn: Txn) -> None:
    txn.conn.exec_driver_sql("PRAGMA max_page_count = 1000000")


def inline(place: Place) -> Database:
    return InlineDatabase(place.writer(), clock=ManualClock())


@ON_SQLITE
@pytest.mark.parametrize("kind", [inline, Place.open])
async def test_a_full_disk_is_unavailable_and_the_next_work_succeeds(
    place: Place, kind: Callable[[Place], Database]
) -> None:
    database = kind(place)
    await database.write(lambda txn: limit_pages(txn, spare=5))
    with pytest.raises(Unavailable):
        await database.write(lambda txn: txn.conn.execute(BIG) and None)

    assert await database.write(put("a")) == "a"
    await database.write(unlimited)
    await database.write(lambda txn: txn.conn.execute(BIG) and None)
    assert place.committed() == ["a"]
    await database.close()


@ON_SQLITE
async def test_nothing_is_answered_as_kept_that_a_full_disk_undid(database: ThreadedDatabase, place: Place) -> None:
    await database.write(lambda txn: limit_pages(txn, spare=5))

    answers = await together(database, put("a"), lambda txn: txn.conn.execute(BIG) and None, put("b"))

    assert isinstance(answers[1], Unavailable)
    assert (answers[0], answers[2]) == ("a", "b"), "what fits is kept, though it waited beside what did not"
    assert place.committed() == ["a", "b"]


def test_the_lock_names_who_holds_it_and_ends_with_it(tmp_path: Path) -> None:
    first = OwnerLock(tmp_path)
    with pytest.raises(Conflict, match="Stop it first"):
        OwnerLock(tmp_path)
    first.close()

    OwnerLock(tmp_path).close()
