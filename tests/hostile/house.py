"""
The real engine, ledger and clients between servers on loopback, in time that runs faster than real time.

Everything that waits by the engine's clock waits a fraction of it; a request's timeout is in real seconds.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from sqlalchemy import select

from usher.clock import iso_from_ms
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.engine.crew import alone
from usher.engine.ingest import Ingest
from usher.engine.ports import Lytics
from usher.engine.supervise import LOOK_SECONDS, Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.http import GuardedHttp
from usher.lytics.client import LyticsClient
from usher.lytics.exchange import Account as LyticsAccount
from usher.mapp.client import Account, MappClient
from usher.settings import Timing
from usher.store.database import InlineDatabase, Txn
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.jobs import add_job, job_by_key
from usher.store.scanning import SqlScans
from usher.store.sqlite import writer_engine
from usher.store.statements import statements_for
from usher.store.supervision import SqlJobs
from usher.store.tables import ledger, metadata, scans

SPEED = 20.0
TIMEOUT = 0.3  # real seconds
TIMING = Timing(send_room_seconds=10, request_timeout_seconds=6, quarantine_seconds=4, clock_margin_seconds=1)
AUDIENCE = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"
EPOCH_MS = 1_790_000_000_000
WAITING = 20  # real seconds until a test gives up


class FastClock:
    """Passes SPEED times as fast as real time."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now_ms(self) -> int:
        return EPOCH_MS + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


class Vendors:
    """One Mapp account for each authorization, by the port where it is reached; and one Lytics."""

    def __init__(self, ports: Mapping[str, int], lytics_port: int, *, http: GuardedHttp, clock: FastClock) -> None:
        self._mapp = {
            auth_id: MappClient(
                Account(f"http://127.0.0.1:{port}", "i", "s" * 40), http=http, clock=clock, timeout_seconds=TIMEOUT
            )
            for auth_id, port in ports.items()
        }
        url = f"http://127.0.0.1:{lytics_port}"
        self.lytics_client: Lytics = LyticsClient(LyticsAccount("t", url), http=http, timeout_seconds=TIMEOUT)

    async def mapp(self, auth_id: str) -> MappClient:
        return self._mapp[auth_id]

    async def lytics(self, auth_id: str) -> Lytics:
        return self.lytics_client

    async def limits(self, auth_id: str) -> tuple[float | None, int]:
        return None, 16

    async def revision(self, auth_id: str) -> int:
        return 1


class House:
    """Everything, wired and running."""

    def __init__(self, folder: Path, ports: Mapping[str, int], lytics_port: int, *, seed: int = 1) -> None:
        self.clock, self._rng = FastClock(), Random(seed)
        self.http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
        engine = writer_engine(folder / f"house{seed}.db")
        with engine.connect() as conn:
            conn.connection.cursor().execute("PRAGMA synchronous = OFF")  # nothing is killed here
        with engine.begin() as conn:
            metadata.create_all(conn)
        self.database = InlineDatabase(engine, clock=self.clock)
        sql = statements_for("sqlite")
        self.jobs = SqlJobs(self.database, sql)
        self.telemetry = Telemetry()
        self.engine = Engine(
            Stores(self.jobs, SqlDelivery(self.database, sql), SqlScans(self.database, sql)),
            Vendors(ports, lytics_port, http=self.http, clock=self.clock),
            crew=alone(self.clock, send_room_seconds=TIMING.send_room_seconds),
            clock=self.clock, rng=self._rng, timing=TIMING, guard_seconds=0.5, telemetry=self.telemetry,
        )  # fmt: skip
        self._ingest = Ingest(
            SqlIntake(self.database, sql), seal=lambda raw: raw, bell=self.engine, telemetry=self.telemetry
        )
        self._running = [asyncio.create_task(work) for work in (self.engine.run(), self._look_faster())]

    async def _look_faster(self) -> None:
        """Let the supervisor look as often as it would: it waits by the loop's time, which passes as ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS / SPEED)
            self.engine._changed.set()

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await self.engine.stop(within_seconds=5)
        await self.http.close()
        await self.database.close()

    async def add_job(self, *, mapp: str = "m", **config: Any) -> Job:
        settings = JobConfig(**{"segment_id": AUDIENCE, "uid_field": "email", "group_id": "1", **config})
        wanted = "backfill" if settings.withbackfill else ""

        def work(txn: Txn) -> Job:
            return add_job(
                txn,
                Job(
                    key=0, id=f"{self._rng.getrandbits(128):032x}", name=f"to {mapp}", description="", mapp_auth=mapp,
                    lytics_auth=f"l-{mapp}", config=settings, audience_slug="vip", audience_name="VIP",
                    status=Status.RUNNABLE, cause=Cause.NONE, reason="", sleep_until_ms=None, is_baselined=False,
                    scan_wanted=wanted, next_reconcile_ms=None, exits_held=False, webhook=Webhook(),
                    first_trigger_ms=None, last_trigger_ms=None, created_ms=txn.now_ms, updated_ms=txn.now_ms,
                ),
            )  # fmt: skip

        job = await self.database.write(work)
        self.engine.refresh()
        return job

    async def trigger(self, changes: Mapping[str, bool], *, mapp: str = "m") -> None:
        """Send one message that says who entered (True) and who left."""
        at = iso_from_ms(self.clock.now_ms())
        items = []
        for member, is_in in changes.items():
            kind = "enter" if is_in else "exit"
            told = {"id": AUDIENCE, "slug": "vip", "event": kind, kind: at}
            items.append({"id": "1", "data": {"email": member, "segment_events": [told]}, "meta": {}})
        await self._ingest.receive(f"l-{mapp}", msgspec.json.encode(items))

    async def job(self, key: int) -> Job:
        return await self.database.read(lambda txn: job_by_key(txn, key))

    async def rows(self, key: int) -> list[Any]:
        """The ledger of one job."""
        asked = select(ledger).where(ledger.c.job == key)
        return await self.database.read(lambda txn: txn.conn.execute(asked).all())

    async def scans_of(self, key: int) -> list[Any]:
        asked = select(scans).where(scans.c.job == key).order_by(scans.c.id)
        return await self.database.read(lambda txn: txn.conn.execute(asked).all())


@asynccontextmanager
async def house(folder: Path, ports: Mapping[str, int], *, lytics_port: int = 1, seed: int = 1) -> AsyncIterator[House]:
    """Run a house whose Mapp accounts are reached at *ports*."""
    standing = House(folder, ports, lytics_port, seed=seed)
    try:
        yield standing
    finally:
        await standing.stop()


async def until(is_so: Any, *, seconds: float = WAITING, what: str = "") -> None:
    """Return once *is_so*, asked again and again, gives something true."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await is_so():  # noqa: ASYNC110 - the engine has no event to give
                await asyncio.sleep(0.02)
            return
    raise AssertionError(what or "It never came true.")
