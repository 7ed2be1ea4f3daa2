"""Several engines, one scan: who reads an audience, and who goes on when that one dies or is stopped."""

import asyncio
from collections.abc import Callable

from tests.engine.crew_process import Process
from tests.engine.crew_world import DEAD_SECONDS, CrewWorld
from tests.engine.gates import in_gated_time
from usher.domain.job import Status
from usher.domain.notes import LogCode


async def until(is_so: Callable[[], bool], *, within: float) -> None:
    for _ in range(round(within / 0.1)):
        if is_so():
            return
        await asyncio.sleep(0.1)
    assert is_so()


async def scanning(world: CrewWorld, *, pages: int) -> Process:
    """Return who scans, in the midst of reading a page, some *pages* from the beginning."""
    await until(lambda: len(world.lytics.read) == pages, within=30)
    name = world.lytics.read[-1][0]
    return next(one for one in world.processes if one.name == name)


async def scan_world() -> CrewWorld:
    world = CrewWorld()
    world.lytics.page_seconds = 1.0
    world.owe(1_000)
    await world.crew_of(3)
    return world


def test_a_scan_is_taken_over_from_where_it_was_when_its_worker_dies() -> None:
    async def story() -> None:
        world = await scan_world()
        job = await world.add_job()
        scanner = await scanning(world, pages=4)
        scanner.kill()
        await asyncio.sleep(DEAD_SECONDS + 12)
        (scan,) = await world.scans(job.key)
        assert (scan.state, scan.pages, scan.seen) == ("completed", 10, 1_000)
        assert len({cursor for _, cursor in world.lytics.read}) == 10
        assert len(world.lytics.read) == 11, "only the page that was being read is read again"
        assert len({worker for worker, _ in world.lytics.read}) == 2
        assert world.lytics.most_at_once == 1
        await world.close()

    in_gated_time(story)


def test_a_scanner_that_was_stopped_records_nothing_when_it_goes_on() -> None:
    async def story() -> None:
        world = await scan_world()
        job = await world.add_job()
        scanner = await scanning(world, pages=4)
        scanner.stop()
        await asyncio.sleep(DEAD_SECONDS)
        taken_over = len(world.lytics.read)
        scanner.go_on()
        await asyncio.sleep(20)
        (scan,) = await world.scans(job.key)
        assert (scan.state, scan.pages, scan.seen) == ("completed", 10, 1_000)
        assert 4 < taken_over < 11, "another goes on with it meanwhile"
        assert len(world.lytics.read) == 11
        assert scanner.name not in {worker for worker, _ in world.lytics.read[4:]}
        assert world.lytics.most_at_once == 1
        codes = [entry.code for entry in await world.logs(job.key)]
        assert codes == [LogCode.SCAN_BEGUN, LogCode.SCAN_DONE]
        await world.close()

    in_gated_time(story)


def test_what_a_stopped_scanner_was_told_long_ago_stops_no_job() -> None:
    async def story() -> None:
        world = await scan_world()
        job = await world.add_job()
        scanner = await scanning(world, pages=4)
        world.lytics.gone = True
        scanner.stop()
        await asyncio.sleep(10)
        world.lytics.gone = False
        await asyncio.sleep(DEAD_SECONDS)
        scanner.go_on()
        await asyncio.sleep(5)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        assert [scan.state for scan in await world.scans(job.key)] == ["completed"]
        await world.close()

    in_gated_time(story)
