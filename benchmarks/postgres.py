"""
PostgreSQL under the ledger: what a second and what a person cost, with the server on this machine.

Yardsticks: the same people upserted into a table of two columns beside its key, a commit for each page; and, for
commits, one row updated and committed by the bare driver. Each beside what it measures, in the same run.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psycopg

from benchmarks.figures import Figure, against
from benchmarks.ledger import PAGE, names, opened, pages, server
from benchmarks.size import Size
from benchmarks.stopwatch import Measured, Stopwatch
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


async def measure(size: Size) -> AsyncIterator[Figure]:
    people = size.pick(20_000, 2_000)
    with server() as postgres:
        for figure in await _observing_and_commits(postgres, people, size.runs):
            yield figure
        for jobs in (1, 4):
            async for figure in _delivering(postgres, people, size.runs, jobs=jobs):
                yield figure
        for rows in (people, 10 * people):
            for figure in await _changing(postgres, rows, people, size.runs):
                yield figure
        for figure in await _bytes(postgres, people):
            yield figure


async def _observing_and_commits(postgres: PostgresServer, people: int, repeats: int) -> list[Figure]:
    upserts, commits, observed, singly = [], [], [], []
    members = names(people)
    for _ in range(repeats):
        url = postgres.empty_database()
        upserts.append(_bare_upserts(url, members))
        commits.append(_bare_commits(url))
        postgres.drop_database(url)
        async with opened(url := postgres.empty_database()) as ours:
            whole = ours.observe(ours.jobs[0], members, is_in=True, source=Source.BACKFILL)
            observed.append(await _timed(people, whole))
            one_by_one = ours.observe(ours.jobs[0], members[:COMMITS], is_in=False, source=Source.TRIGGER, size=1)
            singly.append(await _timed(COMMITS, one_by_one))
        postgres.drop_database(url)
    return [
        *_rates("bare upserts", upserts),
        *_rates("bare commits", commits),
        *_rates(f"observations, {PAGE} a commit", observed, yardstick=("bare upserts", upserts)),
        *_rates("observations, one a commit", singly, yardstick=("bare commits", commits)),
    ]


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


async def _delivering(postgres: PostgresServer, people: int, repeats: int, *, jobs: int) -> AsyncIterator[Figure]:
    """Claims and settles in 256s, by as many processes as share *jobs*, in turns; the yardstick is one process."""
    found: dict[int, list[Measured]] = {1: [], 2: [], 4: []}
    for _ in range(repeats):
        for processes, runs in found.items():
            runs.append(await _delivered(postgres, people, processes, jobs))
    for processes, runs in found.items():
        yardstick = ("one process", found[1]) if processes > 1 else None
        for figure in _rates(f"told by {processes} processes, {jobs} jobs", runs, yardstick=yardstick):
            yield figure


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


async def _changing(postgres: PostgresServer, rows: int, changes: int, repeats: int) -> list[Figure]:
    """Changes from trigger to settled, one process, in a ledger of *rows* at rest."""
    members, bare = names(rows), []
    async with opened(url := postgres.empty_database()) as ours:
        backfill = await _timed(rows, ours.backfill(ours.jobs[0], members))
        sizes = await ours.sizes()
        runs = []
        for turn in range(repeats):
            other = postgres.empty_database()
            bare.append(_bare_upserts(other, members[:changes]))
            postgres.drop_database(other)
            change = ours.change(ours.jobs[0], members[:changes], is_in=bool(turn % 2))
            runs.append(await _timed(changes, change))
    postgres.drop_database(url)
    return [
        *_rates(f"backfill of {rows:,}", [backfill], yardstick=("bare upserts", bare[:1])),
        *_rates(f"changes among {rows:,}", runs, yardstick=("bare upserts", bare)),
        *_sizes(f"a person, right after a backfill of {rows:,}", per(rows, sizes)),
    ]


async def _bytes(postgres: PostgresServer, people: int) -> list[Figure]:
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
        sizes = per(people, await ours.sizes())
    return [
        *_sizes(f"a person after {CHANGES} changes", sizes, bare=bare),
        *_sizes("WAL a change", {"wal": written / people / CHANGES}, bare=bare),
    ]


def per(people: int, sizes: Mapping[str, int]) -> dict[str, float]:
    return {part: size / people for part, size in sizes.items()}


def _rates(
    name: str, measured: Sequence[Measured], *, yardstick: tuple[str, Sequence[Measured]] | None = None
) -> Iterator[Figure]:
    """Yield how many a second, and the processor time of each."""
    rates = tuple(run.per_second for run in measured)
    cpu = tuple(run.cpu_micros for run in measured)
    if yardstick is None:
        yield Figure("postgres", name, "rows/s", rates)
        yield Figure("postgres", f"processor, {name}", "µs/row", cpu)
        return
    against_name, runs = yardstick
    yield Figure("postgres", name, "rows/s", rates, against_name, against(rates, [run.per_second for run in runs]))
    yield Figure(
        "postgres", f"processor, {name}", "µs/row", cpu, against_name, against(cpu, [run.cpu_micros for run in runs])
    )


def _sizes(name: str, parts: Mapping[str, float], *, bare: float | None = None) -> Iterator[Figure]:
    """Yield the bytes of each part, and of the whole against the *bare* table's."""
    whole = sum(parts.values())
    if bare is None:
        yield Figure("postgres", f"bytes of {name}", "bytes", (whole,))
    else:
        yield Figure("postgres", f"bytes of {name}", "bytes", (whole,), "a bare table", (whole / bare,))
    for part, size in parts.items() if len(parts) > 1 else ():
        yield Figure("postgres", f"bytes of {name}: {part}", "bytes", (size,))
