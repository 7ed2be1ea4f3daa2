"""A word between processes: said at a commit, never before, and heard again once a server that was away is back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
import structlog

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import JOB, OnManualTime, Store, seen
from usher.clock import SystemClock
from usher.domain.observation import Source
from usher.errors import Conflict
from usher.store import bells, ledger
from usher.store.bells import Bells
from usher.store.database import InlineDatabase, Txn
from usher.store.postgres import postgres_engine
from usher.store.statements import statements_for

SOON = 10  # seconds
SQL = statements_for("postgresql")
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usher bells'"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "HEAR_SECONDS", 0.02)
    monkeypatch.setattr(bells, "AGAIN_SECONDS", 0.02)


class Ears:
    """What one process hears, word by word."""

    def __init__(self, url: str) -> None:
        self._words: asyncio.Queue[str] = asyncio.Queue()
        self._bells = Bells(
            url,
            loop=asyncio.get_running_loop(),
            owed=lambda: self._words.put_nowait("owed"),
            changed=lambda: self._words.put_nowait("changed"),
            connected=lambda: self._words.put_nowait("connected"),
        )

    async def next_word(self) -> str:
        return await asyncio.wait_for(self._words.get(), SOON)

    async def close(self) -> None:
        await asyncio.wait_for(asyncio.to_thread(self._bells.close), SOON)


@pytest.fixture
async def ears(postgres_url: str) -> AsyncIterator[Ears]:
    """Another process, which has begun to listen."""
    listening = Ears(postgres_url)
    assert await listening.next_word() == "connected"
    yield listening
    await listening.close()


@pytest.fixture
async def worker(postgres_url: str) -> AsyncIterator[Store]:
    clock = ManualClock()
    database = InlineDatabase(postgres_engine(postgres_url), clock=clock, terms=OnManualTime(clock))
    yield Store(database, SQL, clock, "postgresql")
    await database.close()


@pytest.fixture
async def desk(postgres_url: str) -> AsyncIterator[Store]:
    clock = ManualClock()
    database = InlineDatabase(postgres_engine(postgres_url), clock=clock, terms=OnManualTime(clock, is_desk=True))
    yield Store(database, SQL, clock, "postgresql")
    await database.close()


async def test_news_that_is_owed_wakes_another_process(worker: Store, ears: Ears) -> None:
    worker.observe(seen("jo", True, 1))

    assert await ears.next_word() == "owed"


def again(store: Store) -> None:
    store.observe(seen("jo", True, 1))


def confirmed(store: Store) -> None:
    store.observe(seen("jo", True, 2))


def changed_while_owed(store: Store) -> None:
    store.observe(seen("jo", False, 3))


def found_inside_before(store: Store) -> None:
    store.observe(seen("al", True, 1, Source.BASELINE), source=Source.BASELINE)


def claimed(store: Store) -> None:
    assert store.claim()


@pytest.mark.parametrize(
    "act", [again, confirmed, changed_while_owed, found_inside_before, claimed], ids=lambda act: act.__name__
)
async def test_what_makes_nobody_owed_wakes_nobody(
    worker: Store, desk: Store, ears: Ears, act: Callable[[Store], None]
) -> None:
    worker.observe(seen("jo", True, 1))
    assert await ears.next_word() == "owed"

    act(worker)
    desk.write(lambda _: None)
    assert await ears.next_word() == "changed", "the next word is the desk's"


async def test_what_people_change_is_told_to_all_once_it_is_kept(desk: Store, ears: Ears) -> None:
    def change(txn: Txn) -> None:
        raise Conflict

    with pytest.raises(Conflict):
        desk.write(change)
    desk.write(lambda _: None)

    assert await ears.next_word() == "changed"
    assert ears._words.empty(), "the one that failed was told to nobody"


async def test_a_word_is_said_only_at_the_commit(worker: Store, desk: Store, ears: Ears) -> None:
    def observe_and_let_the_desk_go_first(txn: Txn) -> None:
        ledger.observe(txn, SQL, JOB, [seen("jo", True, 1)], source=Source.TRIGGER)
        desk.write(lambda _: None)

    worker.write(observe_and_let_the_desk_go_first)

    assert [await ears.next_word(), await ears.next_word()] == ["changed", "owed"]


async def test_a_lost_connection_is_made_anew_and_whoever_listens_knows_that_it_was(
    postgres: PostgresServer, worker: Store, ears: Ears
) -> None:
    with structlog.testing.capture_logs() as said:
        postgres.execute(END_ALL)
        assert await ears.next_word() == "connected"
    worker.observe(seen("jo", True, 1))

    assert await ears.next_word() == "owed"
    assert [line["event"] for line in said] == ["database_away", "database_back"]
    assert "\n" not in said[0]["reason"]


async def test_a_server_that_was_restarted_is_heard_again(own_postgres: PostgresServer) -> None:
    url = own_postgres.fresh_database()
    ears = Ears(url)
    assert await ears.next_word() == "connected"
    own_postgres.restart("immediate")
    assert await ears.next_word() == "connected"

    clock = ManualClock()
    database = InlineDatabase(postgres_engine(url), clock=clock, terms=OnManualTime(clock))
    Store(database, SQL, clock, "postgresql").observe(seen("jo", True, 1))
    assert await ears.next_word() == "owed"
    await database.close()
    await ears.close()


@pytest.mark.parametrize(
    "url", ["postgresql://jo:secret@127.0.0.1:1/usher", "postgresql://jo:secret@/usher?host=/nowhere&host=127.0.0.1:1"]
)
async def test_who_never_finds_the_server_stops_soon_and_tells_no_password(url: str) -> None:
    clock = SystemClock()
    with structlog.testing.capture_logs() as said:
        ears = Ears(url)
        await asyncio.sleep(0)
        began = clock.monotonic()
        await ears.close()

    assert clock.monotonic() - began < 2
    assert "secret" not in repr(said)


class Stumbling:
    """A loop that fails once, by what is no failure of the database, when it is told something."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._has_failed = False

    def call_soon_threadsafe(self, call: Callable[[], None]) -> None:
        if not self._has_failed:
            self._has_failed = True
            raise OSError("of our own")
        self._loop.call_soon_threadsafe(call)


async def test_no_failure_of_any_kind_ends_the_listening(postgres_url: str) -> None:
    heard, loop = asyncio.Event(), Stumbling(asyncio.get_running_loop())
    with structlog.testing.capture_logs() as said:
        listening = Bells(postgres_url, loop=loop, owed=str, changed=str, connected=heard.set)  # type: ignore[arg-type]  # all of a loop that bells use
        await asyncio.wait_for(heard.wait(), SOON)
        await asyncio.to_thread(listening.close)

    assert [(line["event"], line["error"]) for line in said] == [("bells_silent", "OSError")]


async def test_a_server_that_takes_a_connection_and_says_nothing_is_not_waited_for_when_it_stops() -> None:
    server, clock = socket.create_server(("127.0.0.1", 0)), SystemClock()
    server.settimeout(SOON)
    port = server.getsockname()[1]
    listening = Bells(
        f"postgresql://jo@127.0.0.1:{port}/usher?connect_timeout=2",
        loop=asyncio.get_running_loop(), owed=str, changed=str, connected=str,
    )  # fmt: skip
    asked, _ = await asyncio.to_thread(server.accept)
    began = clock.monotonic()
    await asyncio.to_thread(listening.close, within_seconds=0.02)
    took = clock.monotonic() - began
    asked.close()  # which ends the thread at once
    server.close()
    await asyncio.to_thread(listening.close)
    assert took < 1


async def test_a_server_that_stays_away_is_told_once_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, loop, is_enough = 0, asyncio.get_running_loop(), asyncio.Event()

    def refuse(**asked: object) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            loop.call_soon_threadsafe(is_enough.set)
        raise psycopg.OperationalError(f"refused:\n\t{asked['password']} of jo")

    monkeypatch.setattr(psycopg, "connect", refuse)
    with structlog.testing.capture_logs() as said:
        ears = Ears("postgresql://jo:se%40cret@db/usher")
        await asyncio.wait_for(is_enough.wait(), SOON)
        await ears.close()
    assert [(line["event"], line["reason"]) for line in said] == [("database_away", "refused: *** of jo")]
