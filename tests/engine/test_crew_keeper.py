"""The engine's side of the crew: what a beat says, what it brings, and what holds while the store is away."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import StaticPool, create_engine

from tests.clocks import NOON_MS, ManualClock
from tests.domain.crew_world import Table
from tests.store.stores import Store, run
from usher.domain.crew import LEASE_SLACK_SECONDS
from usher.domain.worker import Standing, Stay, Worker
from usher.engine.crew import CrewKeeper, CrewStore
from usher.errors import Unavailable
from usher.store.database import InlineDatabase
from usher.store.statements import statements_for
from usher.store.tables import metadata
from usher.store.workers import SqlWorkers

ROOM_SECONDS = 15.0
CALM: dict[str, Standing] = {}


@dataclass
class FakeCrewStore:
    """Implements CrewStore on a table in memory; *skew_ms* is how far the ledger's clock is ahead."""

    clock: ManualClock
    table: Table = field(default_factory=Table)
    skew_ms: int = 0
    asking_takes_ms: int = 0
    answer_takes_ms: int = 0
    is_away: bool = False

    async def beat(self, worker: Worker) -> list[Worker]:
        if self.is_away:
            raise Unavailable
        self.clock.pass_ms(self.asking_takes_ms)
        found = self.table.beat(worker, now_ms=self.clock.now_ms() + self.skew_ms)
        self.clock.pass_ms(self.answer_takes_ms)
        return found

    async def leave(self, worker: str) -> None:
        self.table.drop(worker)

    async def take_lease(self, name: str, worker: str) -> bool:
        return self.table.take(worker)

    async def release_lease(self, name: str, worker: str) -> None:
        self.table.holder = None if self.table.holder == worker else self.table.holder


@pytest.fixture
def kept() -> FakeCrewStore:
    return FakeCrewStore(ManualClock())


def memory_store() -> Store:
    """A SQLite database in memory, with the tables."""
    engine, clock = create_engine("sqlite://", poolclass=StaticPool), ManualClock()
    metadata.create_all(engine)
    return Store(InlineDatabase(engine, clock=clock), statements_for("sqlite"), clock)


def keeper(store: CrewStore, clock: ManualClock, name: str = "a", *, is_alone: bool = False) -> CrewKeeper:
    identity = Worker(Stay(0, name), "worker", "host", 42, lives_ms=0)
    return CrewKeeper(store, identity=identity, clock=clock, send_room_seconds=ROOM_SECONDS, is_alone=is_alone)


async def look(one: CrewKeeper, clock: ManualClock) -> None:
    """Beat, take the answer into account at once, and let a second pass."""
    one.applied(await one.beat(CALM))
    clock.pass_ms(1_000)


async def test_two_workers_share_a_pace_within_a_few_beats(kept: FakeCrewStore) -> None:
    a, b = keeper(kept, kept.clock, "a"), keeper(kept, kept.clock, "b")
    for _ in range(3):
        await look(a, kept.clock)
    assert (a.rate_share(9), a.in_flight_share(64)) == (9.0, 64)
    shares = []
    for _ in range(6):
        await look(b, kept.clock)
        await look(a, kept.clock)
        shares.append((a.rate_share(9), b.rate_share(9)))
    assert shares[0] == (5.0, 0.0), "the one that joins waits"
    assert shares[-1] == (5.0, 4.0)
    assert (a.in_flight_share(64), b.in_flight_share(64)) == (32, 32)


async def test_a_beat_says_only_what_was_applied_before_it(kept: FakeCrewStore) -> None:
    a = keeper(kept, kept.clock)
    crew = await a.beat(CALM)
    assert kept.table.rows["a"].knows == frozenset()
    await a.beat(CALM)
    assert kept.table.rows["a"].knows == frozenset(), "not applied yet"
    a.applied(crew)
    assert kept.table.rows["a"].knows == frozenset()
    await a.beat(CALM)
    assert kept.table.rows["a"].knows == {crew.me}


async def test_a_worker_tells_how_long_it_lives(kept: FakeCrewStore) -> None:
    await keeper(kept, kept.clock).beat(CALM)
    assert kept.table.rows["a"].lives_ms == (ROOM_SECONDS + LEASE_SLACK_SECONDS) * 1000


async def test_while_the_store_is_away_what_was_known_holds_until_it_is_too_old_to_claim_by(
    kept: FakeCrewStore,
) -> None:
    a = keeper(kept, kept.clock)
    await look(a, kept.clock)
    kept.is_away = True
    crew = await a.beat(CALM)
    assert (crew.size, a.may_claim, a.rate_share(None)) == (1, True, None)
    kept.clock.pass_ms(4_000)
    assert not a.may_claim
    kept.is_away = False
    await a.beat(CALM)
    assert a.may_claim


async def test_one_that_was_away_too_long_joins_anew(kept: FakeCrewStore) -> None:
    a, b = keeper(kept, kept.clock, "a"), keeper(kept, kept.clock, "b")
    for _ in range(3):
        await look(a, kept.clock)
        await look(b, kept.clock)
    assert await a.take_lease("scan 1")
    former = a.crew.me
    kept.clock.pass_ms(21_000)
    assert not a.may_claim
    await look(b, kept.clock)
    await look(a, kept.clock)
    assert (a.crew.rank, a.crew.me == former, a.may_claim) == (1, False, False)
    assert await b.take_lease("scan 1")
    for _ in range(2):
        await look(b, kept.clock)
        await look(a, kept.clock)
    assert a.may_claim


async def test_a_slow_answer_counts_from_when_it_was_asked_for(kept: FakeCrewStore) -> None:
    kept.answer_takes_ms = 6_000
    a = keeper(kept, kept.clock)
    await look(a, kept.clock)
    assert (a.crew.may_send, a.may_claim) == (True, False)


async def test_who_left_may_use_nothing_and_is_not_there(kept: FakeCrewStore) -> None:
    a = keeper(kept, kept.clock)
    await look(a, kept.clock)
    await a.leave()
    assert (a.may_claim, a.in_flight_share(64), kept.table.rows) == (False, 0, {})


async def test_a_silence_that_one_was_asked_for_holds_for_all_though_their_clocks_differ(kept: FakeCrewStore) -> None:
    kept.skew_ms = 3_600_000
    a, b = keeper(kept, kept.clock, "a"), keeper(kept, kept.clock, "b")
    await a.beat(CALM)
    until = kept.clock.monotonic() + 30
    assert a.ledger_ms(until) == NOON_MS + 3_600_000 + 30_000
    await a.beat({"mapp1": Standing(silent_until_ms=a.ledger_ms(until))})
    await b.beat(CALM)
    assert (b.silent_until("mapp1"), b.silent_until("mapp2")) == (until, None)


@pytest.mark.parametrize("teller_ms", [(0, 0), (700, 0), (0, 700)], ids=["quick", "asks-slowly", "hears-slowly"])
@pytest.mark.parametrize("hearer_ms", [(0, 0), (700, 0), (0, 700)], ids=["quick", "asks-slowly", "hears-slowly"])
async def test_a_silence_is_never_ended_too_early_by_a_slow_store(
    kept: FakeCrewStore, teller_ms: tuple[int, int], hearer_ms: tuple[int, int]
) -> None:
    a, b = keeper(kept, kept.clock, "a"), keeper(kept, kept.clock, "b")
    kept.asking_takes_ms, kept.answer_takes_ms = teller_ms
    await a.beat(CALM)
    until = kept.clock.monotonic() + 30
    await a.beat({"mapp1": Standing(silent_until_ms=a.ledger_ms(until))})
    kept.asking_takes_ms, kept.answer_takes_ms = hearer_ms
    await b.beat(CALM)
    told = b.silent_until("mapp1")
    assert told is not None
    assert until - 0.001 < told < until + 1.5


async def test_what_others_told_of_themselves_can_be_read(kept: FakeCrewStore) -> None:
    a, b = keeper(kept, kept.clock, "a"), keeper(kept, kept.clock, "b")
    await a.beat({"mapp1": Standing(found_per_second=4.5, in_flight=3)})
    await b.beat(CALM)
    assert [worker.standing.get("mapp1") for worker in b.workers] == [Standing(4.5, 3), None]


def test_a_worker_alone_on_its_database_sends_from_its_first_beat_on() -> None:
    """Though the one before it was killed a moment ago, and is written down still."""
    store = memory_store()
    run(keeper(SqlWorkers(store.database, is_alone=True), store.clock, "killed").beat(CALM))
    one = keeper(SqlWorkers(store.database, is_alone=True), store.clock, is_alone=True)
    crew = run(one.beat(CALM))
    assert (crew.size, one.may_claim) == (1, True)
    assert (one.rate_share(9), one.rate_share(0.5), one.rate_share(None)) == (9.0, 0.5, None)
    one.applied(crew)
    run(one.beat(CALM))
    run(one.leave())
    assert store.fetch("SELECT id FROM workers") == []
