"""Usher's own delivery of everybody owed, in processes that do nothing else: the engine's courier over a ledger."""

import asyncio
import gc
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import uvloop

from benchmarks.ledger import opened
from benchmarks.owed import IN_FLIGHT, INTEGRATION, SECRET, a_job, owe
from benchmarks.stopwatch import Measured, apart, cpu_seconds
from tests.postgres import PostgresServer
from usher.clock import SystemClock
from usher.domain.job import Job
from usher.domain.pace import Limits, Pace
from usher.engine.courier import Courier
from usher.engine.telemetry import Telemetry
from usher.http import GuardedHttp
from usher.mapp.client import Account, MappClient
from usher.settings import Timing
from usher.store import jobs
from usher.store.delivery import SqlDelivery
from usher.store.opening import OpenStore, open_sqlite

START_SECONDS, LOOK_SECONDS = 4.0, 0.02
Timed = tuple[float, float, float]  # began, ended (seconds of one clock), processor seconds


async def on_sqlite(url: str, people: int) -> Measured:
    return _together([await apart(_deliver_on_sqlite, url, people)], people)


async def on_postgres(url: str, people: int, *, postgres: PostgresServer, workers: int = 1) -> Measured:
    """Let *workers* share one ledger, each with IN_FLIGHT requests; the server's own processor time is not counted."""
    database = postgres.empty_database()
    async with opened(database) as ours:
        await owe(ours.store, people)
    start_at, loop = time.time() + START_SECONDS, asyncio.get_running_loop()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        told = [loop.run_in_executor(pool, _deliver_on_postgres, url, database, start_at) for _ in range(workers)]
        timed = await asyncio.gather(*told)
    postgres.drop_database(database)
    return _together(timed, people)


def mapp_client(url: str, http: GuardedHttp) -> MappClient:
    account = Account(api_url=url, integration_id=INTEGRATION, secret=SECRET)
    return MappClient(account, http=http, clock=SystemClock(), timeout_seconds=10)


def local_http() -> GuardedHttp:
    return GuardedHttp(allow_http=True, allow_private=True, ca_file=None)


def _together(timed: list[Timed], people: int) -> Measured:
    seconds = max(ended for _, ended, _ in timed) - min(began for began, *_ in timed)
    return Measured(people / seconds, sum(cpu for *_, cpu in timed) / people * 1e6)


def _deliver_on_sqlite(url: str, people: int) -> Timed:
    async def whole() -> Timed:
        with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder:
            store = open_sqlite(Path(folder), clock=SystemClock())
            job = await store.database.write(lambda txn: jobs.add_job(txn, a_job()))
            await owe(store, people)
            try:
                return await _until_nothing_is_owed(url, store, job)
            finally:
                await store.close()

    return uvloop.run(whole())


def _deliver_on_postgres(url: str, database: str, start_at: float) -> Timed:
    async def whole() -> Timed:
        async with opened(database) as ours:
            late = time.time() - start_at
            if late > 0:
                raise RuntimeError(f"A worker was ready {late:.1f} s too late to begin with the others.")
            await asyncio.sleep(-late)
            return await _until_nothing_is_owed(url, ours.store, ours.jobs[0])

    return uvloop.run(whole())


async def _until_nothing_is_owed(url: str, store: OpenStore, job: Job) -> Timed:
    http, delivery = local_http(), SqlDelivery(store.database, store.statements)
    courier = _courier(mapp_client(url, http), delivery)
    courier.serve([job])
    gc.freeze()  # as the service does once it is built
    began, cpu = time.time(), cpu_seconds()
    running = asyncio.create_task(courier.run())
    while await delivery.next_due_ms(job.key) is not None:  # noqa: ASYNC110 - the ledger is what tells
        await asyncio.sleep(LOOK_SECONDS)
    timed = began, time.time(), cpu_seconds() - cpu
    await courier.stop(within_seconds=5)
    with suppress(asyncio.CancelledError):
        await running
    await http.close()
    return timed


def _courier(mapp: MappClient, store: SqlDelivery) -> Courier:
    return Courier(
        "mapp",
        mapp=mapp,
        limits=Limits(None, IN_FLIGHT),
        pace=Pace(requests_per_second=None, max_in_flight=IN_FLIGHT),
        may_claim=lambda: True,
        store=store,
        clock=SystemClock(),
        rng=random.Random(1),
        timing=Timing(),
        telemetry=Telemetry(),
        notify=lambda: None,
    )
