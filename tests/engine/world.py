"""
A small world in virtual time: the real engine, rules and ledger between a pretend Lytics and a pretend Mapp.

Time passes only while everybody waits, so hours take milliseconds; a seed decides everything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import looptime
import msgspec

from usher.clock import Clock
from usher.domain.attribute import Target
from usher.domain.claim import Settlement
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.engine.crew import alone
from usher.engine.ingest import Ingest
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import RemoteMissing, RemoteRefused, RemoteRejected, RemoteUnreachable
from usher.lytics.audiences import Audience, Field
from usher.lytics.scan import CursorExpired, Page
from usher.settings import Timing
from usher.store.database import InlineDatabase, T, Txn, Work
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.jobs import add_job, change_job, job_by_key
from usher.store.scanning import SqlScans
from usher.store.sqlite import writer_engine
from usher.store.statements import statements_for
from usher.store.supervision import SqlJobs
from usher.store.tables import metadata

EPOCH_MS = 1_790_000_000_000
AUDIENCE = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"


class LoopClock:
    """Virtual time, as the running loop tells it."""

    def now_ms(self) -> int:
        return EPOCH_MS + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class FakeMapp:
    """Applies values after a while; answers as *faults* says. Counts what must never happen."""

    clock: LoopClock
    rng: Random
    latency: float = 0.05
    faults: Callable[["FakeMapp", str], str] = lambda mapp, member: "ok"
    is_refusing: bool = False
    takes_pings: bool = False
    held: dict[str, bool] = field(default_factory=dict)
    alive: dict[str, int] = field(default_factory=dict)
    most_alive: int = 0
    requests: int = 0
    sent_at: list[float] = field(default_factory=list)
    targets: set[Target] = field(default_factory=set)
    pings: int = 0

    async def ping(self) -> None:
        self.pings += 1
        if self.is_refusing and not self.takes_pings:
            raise RemoteRefused("Mapp refuses the secret.")

    async def groups(self) -> dict[str, str]:
        return {"1": "Customers"}

    async def send(  # noqa: PLR0911 - one return for each way to answer
        self, target: Target, member: str, *, is_in: bool, expires_at_ms: int
    ) -> Outcome:
        self.requests += 1
        self.targets.add(target)
        self.sent_at.append(self.clock.monotonic())
        if self.clock.now_ms() >= expires_at_ms:
            return Late("expired")
        if self.is_refusing:
            await asyncio.sleep(self.latency)
            return StopJob(StopCause.CREDENTIALS, "Mapp refuses the secret.")
        fault = self.faults(self, member)
        self.alive[member] = self.alive.get(member, 0) + 1
        self.most_alive = max(self.most_alive, self.alive[member])
        landing = asyncio.create_task(self._land(member, is_in, fault))
        match fault:
            case "timeout" | "lost":
                await asyncio.sleep(10 if fault == "timeout" else self.latency)
                return Unknown(fault)
            case "throttle":
                await asyncio.shield(landing)  # a sender that dies takes nothing back
                return RetryLater("Database Access Limit Exceeded", is_throttle=True)
            case "busy":
                await asyncio.shield(landing)  # a sender that dies takes nothing back
                return RetryLater("503")
            case "reject":
                await asyncio.shield(landing)  # a sender that dies takes nothing back
                return Rejected("INVALID_PARAMETER")
        await asyncio.shield(landing)  # a sender that dies takes nothing back
        return Accepted()

    async def _land(self, member: str, is_in: bool, fault: str) -> None:
        """Apply the value, late where the answer was lost, or not at all; then the request is dead."""
        late = {"timeout": self.rng.uniform(0, 35), "lost": self.rng.uniform(0, 20)}.get(fault, 0.0)
        await asyncio.sleep(self.latency + late)
        if fault == "ok" or (fault in {"timeout", "lost"} and self.rng.random() < 0.5):
            self.held[member] = is_in
        self.alive[member] -= 1


@dataclass
class FakeLytics:
    """An audience whose pages may lag behind its triggers."""

    clock: LoopClock
    members: dict[str, None] = field(default_factory=dict)
    definition: str = "a"
    size_offset: int = 0
    gone: bool = False
    expire_cursor_at_page: int | None = None
    cuts_end_marker: bool = False
    is_down: bool = False
    names_nobody: bool = False
    odd_page: int | None = None
    pages_read: int = 0
    page_seconds: float = 0.02
    ahead_seconds: float | None = 0.0
    on_page: Callable[["FakeLytics"], Awaitable[None]] | None = None

    async def clock_difference_seconds(self, *, clock: Clock) -> float | None:
        true_ms = EPOCH_MS + asyncio.get_running_loop().time() * 1000
        return None if self.ahead_seconds is None else (true_ms - clock.now_ms()) / 1000 + self.ahead_seconds

    async def audience(self, id_or_slug: str) -> Audience:
        if self.gone:
            raise RemoteMissing("no such segment", system="Lytics", status=404)
        return Audience(AUDIENCE, "vip", "VIP", len(self.members), True, "", False, self.definition)

    async def fields(self) -> list[Field]:
        return [Field("email", "string", True, True, "")]

    async def scan_page(self, audience_id: str, *, field: str, cursor: str, expected: int | None = None) -> Page:
        await asyncio.sleep(self.page_seconds)
        if self.is_down:
            raise RemoteUnreachable("Lytics answered 503.", system="Lytics", status=503)
        self.pages_read += 1
        if self.on_page is not None:
            await self.on_page(self)
        if self.gone:
            raise RemoteMissing("no such segment", system="Lytics", status=404)
        if self.odd_page == self.pages_read:
            raise RemoteRejected("Lytics' scan page holds no list of profiles.", system="Lytics")
        if self.expire_cursor_at_page == self.pages_read:
            self.expire_cursor_at_page = None
            raise CursorExpired("cursor expired", system="Lytics", status=400)
        after = cursor.removeprefix("after:")
        names = sorted(m for m in self.members if m > after)[:100]
        more = bool(names) and any(m > names[-1] for m in self.members)
        return Page(
            profiles=tuple({} if self.names_nobody else {"email": name} for name in names),
            next_cursor=f"after:{names[-1]}" if more else "",
            total=len(self.members) + self.size_offset,
            has_end_marker=not more and not self.cuts_end_marker,
        )


class CountingDatabase(InlineDatabase):
    """Counts how often it is asked."""

    asked = 0

    async def write(self, work: Work[T]) -> T:
        self.asked += 1
        return await super().write(work)

    async def read(self, work: Work[T]) -> T:
        self.asked += 1
        return await super().read(work)


class FailingDelivery(SqlDelivery):
    """Fails *failures* times to keep what attempts meant."""

    failures = 0

    async def settle(self, settlements: Sequence[Settlement]) -> set[int]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a fault of our own")
        return await super().settle(settlements)


class FakeVendors:
    def __init__(self, mapp: FakeMapp, lytics: FakeLytics, *, limits: tuple[float | None, int]) -> None:
        self._mapp, self._lytics, self._limits = mapp, lytics, limits
        self.revisions: dict[str, int] = {}

    async def mapp(self, auth_id: str) -> FakeMapp:
        return self._mapp

    async def lytics(self, auth_id: str) -> FakeLytics:
        return self._lytics

    async def limits(self, auth_id: str) -> tuple[float | None, int]:
        return self._limits

    async def revision(self, auth_id: str) -> int:
        return self.revisions.get(auth_id, 1)


class World:
    """Everything, wired. Build it inside a virtual loop."""

    def __init__(
        self, folder: Path, *, seed: int = 1, limits: tuple[float | None, int] = (None, 16), guard_seconds: float = 2.0
    ) -> None:
        self.rng = Random(seed)
        self.clock = LoopClock()
        self._path = folder / f"world{seed}.db"
        self.timing = Timing()
        self.guard_seconds = guard_seconds
        self.mapp = FakeMapp(self.clock, self.rng)
        self.lytics = FakeLytics(self.clock)
        self.vendors = FakeVendors(self.mapp, self.lytics, limits=limits)
        engine = writer_engine(self._path)
        with engine.connect() as conn:
            conn.connection.cursor().execute("PRAGMA synchronous = OFF")  # processes die here, no machine does
        with engine.begin() as conn:
            metadata.create_all(conn)
        self.database = CountingDatabase(engine, clock=self.clock)
        self.start()

    def start(self) -> None:
        """Start the engine, as a new process would."""
        sql = statements_for("sqlite")
        self.delivery = FailingDelivery(self.database, sql)
        stores = Stores(SqlJobs(self.database, sql), self.delivery, SqlScans(self.database, sql))
        telemetry = Telemetry()
        self.engine = Engine(
            stores, self.vendors, clock=self.clock, rng=self.rng, timing=self.timing,
            crew=alone(self.clock, send_room_seconds=self.timing.send_room_seconds),
            guard_seconds=self.guard_seconds, telemetry=telemetry,
        )  # fmt: skip
        self.ingest = Ingest(SqlIntake(self.database, sql), seal=lambda raw: raw, bell=self.engine, telemetry=telemetry)
        self._running = asyncio.get_running_loop().create_task(self.engine.run())

    async def crash(self) -> None:
        """Kill the engine where it stands; what it sent goes on living at Mapp."""
        everything = [self._running, *self.engine._tasks.values()]
        for courier in self.engine._couriers.values():
            everything += courier._sends
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)

    async def stop(self) -> None:
        self._running.cancel()
        await self.engine.stop()
        await self.database.close()

    async def add_job(self, **config: Any) -> Job:
        defaults = {"segment_id": AUDIENCE, "uid_field": "email", "group_id": "1", "withbackfill": True}
        settings = JobConfig(**{**defaults, **config})
        wanted = "backfill" if settings.withbackfill else ("baseline" if settings.reconcile_hours else "")

        def work(txn: Txn) -> Job:
            return add_job(
                txn,
                Job(
                    key=0, id=f"{self.rng.getrandbits(128):032x}", name="job", description="", mapp_auth="m",
                    lytics_auth="l", config=settings, audience_slug="vip", audience_name="VIP",
                    status=Status.RUNNABLE, cause=Cause.NONE, reason="", sleep_until_ms=None, is_baselined=False,
                    scan_wanted=wanted, next_reconcile_ms=None, exits_held=False, webhook=Webhook(),
                    first_trigger_ms=None, last_trigger_ms=None, created_ms=txn.now_ms, updated_ms=txn.now_ms,
                ),
            )  # fmt: skip

        job = await self.database.write(work)
        self.engine.refresh()
        return job

    async def job(self, key: int) -> Job:
        return await self.database.read(lambda txn: job_by_key(txn, key))

    async def change(self, key: int, **changes: Any) -> None:
        await self.database.write(lambda txn: change_job(txn, key, **changes))
        self.engine.refresh()

    async def trigger(self, member: str, *, is_in: bool, at_ms: int | None = None) -> None:
        """Send one trigger as Lytics would, without changing the audience."""
        at = self.clock.now_ms() if at_ms is None else at_ms
        kind = "enter" if is_in else "exit"
        told = {"id": AUDIENCE, "slug": "vip", "event": kind, kind: _rfc3339(at)}
        body = msgspec.json.encode({"id": "1", "data": {"email": member, "segment_events": [told]}, "meta": {}})
        await self.ingest.receive("l", body)

    async def move(self, member: str, *, is_in: bool, lose_trigger: bool = False, delay: float = 0.0) -> None:
        """Let a person enter or exit, and Lytics say so."""
        at_ms = self.clock.now_ms()
        if is_in:
            self.lytics.members[member] = None
        else:
            self.lytics.members.pop(member, None)
        if delay:
            await asyncio.sleep(delay)
        if not lose_trigger:
            await self.trigger(member, is_in=is_in, at_ms=at_ms)

    def disagreements(self, everybody: set[str]) -> dict[str, tuple[bool, bool | None]]:
        """Who Mapp holds otherwise than Lytics: (in Lytics, in Mapp)."""
        return {
            member: (member in self.lytics.members, self.mapp.held.get(member))
            for member in everybody
            if bool(self.mapp.held.get(member)) != (member in self.lytics.members)
        }


def _rfc3339(at_ms: int) -> str:
    from usher.clock import iso_from_ms

    return iso_from_ms(at_ms)


def in_virtual_time(story: Callable[[], Awaitable[None]], *, at_most_seconds: float = 86_400) -> None:
    """Run *story* in a loop whose time passes only while everybody waits."""
    # Nothing outside the loop can wake it, so time need not wait some empty rounds for that.
    loop = looptime.new_event_loop(end=at_most_seconds, noop_cycles=0)
    try:
        loop.run_until_complete(story())
    finally:
        loop.close()
