"""
Several engines in one virtual world: one ledger, one pretend Mapp, one pretend Lytics.

Time passes only while everybody waits; a seed decides everything.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import StaticPool, create_engine, event, select

from tests.engine.crew_process import Place, Process
from tests.engine.crew_vendors import SharedLytics, SharedMapp
from tests.engine.world import AUDIENCE, FakeVendors, LoopClock
from usher.clock import iso_from_ms
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.notes import LogEntry
from usher.domain.scan import Scan
from usher.settings import Timing
from usher.store.database import InlineDatabase
from usher.store.jobs import add_job, change_job, job_by_key
from usher.store.notes import logs_of
from usher.store.tables import metadata, scans

HOUR_MS = 3_600_000
DEAD_SECONDS = 25.0  # after which a worker that was killed or stopped is taken for dead, and what it had dealt out
ANSWER_SECONDS = 5.0  # that Lytics waits for a trigger's answer before it tells another worker


def people(count: int) -> list[str]:
    return [f"p{number:05d}@example.com" for number in range(count)]


class CrewWorld:
    """Everything, wired, with nobody at work. Build it inside a gated loop."""

    def __init__(
        self, *, seed: int = 1, limits: tuple[float | None, int] = (None, 16), guard_seconds: float = 2.0
    ) -> None:
        self.rng = Random(seed)
        self.clock = LoopClock()
        self.timing = Timing()
        self.mapp = SharedMapp(self.clock, self.rng)
        self.lytics = SharedLytics(self.clock)
        self.vendors = FakeVendors(self.mapp, self.lytics, limits=limits)
        ledger = _memory()
        self._own = InlineDatabase(ledger, clock=self.clock)
        self._place = Place(
            ledger, self.clock, self.vendors, self.rng, self.timing, guard_seconds=guard_seconds, ring=self.ring
        )
        self.processes: list[Process] = []
        self.acknowledged: Counter[str] = Counter()

    def join(self, *, wall_ahead_ms: int = 0) -> Process:
        """Let one more worker begin."""
        self.processes.append(Process(self._place, f"w{len(self.processes)}", wall_ahead_ms=wall_ahead_ms))
        return self.processes[-1]

    def owe(self, count: int) -> None:
        """Let so many people be in the audience."""
        self.lytics.members = dict.fromkeys(people(count))

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
        while not await self._is_acknowledged(body):  # noqa: ASYNC110 - as Lytics asks again, until it is answered
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
