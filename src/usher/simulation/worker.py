"""One worker process of a run: the real engine and receiver, with clocks of its own and its own way to the ledger."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from usher.clock import Clock, LedgerClock
from usher.domain.worker import Stay, Worker
from usher.engine.crew import CrewKeeper, alone
from usher.engine.ingest import Ingest
from usher.engine.ports import Vendors
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import Unavailable
from usher.simulation.ledger import Ledger, OwnDatabase, RemoteDatabase
from usher.simulation.loop import State
from usher.simulation.network import Wire
from usher.simulation.stage import EPOCH_MS, Stage
from usher.store.database import Database
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.scanning import SqlScans
from usher.store.statements import statements_for
from usher.store.supervision import SqlJobs
from usher.store.workers import SqlWorkers

STOP_SECONDS = 6.0
OK, LATER = 200, 503


@dataclass
class OwnClock:
    """One machine's clock: its steady seconds began at some moment, and its wall time may be wrong, and jump."""

    time: Callable[[], float]
    steady_ahead: float
    wall_ahead_ms: int = 0

    def now_ms(self) -> int:
        return EPOCH_MS + round(self.time() * 1000) + self.wall_ahead_ms

    def monotonic(self) -> float:
        return self.time() + self.steady_ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker is given; *vendors* makes clients that go over its own wire, by its own clock."""

    stage: Stage
    ledger: Ledger
    wire: Wire
    vendors: Callable[[Wire, Clock], Vendors]


class SimulatedWorker:
    """A worker, running from the moment it is made until it is killed or ended."""

    def __init__(self, parts: Parts, name: str, *, wall_ahead_ms: int) -> None:
        stage = self._stage = parts.stage
        draw = stage.draw
        self.name = name
        self.process = stage.loop.new_process(name)
        self.wire = parts.wire
        self.is_leaving = False  # told to end, and perhaps still about it
        self.own = OwnClock(stage.loop.time, stage.rng.uniform(0, 1e6), wall_ahead_ms)
        clock, self.database, self.crew = _seated(parts.ledger, self.own, name)
        self.engine = _engine(parts, self.database, self.crew, clock, worker=None if draw.is_alone else name)
        intake = SqlIntake(self.database, statements_for("sqlite"))
        self.ingest = Ingest(intake, seal=lambda raw: raw, bell=self.engine, telemetry=_telemetry())
        self._running = self.process.run(self.engine.run())
        stage.note(name, "starts")

    @property
    def is_running(self) -> bool:
        return self.process.state is State.RUNNING

    @property
    def in_flight(self) -> int:
        """How many events it waits for at Mapp."""
        return self.wire.in_flight

    @property
    def is_gone(self) -> bool:
        return self.process.state is State.DEAD

    def ring(self) -> None:
        """Hear that more is owed: at once, or when it goes on."""
        self._call(self.engine.ring)

    def refresh(self) -> None:
        """Hear that a job was changed."""
        self._call(self.engine.refresh)

    def kill(self) -> None:
        self._stage.note(self.name, "is killed")
        self.process.kill()

    def stop(self) -> None:
        self._stage.note(self.name, "is stopped")
        self.process.stop()

    def go_on(self) -> None:
        if self.process.state is State.STOPPED:
            self._stage.note(self.name, "goes on")
            self.process.go_on()

    def end(self) -> None:
        """End as SIGTERM does."""
        self._stage.note(self.name, "is told to end")
        self.is_leaving = True
        self.process.run(self._end())

    async def _end(self) -> None:
        self._running.cancel()
        await asyncio.wait({self._running})
        try:
            await self.engine.stop(within_seconds=STOP_SECONDS)
        except TimeoutError:
            self._stage.note(self.name, "does not end in time")
        self.kill()

    def receive(self, body: bytes) -> "asyncio.Task[int]":
        """Take in one message, as the receiver does; the task's result is the status that answers it."""
        return self.process.run(self._receive(body))

    async def _receive(self, body: bytes) -> int:
        try:
            await self.ingest.receive("l", body)
        except Unavailable:
            return LATER
        return OK

    def _call(self, callback: Callable[[], None]) -> None:
        self._stage.loop.call_soon(callback, context=self.process.context)


def _seated(ledger: Ledger, own: OwnClock, name: str) -> tuple[Clock, RemoteDatabase | OwnDatabase, CrewKeeper]:
    """Give a worker its clock, its way to the ledger, and its place among the others."""
    room = ledger.stage.draw.timing.send_room_seconds
    if ledger.stage.draw.is_alone:
        return own, OwnDatabase(ledger, clock=own), alone(own, send_room_seconds=room)
    clock = LedgerClock(own)
    database = RemoteDatabase(ledger, clock=clock)
    me = Worker(Stay(0, name), kind="worker", host="here", pid=1, lives_ms=0)
    workers = SqlWorkers(database, is_alone=False)
    return clock, database, CrewKeeper(workers, identity=me, clock=clock, send_room_seconds=room)


def _engine(parts: Parts, database: Database, crew: CrewKeeper, clock: Clock, *, worker: str | None) -> Engine:
    sql, stage = statements_for("sqlite"), parts.stage
    return Engine(
        Stores(SqlJobs(database, sql), SqlDelivery(database, sql), SqlScans(database, sql, worker=worker)),
        parts.vendors(parts.wire, clock),
        crew=crew,
        clock=clock,
        rng=Random(stage.rng.getrandbits(32)),  # noqa: S311 - a seed decides everything here
        timing=stage.draw.timing,
        guard_seconds=stage.draw.guard_seconds,
        telemetry=_telemetry(),
    )


@lru_cache(maxsize=1)
def _telemetry() -> Telemetry:
    """Return one set of instruments for all runs; nobody reads them."""
    return Telemetry()
