"""
One worker process of a world in virtual time: the real engine, with clocks of its own and its own way to the ledger.

It can be killed, stopped, continued, ended politely, and cut off from the ledger.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from sqlalchemy import Connection
from sqlalchemy import Engine as SqlEngine

from tests.engine.gates import Gate
from tests.engine.world import LoopClock
from usher.clock import LedgerClock
from usher.domain.worker import Stay, Worker
from usher.engine.crew import CrewKeeper
from usher.engine.ingest import Ingest
from usher.engine.ports import Vendors
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import Unavailable
from usher.settings import Timing
from usher.store.database import CommitInDoubt, InlineDatabase, T, Terms, Txn, Work
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.scanning import SqlScans
from usher.store.statements import statements_for
from usher.store.supervision import SqlJobs
from usher.store.workers import SqlWorkers

SQL = statements_for("sqlite")


@dataclass(frozen=True)
class Place:
    """What all processes share; *ring* tells all of them that more is owed."""

    ledger: SqlEngine
    clock: LoopClock
    vendors: Vendors
    rng: Random
    timing: Timing
    guard_seconds: float
    ring: Callable[[], None]


@dataclass
class OwnClock:
    """One machine's clock: its steady seconds began at some moment, and its wall time may be wrong."""

    true: LoopClock
    ahead_seconds: float
    wall_ahead_ms: int

    def now_ms(self) -> int:
        return self.true.now_ms() + self.wall_ahead_ms

    def monotonic(self) -> float:
        return self.true.monotonic() + self.ahead_seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SharedTerms(Terms):
    """PostgreSQL's terms in this world: the ledger's clock, heard at each transaction, and a word to all."""

    clock: LedgerClock

    def __init__(self, clock: LedgerClock, place: Place) -> None:
        super().__init__(clock)
        self._place = place

    def now_ms(self, _conn: Connection) -> int:
        now_ms = self._place.clock.now_ms()
        self.clock.hear(now_ms, asked=self.clock.monotonic())
        return now_ms

    def end(self, txn: Txn) -> None:
        if txn.owes_more:
            self._place.ring()


class RemoteDatabase(InlineDatabase):
    """The ledger as one worker reaches it: asking takes a while and so does the answer, and it may be cut off."""

    def __init__(self, place: Place, *, clock: LedgerClock) -> None:
        super().__init__(place.ledger, clock=clock, terms=SharedTerms(clock, place))
        self.is_cut_off = False
        self._rng = place.rng

    async def write(self, work: Work[T]) -> T:
        await self._travel()
        result = await super().write(work)
        await self._travel(CommitInDoubt)
        return result

    async def read(self, work: Work[T]) -> T:
        await self._travel()
        return await super().read(work)

    async def _travel(self, lost: type[Unavailable] = Unavailable) -> None:
        await asyncio.sleep(self._rng.uniform(0.001, 0.01))
        if self.is_cut_off:
            raise lost("The database is away.")


class Process:
    """One worker process, running from the moment it is made."""

    def __init__(self, place: Place, name: str, *, wall_ahead_ms: int = 0) -> None:
        self.name = name
        self.gate = Gate(name)
        own = OwnClock(place.clock, ahead_seconds=place.rng.uniform(0, 1e6), wall_ahead_ms=wall_ahead_ms)
        self.clock = LedgerClock(own)
        self.database = database = RemoteDatabase(place, clock=self.clock)
        self.crew = _keeper(database, self.clock, place, name)
        self._rings_owed = False
        telemetry = Telemetry()
        self.engine = Engine(
            Stores(SqlJobs(database, SQL), SqlDelivery(database, SQL), SqlScans(database, SQL, worker=name)),
            place.vendors,
            crew=self.crew,
            clock=self.clock,
            rng=place.rng,
            timing=place.timing,
            guard_seconds=place.guard_seconds,
            telemetry=telemetry,
        )
        self.ingest = Ingest(SqlIntake(database, SQL), seal=lambda raw: raw, bell=self.engine, telemetry=telemetry)
        self._running = self.gate.run(self.engine.run())

    @property
    def is_running(self) -> bool:
        return not (self.gate.is_dead or self.gate.is_shut)

    def ring(self) -> None:
        """Hear that more is owed: at once, or when it goes on."""
        if self.gate.is_shut:
            self._rings_owed = True
        elif not self.gate.is_dead:
            self.engine.ring()

    def kill(self) -> None:
        self.gate.kill()

    def stop(self) -> None:
        """Stop it as SIGSTOP does."""
        self.gate.shut()

    def go_on(self) -> None:
        self.gate.open()
        if self._rings_owed:
            self._rings_owed = False
            self.engine.ring()

    async def end(self) -> None:
        """End it as SIGTERM does."""
        self._running.cancel()
        await self.gate.run(self.engine.stop(within_seconds=12))
        self.kill()


def _keeper(database: RemoteDatabase, clock: LedgerClock, place: Place, name: str) -> CrewKeeper:
    me = Worker(Stay(0, name), kind="worker", host="here", pid=1, lives_ms=0)
    room = place.timing.send_room_seconds
    return CrewKeeper(SqlWorkers(database, is_alone=False), identity=me, clock=clock, send_room_seconds=room)
