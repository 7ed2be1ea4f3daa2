"""A PostgreSQL that goes away and comes back: what was answered is kept, what was not is done once, nobody sees it."""

import asyncio
import contextlib
import os
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.processes import SOON, Start, facts, processes, put, store_fact, until
from tests.store.stores import OnManualTime
from usher.clock import SystemClock
from usher.errors import Unavailable
from usher.store.database import CommitInDoubt, InlineDatabase, ThreadedDatabase, Txn
from usher.store.opening import open_store
from usher.store.postgres import PATIENCE_SECONDS, postgres_engine

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usher'"


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; they end with the test."""
    async with processes() as start_one:
        yield start_one


def end_connections(server: PostgresServer) -> None:
    server.execute(END_ALL)


def restart(server: PostgresServer) -> None:
    server.restart("fast")


def crash(server: PostgresServer) -> None:
    server.restart("immediate")


@pytest.fixture(scope="module")
def own_url(own_postgres: PostgresServer) -> str:
    return own_postgres.fresh_database()


@pytest.fixture
def clean_url(own_url: str) -> str:
    with psycopg.connect(own_url) as conn:
        conn.execute("DELETE FROM facts")
    return own_url


@pytest.mark.parametrize("lose", [end_connections, restart, crash])
async def test_a_lost_connection_is_nobodys_error(
    start: Start, own_postgres: PostgresServer, clean_url: str, lose: Callable[[PostgresServer], None]
) -> None:
    process, desk = start(clean_url), start(clean_url, is_desk=True)
    await asyncio.gather(process.write(put("a")), desk.write(put("b")), process.read(lambda _: None))
    lose(own_postgres)

    await asyncio.gather(process.write(put("c")), desk.write(put("d")))
    assert await process.fetch("SELECT name FROM facts ORDER BY name") == [("a",), ("b",), ("c",), ("d",)]


@pytest.mark.parametrize("lose", [end_connections, restart, crash])
async def test_works_whose_connection_is_lost_half_way_are_done_again_from_the_beginning(
    start: Start, own_postgres: PostgresServer, clean_url: str, lose: Callable[[PostgresServer], None]
) -> None:
    tries: list[int] = []

    def work(txn: Txn) -> None:
        store_fact(txn, "a", "")
        tries.append(1)
        if len(tries) == 1:
            lose(own_postgres)
        store_fact(txn, "b", "")

    await start(clean_url).write(work)

    assert len(tries) == 2
    assert facts(clean_url) == ["a", "b"]


def hang_up(conn: Connection) -> None:
    """From now on no answer reaches this connection, though what it says still reaches the server."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with socket.socket(fileno=os.dup(driver.fileno())) as line:
        line.shutdown(socket.SHUT_RD)


@pytest.mark.parametrize(("is_heard", "kept"), [(True, ["a"]), (False, [])])
async def test_a_commit_whose_answer_is_lost_is_in_doubt_and_never_done_again(
    start: Start, own_postgres: PostgresServer, clean_url: str, is_heard: bool, kept: list[str]
) -> None:
    process, runs = start(clean_url), count()

    def work(txn: Txn) -> None:
        next(runs)
        store_fact(txn, "a", "")
        if is_heard:
            hang_up(txn.conn)
        else:
            end_connections(own_postgres)

    with pytest.raises(CommitInDoubt):
        await process.write(work)
    await process.write(lambda _: None)

    assert next(runs) == 1
    assert facts(clean_url) == kept


@contextlib.contextmanager
def away(server: PostgresServer) -> Iterator[None]:
    server.stop("fast")
    try:
        yield
    finally:
        server.start()


async def test_a_server_that_stays_away_is_unavailable_once_patience_is_over_for_all_who_wait_alike(
    own_postgres: PostgresServer, clean_url: str
) -> None:
    clock, is_in, go_on = ManualClock(), threading.Event(), threading.Event()
    terms = OnManualTime(clock)
    reader = postgres_engine(clean_url, is_reader=True)
    database = ThreadedDatabase(postgres_engine(clean_url), reader, clock=clock, terms=terms)

    def hold(txn: Txn) -> bool:
        txn.conn.exec_driver_sql("SELECT 1")
        is_in.set()
        return go_on.wait(SOON)

    holding = asyncio.ensure_future(database.write(hold))
    assert await asyncio.to_thread(is_in.wait, SOON)
    waiting = [asyncio.ensure_future(database.write(put(str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    began = clock.monotonic()
    with away(own_postgres):
        go_on.set()
        answers = await asyncio.gather(holding, *waiting, return_exceptions=True)

    assert [type(answer) for answer in answers] == [CommitInDoubt] + [Unavailable] * 20
    assert PATIENCE_SECONDS <= clock.monotonic() - began < 2 * PATIENCE_SECONDS
    assert await database.write(lambda _: "there again") == "there again"
    await database.close()
    assert facts(clean_url) == []


async def test_a_short_command_too_hears_of_an_absent_server_what_to_do(
    own_postgres: PostgresServer, clean_url: str
) -> None:
    clock = ManualClock()
    database = InlineDatabase(postgres_engine(clean_url), clock=clock, terms=OnManualTime(clock))
    with away(own_postgres):
        for ask in (database.read, database.write):
            with pytest.raises(Unavailable):
                await ask(lambda txn: txn.conn.exec_driver_sql("SELECT 1") and None)
    await database.close()


async def test_whoever_finds_a_standby_where_the_primary_was_connects_anew(start: Start, postgres_url: str) -> None:
    process = start(postgres_url)

    def backend(txn: Txn) -> int:
        pid: int = txn.conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        return pid

    before = await process.write(backend)
    is_standby = iter([True])

    def work(txn: Txn) -> int:
        if next(is_standby, False):
            txn.conn.exec_driver_sql("SET TRANSACTION READ ONLY")
        store_fact(txn, "a", "")
        return backend(txn)

    assert await process.write(work) != before
    assert facts(postgres_url) == ["a"]


async def test_a_process_that_stops_half_way_keeps_nobody_waiting_and_begins_again(
    start: Start, postgres_url: str
) -> None:
    stopped, other = start(postgres_url), start(postgres_url)
    await other.write(put("a"))
    holds, tries = threading.Event(), count()

    def mark(txn: Txn) -> None:
        txn.conn.execute(text("UPDATE facts SET value = value || 'x' WHERE name = 'a'"))

    def stop_half_way(txn: Txn) -> None:
        txn.conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        mark(txn)
        if next(tries) == 0:
            holds.set()
            until(postgres_url, "SELECT value = 'x' FROM facts WHERE name = 'a'")
        store_fact(txn, "b", "")

    stopping = asyncio.ensure_future(stopped.write(stop_half_way))
    assert await asyncio.to_thread(holds.wait, SOON)
    await other.write(mark)
    await stopping

    assert await other.fetch("SELECT name, value FROM facts ORDER BY name") == [("a", "xx"), ("b", "")]


@pytest.fixture
def guarded_url(own_postgres: PostgresServer, own_url: str) -> str:
    """An address with a password that is wrong."""
    own_postgres.execute("DROP ROLE IF EXISTS jo")
    own_postgres.execute("CREATE ROLE jo LOGIN PASSWORD 'right-one'")
    rules = own_postgres.folder / "data" / "pg_hba.conf"
    rules.write_text("local all jo scram-sha-256\n" + rules.read_text())
    own_postgres.restart()
    return own_url.replace("usher@", "jo:wrong-one@")


def test_a_wrong_password_is_named_and_never_shown(tmp_path: Path, guarded_url: str) -> None:
    with pytest.raises(Unavailable, match="password authentication failed") as caught:
        open_store(tmp_path, clock=SystemClock(), database_url=guarded_url, is_owner=False)

    said = "".join(traceback.format_exception(caught.value))
    error: BaseException | None = caught.value
    while error is not None:
        said += f"{error!s} {error!r} {error.args!r}"
        error = error.__cause__ or error.__context__
    assert "wrong-one" not in said
