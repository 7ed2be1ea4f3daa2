"""
Delivery: people owed in a ledger on SQLite, told to a sink by the engine's courier.

Yardstick: the same HTTP client with the same signing and the same requests in flight, and no ledger.
"""

import asyncio
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from usher.clock import SystemClock
from usher.domain.attribute import Target
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.observation import Observation, Source
from usher.domain.outcome import Accepted
from usher.domain.pace import Limits, Pace
from usher.engine.courier import Courier
from usher.engine.telemetry import Telemetry
from usher.http import GuardedHttp
from usher.mapp.client import Account, MappClient
from usher.settings import Timing
from usher.store import jobs, ledger
from usher.store.delivery import SqlDelivery
from usher.store.opening import OpenStore, open_sqlite

IN_FLIGHT = 64
TARGET = Target("2324000001", "vip", None, "email", create_users=False)
CONFIG = JobConfig(segment_id="a" * 32, uid_field="email", group_id="2324000001", mapp_attribute_name="vip")


@dataclass(frozen=True, slots=True)
class Measured:
    """People a second by the wall, and processor microseconds of this process a person."""

    per_second: float
    cpu_micros: float


@contextmanager
def sink(latency_seconds: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.sink", str(latency_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


class Stopwatch:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def measured(self, people: int) -> Measured:
        wall, cpu = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu
        return Measured(people / wall, cpu / people * 1e6)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _client(url: str, http: GuardedHttp) -> MappClient:
    account = Account(api_url=url, integration_id="5a4d7b0e", secret="secret")
    return MappClient(account, http=http, clock=SystemClock(), timeout_seconds=10)


async def bare(url: str, people: int) -> Measured:
    """The client loop alone: IN_FLIGHT senders that share one list of people."""
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    client = _client(url, http)
    waiting = iter([f"person{n:07d}@example.com" for n in range(people)])

    async def send() -> None:
        for member in waiting:
            expires_at_ms = SystemClock().now_ms() + 15_000
            assert isinstance(await client.send(TARGET, member, True, expires_at_ms=expires_at_ms), Accepted)

    watch = Stopwatch()
    await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))
    await http.close()
    return watch.measured(people)


async def engine(url: str, people: int) -> Measured:
    """The courier over a ledger that owes all of them, until nothing is owed."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder), clock=SystemClock())
        await store.database.write(lambda txn: jobs.add_job(txn, a_job()))
        await _owe(store, people)
        http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
        delivery = SqlDelivery(store.database, store.statements)
        courier = Courier(
            "mapp",
            mapp=_client(url, http),
            limits=Limits(None, IN_FLIGHT),
            pace=Pace(requests_per_second=None, max_in_flight=IN_FLIGHT),
            may_claim=lambda: True,
            store=delivery,
            clock=SystemClock(),
            rng=random.Random(1),
            timing=Timing(),
            telemetry=Telemetry(),
            notify=lambda: None,
        )
        courier.serve([a_job()])
        watch = Stopwatch()
        running = asyncio.create_task(courier.run())
        while await delivery.next_due_ms(1) is not None:  # noqa: ASYNC110 - the ledger is what tells
            await asyncio.sleep(0.02)
        measured = watch.measured(people)
        await courier.stop(within_seconds=5)
        await running
        await http.close()
        await store.close()
        return measured


async def _owe(store: OpenStore, people: int) -> None:
    for start in range(0, people, 1_000):
        names = [f"person{n:07d}@example.com" for n in range(start, min(people, start + 1_000))]
        seen = [Observation(name, is_in=True, version=1, source=Source.BACKFILL) for name in names]
        await store.database.write(
            lambda txn, seen=seen: ledger.observe(txn, store.statements, 1, seen, source=Source.BACKFILL)
        )


def a_job() -> Job:
    return Job(
        key=1, id="1" * 32, name="job", description="", mapp_auth="mapp", lytics_auth="lytics", config=CONFIG,
        audience_slug="vip", audience_name="VIP", status=Status.RUNNABLE, cause=Cause.NONE, reason="",
        sleep_until_ms=None, is_baselined=True, scan_wanted="", next_reconcile_ms=None, exits_held=False,
        webhook=Webhook(), first_trigger_ms=None, last_trigger_ms=None, created_ms=0, updated_ms=0,
    )  # fmt: skip
