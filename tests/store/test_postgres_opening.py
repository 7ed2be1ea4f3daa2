"""PostgreSQL as the store: its shape, who may open it, whose clock holds, and what becomes of a lost connection."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import HOLD_MS, JOB, all_in, names, open_postgres_store, run
from usher.errors import Conflict, InvalidInput, Unavailable
from usher.store import ledger
from usher.store.database import Txn, Work
from usher.store.migrations import known_revisions
from usher.store.opening import OpenStore, open_store
from usher.store.postgres import postgres_engine
from usher.store.statements import LANE_LIVE, statements_for
from usher.store.tables import metadata

SQL = statements_for("postgresql")
A_SECOND_MS = 1_000


def opened(folder: Path, url: str, *, is_owner: bool = False) -> OpenStore:
    return open_store(folder, clock=ManualClock(), is_threaded=False, database_url=url, is_owner=is_owner)


def put(name: str) -> Work[Any]:
    return lambda txn: txn.conn.execute(text("INSERT INTO facts (name, value) VALUES (:name, '')"), {"name": name})


def facts(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [name for (name,) in conn.execute("SELECT name FROM facts ORDER BY name")]


@pytest.fixture
def empty_url(postgres: PostgresServer) -> str:
    return postgres.empty_database()


def test_migrations_build_exactly_the_tables_that_the_code_names(postgres_url: str) -> None:
    engine = postgres_engine(postgres_url)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_an_empty_database_is_brought_to_the_newest_shape_by_whoever_comes_first(
    tmp_path: Path, empty_url: str
) -> None:
    with ThreadPoolExecutor() as pool:
        stores = list(pool.map(lambda _: opened(tmp_path, empty_url), range(3)))
    for store in stores:
        await store.close()

    with psycopg.connect(empty_url) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(known_revisions()[0],)]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, empty_url: str) -> None:
    with psycopg.connect(empty_url) as conn:
        conn.execute("CREATE TABLE jobs (id INTEGER)")
    with pytest.raises(Conflict, match="another program's"):
        opened(tmp_path, empty_url)
    with psycopg.connect(empty_url) as conn:
        assert conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == [("jobs",)]


def test_a_database_of_a_newer_usher_is_refused_and_left_alone(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    with psycopg.connect(url) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(Conflict, match="newer Usher"):
        opened(tmp_path, url)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgresql://jo:secret@127.0.0.1:1/usher", Unavailable),
        ("postgresql://jo:secret@127.0.0.1:1/", InvalidInput),
        ("postgresql://jo:secret@127.0.0.1:port/usher", InvalidInput),
    ],
)
def test_what_cannot_be_opened_is_refused_without_repeating_its_password(
    tmp_path: Path, url: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        opened(tmp_path, url)
    assert "secret" not in str(caught.value)


async def test_an_owner_is_the_only_one_on_its_folder_and_others_need_none(tmp_path: Path, postgres_url: str) -> None:
    owner = opened(tmp_path, postgres_url, is_owner=True)
    with pytest.raises(Conflict, match="already works on"):
        opened(tmp_path, postgres_url, is_owner=True)
    await opened(tmp_path / "none", postgres_url).close()
    await owner.close()

    await opened(tmp_path, postgres_url, is_owner=True).close()


async def test_moments_are_the_servers_however_wrong_this_machines_clock_is(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    store = opened(tmp_path, postgres_url)
    ((server_ms,),) = postgres.execute("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
    moments = [
        await store.database.write(lambda txn: txn.now_ms),
        await store.database.read(lambda txn: txn.now_ms),
        await store.pages.write(lambda txn: txn.now_ms),
    ]
    await store.close()

    assert all(server_ms <= moment < server_ms + 10 * A_SECOND_MS for moment in moments)


def test_a_reader_cannot_write(postgres_url: str) -> None:
    reader = postgres_engine(postgres_url, is_reader=True)
    with reader.connect() as conn, pytest.raises(DBAPIError, match="ReadOnly"):
        conn.exec_driver_sql("INSERT INTO facts VALUES ('a', '')")
    reader.dispose()


async def test_threads_end_and_connections_with_them_when_the_store_is_closed(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    store = open_store(tmp_path, clock=ManualClock(), database_url=postgres_url)
    await store.database.write(put("a"))
    await store.pages.write(put("b"))
    await store.close()

    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("usher-")]
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'usher'"
    assert facts(postgres_url) == ["a", "b"]
    assert postgres.execute(left) == [(0,)]


def test_two_who_claim_at_once_share_no_row_and_neither_waits(postgres_url: str) -> None:
    store = open_postgres_store(postgres_url)
    store.observe(*all_in(names(10)))

    def claim_beside(txn: Txn) -> tuple[set[str], set[str]]:
        other = open_postgres_store(postgres_url)
        mine = ledger.claim(txn, SQL, JOB, lane=LANE_LIVE, limit=6, hold_ms=HOLD_MS)
        theirs = other.claim(limit=6)
        run(other.database.close())
        return {claim.member for claim in mine}, {claim.member for claim in theirs}

    mine, theirs = store.write(claim_beside)
    run(store.database.close())

    assert (len(mine), len(theirs)) == (6, 4)
    assert not mine & theirs


async def test_a_crash_of_the_server_loses_nothing_that_was_answered_and_heals_by_itself(
    tmp_path: Path, own_postgres: PostgresServer
) -> None:
    url = own_postgres.fresh_database()
    store = open_store(tmp_path, clock=ManualClock(), database_url=url)
    await store.database.write(put("a"))
    own_postgres.restart("immediate")

    assert await store.database.read(lambda txn: txn.conn.execute(text("SELECT name FROM facts")).scalars().all())
    own_postgres.restart("immediate")
    await store.database.write(put("b"))
    await store.close()
    assert facts(url) == ["a", "b"]
