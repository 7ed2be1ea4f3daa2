"""Several processes on one PostgreSQL: one clock, no row claimed twice, exact counters, readers that see one moment."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from itertools import count

import psycopg
import pytest
from sqlalchemy import text

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.processes import AN_HOUR_MS, SOON, Process, Start, facts, processes, put
from tests.store.stores import HOLD_MS, JOB, all_in, names
from usher.clock import LedgerClock, SystemClock
from usher.domain.observation import Source
from usher.errors import RemoteRejected, Unavailable
from usher.lytics.audiences import audience_from, count_or_none
from usher.lytics.scan import page_from
from usher.store import ledger
from usher.store.database import Txn
from usher.store.postgres import SESSION, described, postgres_engine
from usher.store.statements import LANE_LIVE, statements_for

SQL = statements_for("postgresql")
SERVER_MS = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; they end with the test."""
    async with processes() as start_one:
        yield start_one


async def test_the_ledgers_clock_is_the_servers_however_wrong_the_machines_own_is(
    start: Start, postgres: PostgresServer, postgres_url: str
) -> None:
    process = start(postgres_url)
    assert abs(process.clock.now_ms() - SystemClock().now_ms() - AN_HOUR_MS) < 1000, "nothing was heard yet"
    told = [await process.write(lambda txn: txn.now_ms), await process.read(lambda txn: txn.now_ms)]
    ((server_ms,),) = postgres.execute(SERVER_MS)

    assert all(abs(moment - server_ms) < 1000 for moment in (*told, process.clock.now_ms()))


def heard(clock: LedgerClock, own: ManualClock, *, now_ms: int, after_ms: int) -> int:
    """Let *clock* hear *now_ms* in an answer that takes *after_ms*; return what it then says."""
    asked = own.monotonic()
    own.pass_ms(after_ms)
    clock.hear(now_ms, asked=asked)
    return clock.now_ms()


def test_a_slow_answer_does_not_move_a_clock_that_a_quick_one_set() -> None:
    own = ManualClock()
    clock = LedgerClock(own)
    assert heard(clock, own, now_ms=1_000_000, after_ms=2) == 1_000_001

    assert heard(clock, own, now_ms=1_000_000, after_ms=2_000) == 1_002_001, "the steady clock carries it on"
    assert heard(clock, own, now_ms=1_009_000, after_ms=4) == 1_009_002, "a quick one is believed at once"


def test_a_clock_that_heard_nothing_better_for_long_believes_a_slow_answer() -> None:
    own = ManualClock()
    clock = LedgerClock(own)
    heard(clock, own, now_ms=1_000_000, after_ms=2)
    own.pass_seconds(5)

    assert heard(clock, own, now_ms=2_000_000, after_ms=100) == 2_000_050


def test_a_process_that_was_stopped_while_it_asked_does_not_believe_the_answer() -> None:
    own = ManualClock()
    clock = LedgerClock(own)
    heard(clock, own, now_ms=1_000_000, after_ms=2)

    assert heard(clock, own, now_ms=1_000_001, after_ms=30_000) == 1_030_001


async def test_processes_that_claim_at_once_share_no_row_and_take_no_more_than_they_ask(
    start: Start, postgres_url: str
) -> None:
    processes, everybody = [start(postgres_url) for _ in range(3)], names(300)
    await processes[0].write(
        lambda txn: ledger.observe(txn, SQL, JOB, all_in(everybody), source=Source.TRIGGER) and None
    )
    taken: list[str] = []

    async def take_all(process: Process) -> None:
        take = partial(ledger.claim, sql=SQL, job=JOB, lane=LANE_LIVE, limit=7, hold_ms=HOLD_MS)
        while claims := await process.write(take):
            assert len(claims) <= 7
            taken.extend(claim.member for claim in claims)

    while len(taken) < len(everybody):  # whoever found all that is due in others' hands comes again
        await asyncio.gather(*map(take_all, processes))

    assert sorted(taken) == everybody


async def test_counters_that_many_processes_write_at_once_are_exact(start: Start, postgres_url: str) -> None:
    processes = [start(postgres_url) for _ in range(3)]

    def count_up(txn: Txn, first: int) -> None:
        for job in (first, 1 - first):  # in either order
            txn.tally[job, "sent.accepted"] += 1
            txn.activity[job, "accepted"] += 2

    works = [process.write(partial(count_up, first=n % 2)) for n in range(20) for process in processes]
    await asyncio.gather(*works)

    assert await processes[0].fetch("SELECT job, value FROM counters ORDER BY job") == [(0, 60), (1, 60)]
    assert await processes[0].fetch("SELECT step, SUM(value) FROM activity GROUP BY step ORDER BY step") == [
        (60, 240),
        (3600, 240),
    ]


async def test_works_that_lock_rows_in_opposite_order_are_both_kept_once(start: Start, postgres_url: str) -> None:
    processes = [start(postgres_url), start(postgres_url)]
    for name in ("a", "b"):
        await processes[0].write(put(name))
    both_hold_one, tries = threading.Barrier(2), count()

    def mark_all(txn: Txn, order: str) -> None:
        txn.conn.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'")
        for name in order:
            txn.conn.execute(
                text("UPDATE facts SET value = value || :by WHERE name = :name"), {"name": name, "by": "x"}
            )
            if name == order[0] and next(tries) < 2:
                both_hold_one.wait(SOON)
        txn.tally[1, "sent.accepted"] += 1

    await asyncio.gather(
        processes[0].write(partial(mark_all, order="ab")), processes[1].write(partial(mark_all, order="ba"))
    )

    assert next(tries) > 2, "they must have crossed"
    assert await processes[0].fetch("SELECT name, value FROM facts ORDER BY name") == [("a", "xx"), ("b", "xx")]
    assert await processes[0].fetch("SELECT value FROM counters") == [(2,)]


async def test_a_reader_sees_one_moment_however_much_others_commit_meanwhile(start: Start, postgres_url: str) -> None:
    process = start(postgres_url)
    await process.write(put("a"))

    def look_twice(txn: Txn) -> tuple[list[str], list[str]]:
        read = text("SELECT name FROM facts ORDER BY name")
        before = list(txn.conn.execute(read).scalars())
        with psycopg.connect(postgres_url) as other:
            other.execute("INSERT INTO facts VALUES ('b', '')")
            other.execute("DELETE FROM facts WHERE name = 'a'")
        return before, list(txn.conn.execute(read).scalars())

    assert await process.read(look_twice) == (["a"], ["a"])
    assert facts(postgres_url) == ["b"]


async def test_a_write_through_a_reader_is_refused_at_once(start: Start, postgres_url: str) -> None:
    waited: list[float] = []
    with pytest.raises(Unavailable):
        await start(postgres_url, pause=waited.append).read(put("a"))

    assert waited == []
    assert facts(postgres_url) == []


@pytest.mark.parametrize("is_reader", [False, True])
def test_a_session_waits_for_nothing_for_ever_and_answers_only_what_is_durable(
    postgres: PostgresServer, is_reader: bool
) -> None:
    url = postgres.fresh_database()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {conn.info.dbname} SET synchronous_commit = off".encode())
    engine = postgres_engine(url, is_reader=is_reader)
    with engine.connect() as conn:
        shown = {name: conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in SESSION}
        durable = conn.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        read_only = conn.exec_driver_sql("SHOW transaction_read_only").scalar_one()
    engine.dispose()
    postgres.drop_database(url)

    assert shown == {**SESSION, "statement_timeout": "1min"}
    assert durable == "on"
    assert read_only == ("on" if is_reader else "off")


def test_what_the_address_asks_of_the_driver_is_kept(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS elsewhere")
    engine = postgres_engine(f"{postgres_url}&options=-c%20search_path%3Delsewhere&keepalives_idle=77")
    with engine.connect() as conn:
        assert conn.exec_driver_sql("SHOW search_path").scalar_one() == "elsewhere"
        assert conn.exec_driver_sql("SHOW lock_timeout").scalar_one() == SESSION["lock_timeout"]
        driver = conn.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        assert driver.info.get_parameters()["keepalives_idle"] == "77"
    engine.dispose()
    with psycopg.connect(postgres_url) as conn:
        conn.execute("DROP SCHEMA elsewhere")


def test_a_database_on_either_of_two_hosts_is_named_by_both() -> None:
    assert described("postgresql://jo:secret@/usher?host=one:5432&host=two:5432") == "usher on one:5432 or two:5432"


@pytest.mark.parametrize("said", ["a\0b", "a\nb"])
def test_no_text_of_lytics_that_postgresql_refuses_gets_as_far_as_a_statement(said: str) -> None:
    with pytest.raises(RemoteRejected):
        page_from({"data": [], "_next": said})
    assert audience_from({"id": said}) is None
    audience = audience_from({"id": "a1", "name": said, "slug_name": said, "invalid_reason": said})
    assert audience is not None
    assert (audience.name, audience.slug, audience.invalid_reason) == ("a b", "a b", "a b")


def test_no_count_of_lytics_is_larger_than_what_postgresql_keeps() -> None:
    assert count_or_none(2**63 - 1) == 2**63 - 1
    assert count_or_none(2**63) is None
