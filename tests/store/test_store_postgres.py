"""Several processes on one PostgreSQL: what each is promised, whatever the others and the server do meanwhile."""

import asyncio
import contextlib
import os
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.access.house import House
from tests.clocks import ManualClock
from tests.jobs.office import ANNA, office_on
from tests.postgres import PostgresServer
from tests.store.stores import HOLD_MS, JOB, OnManualTime, a_job, all_in, names, seen
from tests.store.test_store_intake import exits, share
from usher.access.people import create_person, remove_person
from usher.access.roles import Actor, Role
from usher.access.tokens import create_token
from usher.clock import LedgerClock, SystemClock
from usher.domain.job import Status
from usher.domain.observation import Source
from usher.domain.removal_brake import PEOPLE
from usher.errors import Conflict, RemoteRejected, Unavailable
from usher.jobs.creating import create_job
from usher.lytics.audiences import audience_from, count_or_none
from usher.lytics.scan import page_from
from usher.store import delivery, intake, jobs, ledger, scans
from usher.store.database import CommitInDoubt, InlineDatabase, ThreadedDatabase, Txn, Work
from usher.store.opening import OpenStore, open_store
from usher.store.postgres import PATIENCE_SECONDS, SESSION, PostgresTerms, described, postgres_engine
from usher.store.statements import LANE_LIVE, statements_for

SQL = statements_for("postgresql")
AN_HOUR_MS = 3_600_000
SOON = 10  # seconds; nothing here takes so long unless it waits for ever
SERVER_MS = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usher'"
ROOT = Actor("root", Role.ADMIN)


class HourOff(SystemClock):
    """A machine's clock that is an hour ahead."""

    def now_ms(self) -> int:
        return super().now_ms() + AN_HOUR_MS


@dataclass
class Process:
    """What one process has of the database: a thread that writes, one that reads, and the ledger's clock."""

    url: str
    is_desk: bool = False
    clock: LedgerClock = field(default_factory=lambda: LedgerClock(HourOff()))
    pause: Callable[[float], None] = lambda _: None

    def __post_init__(self) -> None:
        terms = PostgresTerms(self.clock, pause=self.pause, is_desk=self.is_desk)
        reader = postgres_engine(self.url, is_reader=True)
        self.database = ThreadedDatabase(postgres_engine(self.url), reader, clock=self.clock, terms=terms)

    async def write(self, work: Work[Any]) -> Any:
        return await asyncio.wait_for(self.database.write(work), SOON)

    async def read(self, work: Work[Any]) -> Any:
        return await asyncio.wait_for(self.database.read(work), SOON)

    async def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = await self.read(lambda txn: list(map(tuple, txn.conn.execute(text(statement)))))
        return found


Start = Callable[..., Process]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; they end with the test."""
    started: list[Process] = []

    def start_one(url: str, **given: Any) -> Process:
        started.append(Process(url, **given))
        return started[-1]

    yield start_one
    for process in started:
        await process.database.close()


def put(name: str, value: str = "") -> Work[None]:
    return lambda txn: _put(txn, name, value)


def _put(txn: Txn, name: str, value: str) -> None:
    txn.conn.execute(text("INSERT INTO facts (name, value) VALUES (:name, :value)"), {"name": name, "value": value})


def facts(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [name for (name,) in conn.execute("SELECT name FROM facts ORDER BY name")]


def until(url: str, question: str) -> None:
    """Wait until the answer to *question* is yes, as a third party sees it."""
    clock = SystemClock()
    give_up_at = clock.monotonic() + SOON
    with psycopg.connect(url, autocommit=True) as conn:
        while not conn.execute(question.encode()).fetchone()[0]:  # type: ignore[index]  # it answers with one row
            assert clock.monotonic() < give_up_at, question


SOMEBODY_WAITS = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND {})".format(
    "wait_event_type = 'Lock'"
)


# Moments


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


# Claims and counters


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


# A server that goes away


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
        _put(txn, "a", "")
        tries.append(1)
        if len(tries) == 1:
            lose(own_postgres)
        _put(txn, "b", "")

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
        _put(txn, "a", "")
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
        _put(txn, "a", "")
        return backend(txn)

    assert await process.write(work) != before
    assert facts(postgres_url) == ["a"]


# Readers


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


# What people ask for


async def test_what_people_ask_for_is_done_one_at_a_time(start: Start, postgres_url: str) -> None:
    first, second = start(postgres_url, is_desk=True), start(postgres_url, is_desk=True)
    is_in = threading.Event()

    def claim_the_house(txn: Txn) -> bool:
        is_free = not txn.conn.execute(text("SELECT 1 FROM trials")).all()
        if not is_in.is_set():
            is_in.set()
            until(postgres_url, SOMEBODY_WAITS)
        if is_free:
            txn.conn.execute(text("INSERT INTO trials (place, until_ms) VALUES (:now, 0)"), {"now": str(txn.now_ms)})
        return is_free

    going = asyncio.ensure_future(first.write(claim_the_house))
    assert await asyncio.to_thread(is_in.wait, SOON)
    assert await second.write(claim_the_house) is False
    assert await going is True


async def test_a_worker_does_not_wait_for_what_people_ask(start: Start, postgres_url: str) -> None:
    desk, worker = start(postgres_url, is_desk=True), start(postgres_url)
    is_in, go_on = threading.Event(), threading.Event()

    def ask(_: Txn) -> bool:
        is_in.set()
        return go_on.wait(SOON)

    asking = asyncio.ensure_future(desk.write(ask))
    assert await asyncio.to_thread(is_in.wait, SOON)
    await worker.write(put("a"))
    assert not asking.done()
    go_on.set()
    assert await asking


Outcome = tuple[list[Any], list[Conflict]]


async def both(one: Any, other: Any) -> Outcome:
    """Await both at once; return what was done, and what was refused."""
    answers = await asyncio.wait_for(asyncio.gather(one, other, return_exceptions=True), 3 * SOON)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    odd = [a for a in answers if isinstance(a, BaseException) and not isinstance(a, Conflict)]
    assert odd == []
    return [answer for answer in answers if not isinstance(answer, BaseException)], refused


def a_store(process: Process, desk: Process) -> OpenStore:
    return OpenStore(process.database, desk.database, SQL, desk.clock, "here", True, lambda: None)


async def test_of_two_who_create_the_same_job_at_once_one_is_told_of_the_other(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    stores = [a_store(start(postgres_url), start(postgres_url, is_desk=True)) for _ in range(2)]
    offices = [office_on(store, ManualClock()).with_desk(new_id=lambda: f"{next(numbers):032x}") for store in stores]
    offices[0].mapp, offices[0].lytics = await offices[0].add_mapp(), await offices[0].add_lytics()
    offices[1].mapp, offices[1].lytics = offices[0].mapp, offices[0].lytics

    for round_ in range(3):
        name = f"round{round_}"
        drafts = [office.draft(name=f"{name} by {n}", mapp_attribute_name=name) for n, office in enumerate(offices)]
        asked = [create_job(office.desk, ANNA, draft) for office, draft in zip(offices, drafts, strict=True)]
        made, refused = await both(*asked)

        assert (len(made), len(refused)) == (1, 1)
        assert made[0].job.name in str(refused[0]), "the same words that one process finds for it"


async def test_of_two_who_take_one_name_at_once_one_is_told_of_the_other(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    houses = [House(start(postgres_url, is_desk=True).database, ManualClock(), numbers=numbers) for _ in range(2)]
    for round_ in range(5):
        name = f"anna{round_}"
        for ask in (partial(create_person, name=name, role="viewer"), partial(create_token, name=name, role="viewer")):
            made, refused = await both(*(ask(house, ROOT) for house in houses))
            assert (len(made), len(refused)) == (1, 1)
            assert name in str(refused[0])


async def test_the_last_two_admins_cannot_remove_each_other_at_once(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    houses = [House(start(postgres_url, is_desk=True).database, ManualClock(), numbers=numbers) for _ in range(2)]
    await houses[0].first_admin("Anna")
    await houses[0].add("Bea", Role.ADMIN)

    done, refused = await both(
        remove_person(houses[0], Actor("Anna", Role.ADMIN), name="Bea"),
        remove_person(houses[1], Actor("Bea", Role.ADMIN), name="Anna"),
    )
    assert (len(done), len(refused)) == (1, 1)
    assert "admin" in str(refused[0])


# Claims, edits, triggers and the brake


async def with_a_job(process: Process, *members: str) -> Any:
    """Make a job in which *members* are, each of them owed."""

    def work(txn: Txn) -> Any:
        job = jobs.add_job(txn, a_job())
        ledger.observe(txn, SQL, job.key, all_in(members), source=Source.TRIGGER)
        return job

    return await process.write(work)


async def test_an_edit_waits_for_the_claims_under_way_and_stops_those_after_it(start: Start, postgres_url: str) -> None:
    worker, desk = start(postgres_url), start(postgres_url, is_desk=True)
    job = await with_a_job(worker, "jo", "al")
    has_claimed, edited = threading.Event(), threading.Event()

    def claim_slowly(txn: Txn) -> bool:
        assert jobs.writes_as(txn, job)
        assert len(ledger.claim(txn, SQL, job.key, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)) == 1
        has_claimed.set()
        until(postgres_url, SOMEBODY_WAITS)
        return edited.is_set()

    claiming = asyncio.ensure_future(worker.write(claim_slowly))
    assert await asyncio.to_thread(has_claimed.wait, SOON)
    await desk.write(lambda txn: jobs.change_job(txn, job.key, status=Status.KILLED))
    edited.set()

    assert await claiming is False, "the edit came after the claim's commit"
    taking = delivery.SqlDelivery(worker.database, SQL).claim(job, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
    assert await taking is None


async def test_a_claim_that_waits_for_an_edit_sees_what_it_changed(start: Start, postgres_url: str) -> None:
    worker, desk = start(postgres_url), start(postgres_url, is_desk=True)
    job = await with_a_job(worker, "jo")
    has_edited = threading.Event()

    def edit_slowly(txn: Txn) -> None:
        jobs.change_job(txn, job.key, status=Status.PAUSED, mapp_auth="another")
        has_edited.set()
        until(postgres_url, SOMEBODY_WAITS)

    editing = asyncio.ensure_future(desk.write(edit_slowly))
    assert await asyncio.to_thread(has_edited.wait, SOON)
    taking = delivery.SqlDelivery(worker.database, SQL).claim(job, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
    assert await asyncio.wait_for(taking, SOON) is None
    await editing


async def test_triggers_do_not_wait_for_claims(start: Start, postgres_url: str) -> None:
    worker, other = start(postgres_url), start(postgres_url)
    job = await with_a_job(worker, "jo", "al")
    has_claimed, go_on = threading.Event(), threading.Event()

    def claim_slowly(txn: Txn) -> bool:
        assert jobs.writes_as(txn, job)
        ledger.claim(txn, SQL, job.key, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
        has_claimed.set()
        return go_on.wait(SOON)

    claiming = asyncio.ensure_future(worker.write(claim_slowly))
    assert await asyncio.to_thread(has_claimed.wait, SOON)
    taking = intake.SqlIntake(other.database, SQL).take_in("lytics1", share((seen("new", True, 9),)))
    await asyncio.wait_for(taking, SOON)
    assert not claiming.done()
    go_on.set()
    assert await claiming


async def test_no_exit_slips_past_a_brake_that_another_process_sets(start: Start, postgres_url: str) -> None:
    first, second = start(postgres_url), start(postgres_url)
    job = await with_a_job(first, *names(PEOPLE + 1))
    has_sorted = threading.Event()
    leave = share(*exits(PEOPLE + 1))

    def sort_slowly(found: list[Any], now_ms: int) -> Any:
        has_sorted.set()
        until(postgres_url, SOMEBODY_WAITS)
        return leave(found, now_ms)

    braking = asyncio.ensure_future(intake.SqlIntake(first.database, SQL).take_in("lytics1", sort_slowly))
    assert await asyncio.to_thread(has_sorted.wait, SOON)
    late = share((seen("late", True, 1),), (seen("late", False, 2),))
    await asyncio.wait_for(intake.SqlIntake(second.database, SQL).take_in("lytics1", late), SOON)
    await braking

    assert await first.read(lambda txn: jobs.job_by_key(txn, job.key).exits_held)
    assert await first.fetch("SELECT DISTINCT lane FROM ledger WHERE is_in = 0 AND due_at IS NOT NULL") == [(2,)]
    counted = await first.read(lambda txn: scans.counters_of(txn, job.key))
    assert counted["triggers.received"] == PEOPLE + 3


# Opening


async def test_a_session_waits_for_nothing_for_ever_and_answers_only_what_is_durable(
    own_postgres: PostgresServer, own_url: str
) -> None:
    name = own_url.partition("/usher_")[2].partition("?")[0]
    own_postgres.execute(f"ALTER DATABASE usher_{name} SET synchronous_commit = off")
    for is_reader in (False, True):
        engine = postgres_engine(own_url, is_reader=is_reader)
        with engine.connect() as conn:
            shown = {name: conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in SESSION}
            durable = conn.exec_driver_sql("SHOW synchronous_commit").scalar_one()
            read_only = conn.exec_driver_sql("SHOW transaction_read_only").scalar_one()
        engine.dispose()
        assert shown == {**SESSION, "statement_timeout": "1min"}
        assert durable == "on"
        assert read_only == ("on" if is_reader else "off")
    own_postgres.execute(f"ALTER DATABASE usher_{name} RESET synchronous_commit")


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


# What no database of this kind keeps


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
