"""
A ledger on PostgreSQL under the engine's own statements: what its measurements have in common.

The server is a real one with the settings of a small production machine; every commit is on disk before it is answered.
"""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import text

from benchmarks.owed import CONFIG, a_job
from tests.postgres import PostgresServer, postgres_server
from usher.clock import SystemClock
from usher.domain.claim import Settlement
from usher.domain.job import Job
from usher.domain.observation import Observation, Source
from usher.domain.outcome import Accepted
from usher.store import jobs, ledger
from usher.store.delivery import SqlDelivery
from usher.store.opening import OpenStore, open_store
from usher.store.statements import LANE_BULK, LANE_LIVE

PAGE, CLAIM, HOLD_MS = 100, 256, 600_000
SETTINGS = (
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "autovacuum_naptime=5s",  # a minute by default; a measurement packs hours into minutes
)
SIZES = text("""
    SELECT relname, pg_table_size(oid) FROM pg_class WHERE oid = 'ledger'::regclass
    UNION ALL SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
    WHERE indrelid = 'ledger'::regclass
""")
WRITTEN = text("SELECT (pg_current_wal_insert_lsn() - '0/0')::float")


def server(*, settings: Sequence[str] = ()) -> AbstractContextManager[PostgresServer]:
    return postgres_server(durable=True, settings=(*SETTINGS, *settings))


def names(count: int, *, is_sorted: bool = False) -> list[str]:
    """Identifiers of 26 characters, in the order in which a scan of Lytics has them: any but by name."""
    found = [f"person{number:07d}@example.com" for number in range(count)]
    if not is_sorted:
        random.Random(1).shuffle(found)
    return found


def pages(members: Sequence[str], size: int = PAGE) -> Iterator[Sequence[str]]:
    return (members[start : start + size] for start in range(0, len(members), size))


@dataclass
class Ledger:
    """One open store, through threads as the engine has it, and the jobs in it."""

    store: OpenStore
    jobs: list[Job]
    _version: int = 0

    async def observe(self, job: Job, members: Sequence[str], *, is_in: bool, source: Source, size: int = PAGE) -> None:
        """Take in *members*, a commit for every *size*; newer than all before."""
        self._version += 1
        for page in pages(members, size):
            seen = [Observation(member, is_in, self._version, source) for member in page]
            await self.store.database.write(
                lambda txn, seen=seen: ledger.observe(txn, self.store.statements, job.key, seen, source=source)
            )

    async def deliver(self, job: Job, *, lane: int) -> int:
        """Claim and settle, a commit each for every CLAIM, until nothing of *lane* is due; return how many."""
        delivery, told = SqlDelivery(self.store.database, self.store.statements), 0
        while claims := await delivery.claim(job, lane=lane, limit=CLAIM, hold_ms=HOLD_MS):
            await delivery.settle([Settlement(claim, Accepted()) for claim in claims])
            told += len(claims)
        return told

    async def backfill(self, job: Job, members: Sequence[str]) -> None:
        """Bring *members* to rest, as a first scan does: delivery follows the scan."""
        for chunk in pages(members, 10_000):
            await self.observe(job, chunk, is_in=True, source=Source.BACKFILL)
            await self.deliver(job, lane=LANE_BULK)

    async def change(self, job: Job, members: Sequence[str], *, is_in: bool) -> None:
        """Let each of *members* enter or exit by trigger, and tell Mapp."""
        for chunk in pages(members, 2 * CLAIM):
            await self.observe(job, chunk, is_in=is_in, source=Source.TRIGGER)
            await self.deliver(job, lane=LANE_LIVE)

    async def sizes(self) -> dict[str, int]:
        """Return the bytes of the ledger's heap and of each of its indexes."""
        return await self.store.database.read(lambda txn: dict(txn.conn.execute(SIZES).tuples().all()))

    async def written(self) -> float:
        """Return the bytes of WAL since the server was made."""
        return await self.store.database.read(lambda txn: txn.conn.execute(WRITTEN).scalar_one())


@asynccontextmanager
async def opened(url: str, *, job_count: int = 1) -> AsyncIterator[Ledger]:
    """Open the database at *url* with *job_count* jobs, made where they are missing."""
    store = open_store(Path(), clock=SystemClock(), database_url=url, is_owner=False)
    try:
        found = await store.database.read(jobs.all_jobs)
        for number in range(len(found), job_count):
            config = replace(CONFIG, mapp_attribute_name=f"attribute_{number}")
            new = replace(a_job(), id=f"{number:032x}", config=config)
            found.append(await store.database.write(lambda txn, new=new: jobs.add_job(txn, new)))
        yield Ledger(store, found)
    finally:
        await store.close()
