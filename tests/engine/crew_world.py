"""
Several engines in one virtual world: one ledger, one pretend Mapp, one pretend Lytics.

Each engine is a process with clocks of its own, which may be wrong; it can be killed, stopped, continued, ended
politely, and cut off from the ledger. Time passes only while everybody waits; a seed decides everything.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine as SqlEngine, StaticPool, create_engine, event, select

from tests.engine.gates import OUTSIDE, OWNER, Gate
from tests.engine.world import AUDIENCE, FakeLytics, FakeMapp, FakeVendors, LoopClock
from usher.clock import LedgerClock, iso_from_ms
from usher.domain.attribute import Target
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.notes import LogEntry
from usher.domain.outcome import Outcome, RetryLater
from usher.domain.scan import Scan
from usher.domain.worker import Stay, Worker
from usher.engine.crew import CrewKeeper
from usher.engine.ingest import Ingest
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import Unavailable
from usher.lytics.audiences import Audience
from usher.lytics.scan import Page
from usher.settings import Timing
from usher.store.database import CommitInDoubt, InlineDatabase, T, Terms, Txn, Work
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.jobs import add_job, change_job, job_by_key
from usher.store.notes import logs_of
from usher.store.scanning import SqlScans
from usher.store.statements import statements_for
from usher.store.supervision import SqlJobs
from usher.store.tables import metadata, scans
from usher.store.workers import SqlWorkers

SQL = statements_for("sqlite")
HOUR_MS = 3_600_000
ANSWER_SECONDS = 5.0  # that Lytics waits for a trigger's answer before it tells another worker


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

    def __init__(self, clock: LedgerClock, world: "CrewWorld") -> None:
        super().__init__(clock)
        self._world = world

    def now_ms(self, _conn: Connection) -> int:
        now_ms = self._world.clock.now_ms()
        self.clock.hear(now_ms, asked=self.clock.monotonic())
        return now_ms

    def end(self, txn: Txn) -> None:
        if txn.owes_more:
            self._world.ring()


class RemoteDatabase(InlineDatabase):
    """The ledger as one worker reaches it: asking takes a while and so does the answer, and it may be cut off."""

    def __init__(self, engine: SqlEngine, *, terms: SharedTerms, rng: Random) -> None:
        super().__init__(engine, clock=terms.clock, terms=terms)
        self.is_cut_off = False
        self._rng = rng

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


@dataclass(frozen=True)
class Sent:
    """One request as Mapp saw it come, *left_ms* before its expiry."""

    at: float
    worker: str
    attribute: str
    member: str
    left_ms: int


@dataclass
class SharedMapp(FakeMapp):
    """
    Counts what all workers do together. A request that was sent lands, whatever becomes of its sender.

    Args:
        capacity: requests a second that it takes; more are throttled. None: all.
        silence_seconds: the next request is answered with a Retry-After of so many seconds.
        busy_for: workers that are answered with 503.
    """

    capacity: int | None = None
    silence_seconds: float | None = None
    busy_for: set[str] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    throttled: int = 0
    pinged_by: list[str] = field(default_factory=list)

    async def ping(self) -> None:
        self.pinged_by.append(_caller())
        await super().ping()

    async def send(self, target: Target, member: str, *, is_in: bool, expires_at_ms: int) -> Outcome:
        left_ms, caller = expires_at_ms - self.clock.now_ms(), _caller()
        self.sent.append(Sent(self.clock.monotonic(), caller, target.attribute_name, member, left_ms))
        answer = self._answer(target, member, caller=caller, is_in=is_in, expires_at_ms=expires_at_ms)
        return await asyncio.shield(asyncio.get_running_loop().create_task(answer, context=OUTSIDE.copy()))

    async def _answer(
        self, target: Target, member: str, *, caller: str, is_in: bool, expires_at_ms: int
    ) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if (refusal := await self._refusal(caller)) is not None:
                return refusal
            return await super().send(target, member, is_in=is_in, expires_at_ms=expires_at_ms)
        finally:
            self.at_once -= 1

    async def _refusal(self, caller: str) -> Outcome | None:
        if caller in self.busy_for:
            await asyncio.sleep(self.latency)
            return RetryLater("503")
        silence, self.silence_seconds = self.silence_seconds, None
        if silence is None and not self._is_full:
            return None
        await asyncio.sleep(self.latency)
        self.throttled += 1
        return RetryLater("Database Access Limit Exceeded", is_throttle=True, retry_after_seconds=silence)

    @property
    def _is_full(self) -> bool:
        since = self.clock.monotonic() - 1
        lately = 0
        for one in reversed(self.sent):
            if one.at <= since:
                break
            lately += 1
        return self.capacity is not None and lately > self.capacity

    def between(self, begin: float, end: float) -> list[Sent]:
        """Return what came from *begin* on and before *end*."""
        return [one for one in self.sent if begin <= one.at < end]

    def most_within(self, seconds: float) -> int:
        """Return the most requests that came within any span of *seconds*."""
        times, first, most = [one.at for one in self.sent], 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass
class SharedLytics(FakeLytics):
    """Counts how many read at once, and who read from where. A page that was asked for is read to its end."""

    at_once: int = 0
    most_at_once: int = 0
    read: list[tuple[str, str]] = field(default_factory=list)  # worker, cursor

    async def audience(self, id_or_slug: str) -> Audience:
        await asyncio.sleep(self.page_seconds)
        return await super().audience(id_or_slug)

    async def scan_page(self, audience_id: str, *, field: str, cursor: str) -> Page:
        self.read.append((_caller(), cursor))
        answer = self._page(audience_id, field=field, cursor=cursor)
        return await asyncio.shield(asyncio.get_running_loop().create_task(answer, context=OUTSIDE.copy()))

    async def _page(self, audience_id: str, *, field: str, cursor: str) -> Page:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().scan_page(audience_id, field=field, cursor=cursor)
        finally:
            self.at_once -= 1


def _caller() -> str:
    gate = OWNER.get()
    assert gate is not None
    return gate.name


class Process:
    """One worker process, running from the moment it is made."""

    def __init__(self, world: "CrewWorld", name: str, *, wall_ahead_ms: int = 0) -> None:
        self.name = name
        self.gate = Gate(name)
        own = OwnClock(world.clock, ahead_seconds=world.rng.uniform(0, 1e6), wall_ahead_ms=wall_ahead_ms)
        self.clock = LedgerClock(own)
        self.database = RemoteDatabase(world.sql_engine, terms=SharedTerms(self.clock, world), rng=world.rng)
        self._rings_owed = False
        telemetry = Telemetry()
        workers = SqlWorkers(self.database, is_alone=False)
        me = Worker(Stay(0, name), kind="worker", host="here", pid=1, lives_ms=0)
        self.crew = CrewKeeper(
            workers, identity=me, clock=self.clock, send_room_seconds=world.timing.send_room_seconds
        )
        self.engine = Engine(
            Stores(
                SqlJobs(self.database, SQL),
                SqlDelivery(self.database, SQL),
                SqlScans(self.database, SQL, worker=name),
            ),
            world.vendors, crew=self.crew, clock=self.clock, rng=world.rng, timing=world.timing,
            guard_seconds=world.guard_seconds, telemetry=telemetry,
        )  # fmt: skip
        self.ingest = Ingest(
            SqlIntake(self.database, SQL), seal=lambda raw: raw, bell=self.engine, telemetry=telemetry
        )
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


class CrewWorld:
    """Everything, wired, with nobody at work. Build it inside a gated loop."""

    def __init__(
        self, *, seed: int = 1, limits: tuple[float | None, int] = (None, 16), guard_seconds: float = 2.0
    ) -> None:
        self.rng = Random(seed)
        self.clock = LoopClock()
        self.timing = Timing()
        self.guard_seconds = guard_seconds
        self.mapp = SharedMapp(self.clock, self.rng)
        self.lytics = SharedLytics(self.clock)
        self.vendors = FakeVendors(self.mapp, self.lytics, limits=limits)
        self.sql_engine = _memory()
        self._own = InlineDatabase(self.sql_engine, clock=self.clock)
        self.processes: list[Process] = []
        self.acknowledged: Counter[str] = Counter()

    def join(self, *, wall_ahead_ms: int = 0) -> Process:
        """Let one more worker begin."""
        self.processes.append(Process(self, f"w{len(self.processes)}", wall_ahead_ms=wall_ahead_ms))
        return self.processes[-1]

    async def crew_of(self, size: int) -> list[Process]:
        """Let *size* workers begin, and wait until they have shared everything out."""
        crew = [self.join() for _ in range(size)]
        await asyncio.sleep(2 * size + 2)
        assert all(one.crew.crew.size == size and one.crew.may_claim for one in crew)
        return crew

    @property
    def running(self) -> list[Process]:
        return [one for one in self.processes if one.is_running]

    def ring(self) -> None:
        for one in self.processes:
            one.ring()

    async def close(self) -> None:
        """End everybody at once."""
        for one in self.processes:
            one.kill()
        await asyncio.sleep(0)
        await self._own.close()

    async def add_job(self, **config: Any) -> Job:
        settings = JobConfig(
            **{"segment_id": AUDIENCE, "uid_field": "email", "group_id": "1", "withbackfill": True, **config}
        )
        job = Job(
            key=0, id=f"{self.rng.getrandbits(128):032x}", name="job", description="", mapp_auth="m", lytics_auth="l",
            config=settings, audience_slug="vip", audience_name="VIP", status=Status.RUNNABLE, cause=Cause.NONE,
            reason="", sleep_until_ms=None, is_baselined=False, scan_wanted="backfill" if settings.withbackfill else "",
            next_reconcile_ms=None, exits_held=False, webhook=Webhook(), first_trigger_ms=None, last_trigger_ms=None,
            created_ms=self.clock.now_ms(), updated_ms=self.clock.now_ms(),
        )  # fmt: skip
        added = await self._own.write(lambda txn: add_job(txn, job))
        self.refresh()
        return added

    def refresh(self) -> None:
        for one in self.running:
            one.engine.refresh()

    async def job(self, key: int) -> Job:
        return await self._own.read(lambda txn: job_by_key(txn, key))

    async def change(self, key: int, **changes: Any) -> None:
        await self._own.write(lambda txn: change_job(txn, key, **changes))
        self.refresh()

    async def logs(self, key: int) -> Sequence[LogEntry]:
        """Return the job's log, oldest first."""
        return (await self._own.read(lambda txn: logs_of(txn, key)))[::-1]

    async def scans(self, key: int) -> list[Scan]:
        chosen = select(scans).where(scans.c.job == key).order_by(scans.c.id)
        return await self._own.read(lambda txn: [Scan(**row._mapping) for row in txn.conn.execute(chosen)])

    async def move(self, member: str, *, is_in: bool) -> None:
        """Let a person enter or exit, and Lytics tell one worker after another until one acknowledges it."""
        at_ms = self.clock.now_ms()
        self.lytics.members.pop(member, None)
        if is_in:
            self.lytics.members[member] = None
        kind = "enter" if is_in else "exit"
        told = {"id": AUDIENCE, "slug": "vip", "event": kind, kind: iso_from_ms(at_ms)}
        body = msgspec.json.encode({"id": "1", "data": {"email": member, "segment_events": [told]}, "meta": {}})
        while not await self._is_acknowledged(body):
            await asyncio.sleep(0.5)
        self.acknowledged[member] += 1

    async def _is_acknowledged(self, body: bytes) -> bool:
        if not self.running:
            return False
        receiving = self.rng.choice(self.running)
        asked = receiving.gate.run(receiving.ingest.receive("l", body))
        await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        return asked.done() and not asked.cancelled() and asked.exception() is None

    def disagreements(self) -> list[str]:
        """Return whom Mapp holds otherwise than Lytics."""
        everybody = {*self.lytics.members, *self.mapp.held, *self.acknowledged}
        return [one for one in sorted(everybody) if self.mapp.held.get(one, False) != (one in self.lytics.members)]


def _memory() -> SqlEngine:
    engine = create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    metadata.create_all(engine)
    return engine
