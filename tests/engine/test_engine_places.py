"""Two jobs on one attribute, one after the other, in virtual time: what the first sent late never meets the second."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.world import World, in_virtual_time
from usher.domain.job import Job, Status
from usher.jobs.collisions import collision, leave_place, place_of
from usher.store.authorizations import Authorization, add_authorization
from usher.store.database import Txn
from usher.store.jobs import change_job
from usher.store.scans import add_sweep
from usher.store.trials import newest_claim_end

ACCOUNT = Authorization("m", "mapp", "", "", {"api_url": "https://mapp.example.com", "integration_id": "i"}, "")
PEOPLE = [f"p{number:03d}@example.com" for number in range(200)]


async def end(world: World, job: Job, status: Status) -> None:
    """End *job* as people do, and tell its courier nothing."""

    def work(txn: Txn) -> None:
        change_job(txn, job.key, status=status, scan_wanted="")
        if status is Status.DELETED:
            add_sweep(txn, job.key, kind="forget")
            leave_place(txn, job, hold_ms=world.timing.hold_ms)

    await world.database.write(work)


async def free_place(world: World, job: Job) -> None:
    """Return at the first moment at which another job may begin where *job* wrote."""
    place = place_of(ACCOUNT, job.target)
    while await world.database.read(lambda txn: collision(txn, place, hold_ms=world.timing.hold_ms)):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("status", [Status.KILLED, Status.DELETED, Status.COMPLETED])
@pytest.mark.parametrize("seed", range(3))
def test_no_request_of_a_job_that_ended_lives_beside_one_of_the_next(tmp_path: Path, seed: int, status: Status) -> None:
    async def story() -> None:
        world = World(tmp_path, seed=seed)
        await world.database.write(lambda txn: add_authorization(txn, ACCOUNT))
        world.lytics.members = dict.fromkeys(PEOPLE)
        world.mapp.faults = lambda mapp, member: world.rng.choice(["ok", "timeout", "lost"])
        first = await world.add_job()
        await asyncio.sleep(world.rng.uniform(0.2, 2.0))
        assert world.mapp.requests > 0
        await end(world, first, status)
        await free_place(world, first)
        world.mapp.faults = lambda mapp, member: "ok"
        await world.add_job()
        await asyncio.sleep(120)
        assert world.mapp.most_alive == 1
        assert world.mapp.held == dict.fromkeys(PEOPLE, True)
        await world.stop()

    in_virtual_time(story)


def test_once_a_job_has_ended_its_courier_claims_no_more_even_before_it_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(20.0, 4))
        world.lytics.members = dict.fromkeys(PEOPLE)
        job = await world.add_job()
        await asyncio.sleep(3.05)
        await end(world, job, Status.KILLED)
        ends = lambda txn: newest_claim_end(txn, job.key, hold_ms=world.timing.hold_ms)  # noqa: E731 - asked twice
        before, asked = await world.database.read(ends), world.database.asked
        assert before is not None
        await asyncio.sleep(0.9)
        assert await world.database.read(ends) in {before, None}
        assert world.database.asked - asked < 100
        await world.stop()

    in_virtual_time(story)
