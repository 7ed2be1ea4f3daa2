"""A token that Lytics takes, but not for reading people, stops a job once, and is asked about ever more rarely."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.world import FakeLytics, LoopClock, World, in_virtual_time
from usher.domain.job import Cause, Job, Status
from usher.domain.notes import LogCode
from usher.errors import RemoteRefused
from usher.lytics.audiences import Audience
from usher.lytics.scan import Page
from usher.store.notes import logs_of

INSIDE = [f"p{number:03d}@example.com" for number in range(250)]


class Withholding(FakeLytics):
    """Takes the token, but refuses it some pages, or an audience by itself."""

    def __init__(self, clock: LoopClock, members: dict[str, None]) -> None:
        super().__init__(clock, members)
        self.withholds: Callable[[str, str], bool] = everything
        self.withholds_audience = False
        self.asked = 0

    async def audience(self, id_or_slug: str) -> Audience:
        if self.withholds_audience:
            raise RemoteRefused("Lytics answered 403 to 'look at the audience'.", system="Lytics", status=403)
        return await super().audience(id_or_slug)

    async def scan_page(self, audience_id: str, *, field: str, cursor: str, expected: int | None = None) -> Page:
        self.asked += 1
        if self.withholds(audience_id, cursor) and not self.is_down:
            raise RemoteRefused("Lytics answered 403 to 'scan the audience'.", system="Lytics", status=403)
        return await super().scan_page(audience_id, field=field, cursor=cursor, expected=expected)


def withholding_world(folder: Path) -> tuple[World, Withholding]:
    world = World(folder)
    world.lytics = lytics = Withholding(world.clock, dict.fromkeys(INSIDE))
    world.vendors._lytics = lytics
    return world, lytics


def everything(_audience_id: str, _cursor: str) -> bool:
    return True


def later_pages(_audience_id: str, cursor: str) -> bool:
    return cursor != ""


def nothing(_audience_id: str, _cursor: str) -> bool:
    return False


async def codes(world: World, job: Job) -> list[str]:
    entries = await world.database.read(lambda txn: logs_of(txn, job.key))
    return [entry.code for entry in reversed(entries)]


@pytest.mark.parametrize("withheld", [everything, later_pages])
def test_a_job_whose_people_are_withheld_stays_stopped_and_asking_grows_rare(
    tmp_path: Path, withheld: Callable[[str, str], bool]
) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        lytics.withholds = withheld
        job = await world.add_job()
        for _ in range(24):
            await asyncio.sleep(300)
            stopped = await world.job(job.key)
            assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.LYTICS_CREDENTIALS)
        assert "Lytics takes the token" in stopped.reason
        assert "'VIP'" in stopped.reason
        assert LogCode.MENDED not in await codes(world, job)
        assert (await codes(world, job)).count(LogCode.FAULT) == 2, "what the scan heard, and what asking showed"
        assert lytics.asked < 20
        await world.stop()

    in_virtual_time(story)


def test_a_job_goes_on_once_its_people_are_shown_again(tmp_path: Path) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        job = await world.add_job()
        await asyncio.sleep(3_600)
        lytics.withholds = nothing
        world.vendors.revisions["l"] = 2
        await asyncio.sleep(30)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        assert set(world.mapp.held) == set(INSIDE)
        await world.stop()

    in_virtual_time(story)


def test_lytics_that_does_not_answer_for_people_leaves_the_job_as_it_was(tmp_path: Path) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        job = await world.add_job()
        await asyncio.sleep(60)
        before, lytics.is_down = await world.job(job.key), True
        world.vendors.revisions["l"] = 2
        await asyncio.sleep(600)
        assert await world.job(job.key) == before
        await world.stop()

    in_virtual_time(story)


def test_an_audience_that_is_gone_meanwhile_is_for_the_scan_to_say(tmp_path: Path) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        job = await world.add_job()
        await asyncio.sleep(60)
        lytics.withholds, lytics.gone = nothing, True
        world.vendors.revisions["l"] = 2
        await asyncio.sleep(600)
        assert (await world.job(job.key)).cause is Cause.AUDIENCE
        await world.stop()

    in_virtual_time(story)


def test_an_audience_that_alone_is_withheld_keeps_the_job_stopped_too(tmp_path: Path) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        lytics.withholds, lytics.withholds_audience = nothing, True
        job = await world.add_job()
        await asyncio.sleep(3_600)
        assert (await world.job(job.key)).cause is Cause.LYTICS_CREDENTIALS
        assert LogCode.MENDED not in await codes(world, job)
        await world.stop()

    in_virtual_time(story)


def test_of_two_jobs_of_one_authorization_the_one_whose_people_are_shown_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        world, lytics = withholding_world(tmp_path)
        one, other = await world.add_job(segment_id="one"), await world.add_job(segment_id="other", group_id="2")
        await asyncio.sleep(60)
        lytics.withholds = lambda audience_id, _cursor: audience_id == "one"
        await asyncio.sleep(1_200)
        assert (await world.job(one.key)).status is Status.FAULT
        assert (await world.job(other.key)).status is Status.RUNNABLE
        await world.stop()

    in_virtual_time(story)
