"""Several engines, one Mapp that throttles, fails or refuses: what one is told all keep to, and it is said once."""

import asyncio
from collections import Counter

import pytest

from tests.engine.crew_world import DEAD_SECONDS, CrewWorld
from tests.engine.gates import in_gated_time
from usher.domain.job import Cause, Status
from usher.domain.notes import LogCode


def test_a_silence_that_mapp_asks_one_for_is_kept_by_all() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 16))
        world.owe(400)
        await world.crew_of(3)
        await world.add_job()
        await asyncio.sleep(5)
        world.mapp.silence_seconds = 30
        await asyncio.sleep(45)
        asked = world.clock.monotonic() - 45
        assert len({one.worker for one in world.mapp.between(asked - 2, asked)}) == 3
        assert world.mapp.between(asked + 2.2, asked + 30) == []
        assert len({one.worker for one in world.mapp.between(asked + 30, asked + 45)}) == 3
        await world.close()

    in_gated_time(story)


def test_one_that_joins_takes_over_the_rate_that_the_others_found() -> None:
    async def story() -> None:
        world = CrewWorld()
        world.mapp.capacity = 10
        world.owe(2_000)
        await world.crew_of(2)
        await world.add_job()
        await asyncio.sleep(40)
        throttled, joined = world.mapp.throttled, world.clock.monotonic()
        newcomer = world.join()
        await asyncio.sleep(20)
        since = world.mapp.between(joined, joined + 20)
        assert max(Counter(int(one.at) for one in since).values()) <= 1.5 * world.mapp.capacity
        assert world.mapp.throttled - throttled <= 0.1 * len(since)
        assert sum(one.worker == newcomer.name for one in since) > 5
        assert len(since) > 0.7 * 20 * world.mapp.capacity
        await world.close()

    in_gated_time(story)


@pytest.mark.parametrize("busy_for", [{"w1"}, {"w0", "w1", "w2"}], ids=["one", "all"])
def test_an_outage_puts_a_job_to_sleep_once_and_wakes_it_once(busy_for: set[str]) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(4.0, 8))
        world.owe(1_500)
        await world.crew_of(3)
        job = await world.add_job()
        await asyncio.sleep(5)
        world.mapp.busy_for = busy_for
        await asyncio.sleep(40)
        assert (await world.job(job.key)).status is Status.SLEEPING
        world.mapp.busy_for = set()
        await asyncio.sleep(45)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        codes = Counter(entry.code for entry in await world.logs(job.key))
        assert (codes[LogCode.ASLEEP], codes[LogCode.AWAKE]) == (1, 1)
        await world.close()

    in_gated_time(story)


def test_a_keeper_that_was_stopped_in_an_outage_tells_nothing_old_when_it_goes_on() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(4.0, 8))
        world.owe(1_500)
        await world.crew_of(3)
        job = await world.add_job()
        await asyncio.sleep(3)
        world.mapp.busy_for = {"w0", "w1", "w2"}
        await asyncio.sleep(30)
        (keeper,) = [one for one in world.processes if one.engine.is_keeper]
        keeper.stop()
        world.mapp.busy_for = set()
        await asyncio.sleep(DEAD_SECONDS + 20)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        keeper.go_on()
        await asyncio.sleep(10)
        codes = Counter(entry.code for entry in await world.logs(job.key))
        assert (codes[LogCode.ASLEEP], codes[LogCode.AWAKE]) == (1, 1)
        assert [one.engine.is_keeper for one in world.running].count(True) == 1
        await world.close()

    in_gated_time(story)


def test_refused_credentials_stop_all_in_seconds_and_one_of_them_asks_until_they_are_mended() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(10.0, 8))
        world.owe(2_000)
        await world.crew_of(3)
        job = await world.add_job()
        await asyncio.sleep(5)
        world.mapp.is_refusing = True
        refused = world.clock.monotonic()
        await asyncio.sleep(60)
        stopped = await world.job(job.key)
        assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.MAPP_CREDENTIALS)
        assert world.mapp.between(refused + 3, refused + 60) == []
        assert len(world.mapp.pinged_by) >= 2
        assert len(set(world.mapp.pinged_by)) == 1
        world.mapp.is_refusing = False
        world.vendors.revisions["m"] = 2
        await asyncio.sleep(10)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        mended = world.clock.monotonic() - 10
        assert len({one.worker for one in world.mapp.between(mended, mended + 10)}) == 3
        codes = Counter(entry.code for entry in await world.logs(job.key))
        assert (codes[LogCode.FAULT], codes[LogCode.MENDED]) == (1, 1)
        await world.close()

    in_gated_time(story)
