"""An address may name several servers: Usher goes to the one that takes writes, also once that is another."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import OnManualTime, run
from usher.cli.checks import Level
from usher.cli.postgres_checks import postgres_checks
from usher.store.bells import Bells
from usher.store.database import InlineDatabase, Txn
from usher.store.postgres import postgres_engine

WHERE = text("SELECT current_setting('data_directory')")
SOON = 10
SPELLINGS = ["host={first},{second}", "host={first}&host={second}"]


@pytest.fixture
def standby(own_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server that takes no writes, as a standby takes none."""
    take_writes(own_postgres, False)
    yield own_postgres
    take_writes(own_postgres, True)


def take_writes(server: PostgresServer, does: bool) -> None:
    server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'off' if does else 'on'}")
    server.execute("SELECT pg_reload_conf()")
    assert server.execute("SHOW default_transaction_read_only") == [("off" if does else "on",)]


def address(spelling: str, first: PostgresServer, second: PostgresServer) -> str:
    hosts = spelling.format(first=first.folder, second=second.folder)
    return f"postgresql://usher@/postgres?{hosts}&target_session_attrs=read-write"


def place_of(server: PostgresServer) -> str:
    return str(server.folder / "data")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_writing_reading_and_the_doctor_go_to_the_server_that_takes_writes(
    postgres: PostgresServer, standby: PostgresServer, spelling: str
) -> None:
    url = address(spelling, standby, postgres)
    for is_reader in (False, True):
        engine = postgres_engine(url, is_reader=is_reader)
        with engine.connect() as conn:
            assert Path(conn.execute(WHERE).scalar_one()) == Path(place_of(postgres))
            assert conn.exec_driver_sql("SHOW transaction_read_only").scalar_one() == ("on" if is_reader else "off")
        engine.dispose()
    assert postgres_checks(url)[0].level is Level.OK


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_words_between_processes_are_heard_from_the_server_that_takes_writes(
    postgres: PostgresServer, standby: PostgresServer, spelling: str
) -> None:
    connected, owed = asyncio.Event(), asyncio.Event()
    bells = Bells(
        address(spelling, standby, postgres),
        loop=asyncio.get_running_loop(),
        owed=owed.set,
        changed=lambda: None,
        connected=connected.set,
    )
    try:
        await asyncio.wait_for(connected.wait(), SOON)
        postgres.execute("SELECT pg_notify('usher', 'owed')")
        await asyncio.wait_for(owed.wait(), SOON)
    finally:
        await asyncio.to_thread(bells.close)


def test_a_primary_that_becomes_a_standby_is_left_at_the_next_write(
    postgres: PostgresServer, own_postgres: PostgresServer
) -> None:
    clock = ManualClock()
    url = address(SPELLINGS[0], own_postgres, postgres)
    database = InlineDatabase(postgres_engine(url), clock=clock, terms=OnManualTime(clock))
    before = run(database.write(written_where))
    take_writes(own_postgres, False)
    after = run(database.write(written_where))
    take_writes(own_postgres, True)
    run(database.close())

    assert (before, after) == (place_of(own_postgres), place_of(postgres))


def written_where(txn: Txn) -> Any:
    txn.conn.execute(text("CREATE TEMPORARY TABLE written ON COMMIT DROP AS SELECT 1 AS one"))
    txn.conn.execute(text("SELECT pg_current_xact_id()"))
    return txn.conn.execute(WHERE).scalar_one()
