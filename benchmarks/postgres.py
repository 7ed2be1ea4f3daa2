"""
PostgreSQL under the ledger: what a second and what a person cost, with the server on this machine.

Yardsticks: the same people upserted into a table of two columns beside its key, a commit for each page; and, for
commits, one row updated and committed by the bare driver. Each beside what it measures, in the same run.
"""

import asyncio
import time
from collections.abc import Awaitable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psycopg

from benchmarks.delivery import Measured, Stopwatch
from benchmarks.ledger import names, opened, pages, server
from benchmarks.table import heading, show, show_bytes
from tests.postgres import PostgresServer
from usher.domain.observation import Source
from usher.store.statements import LANE_BULK

COMMITS, CHANGES = 2_000, 10
BARE = """
    CREATE TABLE bare (job BIGINT, member TEXT, is_in SMALLINT, version BIGINT, PRIMARY KEY (job, member));
    CREATE TABLE counted (value BIGINT); INSERT INTO counted VALUES (0)
"""
UPSERT = (
    "INSERT INTO bare SELECT 1, member, 1, 1 FROM unnest(%s::text[]) AS member"
    " ON CONFLICT (job, member) DO UPDATE SET is_in = excluded.is_in, version = excluded.version"
)
BARE_BYTES = "SELECT pg_total_relation_size('bare')"
Timed = tuple[int, float, float, float]  # how many, began, ended (seconds of one clock), processor seconds


async def measure(people: int, repeats: int) -> None:
    with server() as postgres:
        heading("rows/s")
        await _observing_and_commits(postgres, people, repeats)
        for jobs in (1, 4):
            await _delivering(postgres, people, repeats, jobs=jobs)
        for rows in (people, 10 * people):
            await _changing(postgres, rows, people, repeats)
        await _bytes(postgres, people)


async def _observing_and_commits(postgres: PostgresServer, people: int, repeats: int) -> None:
    found: dict[str, list[Measured]] = {"upserts": [], "commits": [], "observe": [], "one by one": []}
    members = names(people)
    for _ in range(repeats):
        url = postgres.empty_database()
        found["upserts"].append(_bare_upserts(url, members))
        found["commits"].append(_bare_commits(url))
        postgres.drop_database(url)
        async with opened(url := postgres.empty_database()) as ours:
            found["observe"].append(
                await _timed(people, ours.observe(ours.jobs[0], members, is_in=True, source=Source.BACKFILL))
            )
            singles = ours.observe(ours.jobs[0], members[:COMMITS], is_in=False, source=Source.TRIGGER, size=1)
            found["one by one"].append(await _timed(COMMITS, singles))
        postgres.drop_database(url)
    for name, yardstick in (
        ("upserts", "upserts"),
        ("observe", "upserts"),
        ("commits", "commits"),
        ("one by one", "commits"),
    ):
        ratios = [m.per_second / y.per_second for m, y in zip(found[name], found[yardstick], strict=True)]
        show(f"postgres: {name}", found[name], ratios)


async def _timed(people: int, work: Awaitable[object]) -> Measured:
    watch = Stopwatch()
    await work
    return watch.measured(people)


def _bare_upserts(url: str, members: list[str]) -> Measured:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(BARE)
        watch = Stopwatch()
        for page in pages(members):
            conn.execute(UPSERT, [page])
        return watch.measured(len(members))


def _bare_commits(url: str) -> Measured:
    with psycopg.connect(url, autocommit=True) as conn:
        watch = Stopwatch()
        for _ in range(COMMITS):
            conn.execute("UPDATE counted SET value = value + 1")
        return watch.measured(COMMITS)


async def _delivering(postgres: PostgresServer, people: int, repeats: int, *, jobs: int) -> None:
    """Claims and settles in 256s, by as many processes as share *jobs*; the yardstick is one process."""
    alone: list[Measured] = []
    for processes in (1, 2, 4):
        runs = [await _delivered(postgres, people, processes, jobs) for _ in range(repeats)]
        alone = alone or runs
        ratios = [run.per_second / one.per_second for run, one in zip(runs, alone, strict=True)]
        show(f"postgres: told, {processes} processes, {jobs} jobs", runs, ratios)


async def _delivered(postgres: PostgresServer, people: int, processes: int, jobs: int) -> Measured:
    url = postgres.empty_database()
    async with opened(url, job_count=jobs) as ours:
        for job in ours.jobs:
            await ours.observe(job, names(people // jobs), is_in=True, source=Source.BACKFILL, size=1_000)
    start_at = time.time() + 2
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(
            pool.map(_deliver, [url] * processes, range(processes), [jobs] * processes, [start_at] * processes)
        )
    postgres.drop_database(url)
    told = sum(count for count, *_ in found)
    seconds = max(ended for *_, ended, _ in found) - min(began for _, began, *_ in found)
    return Measured(told / seconds, sum(cpu for *_, cpu in found) / told * 1e6)


def _deliver(url: str, rank: int, job_count: int, start_at: float) -> Timed:
    return asyncio.run(_deliver_all(url, rank, job_count, start_at))


async def _deliver_all(url: str, rank: int, job_count: int, start_at: float) -> Timed:
    async with opened(url, job_count=job_count) as ours:
        jobs = ours.jobs[rank % job_count :] + ours.jobs[: rank % job_count]
        await asyncio.sleep(start_at - time.time())
        began, cpu = time.time(), time.process_time()
        told = [await ours.deliver(job, lane=LANE_BULK) for job in jobs]
        return sum(told), began, time.time(), time.process_time() - cpu


async def _changing(postgres: PostgresServer, rows: int, changes: int, repeats: int) -> None:
    """Changes from trigger to settled, one process, in a ledger of *rows* at rest."""
    members = names(rows)
    url = postgres.empty_database()
    bare = _bare_upserts(url, members[:changes])
    postgres.drop_database(url)
    url = postgres.empty_database()
    async with opened(url) as ours:
        backfill = await _timed(rows, ours.backfill(ours.jobs[0], members))
        sizes = await ours.sizes()
        runs = [
            await _timed(changes, ours.change(ours.jobs[0], members[:changes], is_in=bool(turn % 2)))
            for turn in range(repeats)
        ]
    postgres.drop_database(url)
    show(f"postgres: backfill of {rows:,}", [backfill], [backfill.per_second / bare.per_second])
    show(f"postgres: changes among {rows:,}", runs, [run.per_second / bare.per_second for run in runs])
    show_bytes("postgres: a person, right after that backfill", per(rows, sizes), of=per(rows, sizes)["ledger"])


async def _bytes(postgres: PostgresServer, people: int) -> None:
    """Bytes a person after further changes, and of WAL a change; against the bare table's."""
    members, url = names(people), postgres.empty_database()
    _bare_upserts(url, members)
    with psycopg.connect(url) as conn:
        row = conn.execute(BARE_BYTES).fetchone()
    assert row is not None
    bare = row[0] / people
    async with opened(postgres.empty_database()) as ours:
        await ours.backfill(ours.jobs[0], members)
        before = await ours.written()
        for turn in range(CHANGES):
            await ours.change(ours.jobs[0], members, is_in=bool(turn % 2))
        written = await ours.written() - before
        show_bytes(f"postgres: a person after {CHANGES} changes", per(people, await ours.sizes()), of=bare)
        show_bytes("postgres: WAL a change", {"wal": written / people / CHANGES}, of=bare)


def per(people: int, sizes: dict[str, int]) -> dict[str, float]:
    return {part: size / people for part, size in sizes.items()}
