"""
Several engines on one ledger, in virtual time: what they may do together, whoever of them is killed, stopped or late.
"""

import asyncio
from collections import Counter
from random import Random

import pytest

from tests.engine.crew_troubles import TROUBLES, Trouble, end_one, kill_one, stop_one
from tests.engine.crew_world import HOUR_MS, CrewWorld, people
from tests.engine.gates import in_gated_time

HOLD_SECONDS = 60.0


@pytest.mark.parametrize(
    ("per_second", "size", "pauses"),
    [(10.0, 3, (5, 30)), (1.0, 3, (5, 60)), (0.2, 3, (5, 60)), (3.0, 4, (30, 5)), (97.0, 4, (6,))],
    ids=str,
)
def test_all_together_never_pass_a_limit_whoever_comes_stops_and_dies(
    per_second: float, size: int, pauses: tuple[int, ...]
) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(per_second, 16))
        world.owe(round(per_second * sum(pauses) * 2) + 100)
        await world.crew_of(size)
        await world.add_job()
        began, rng = world.clock.monotonic(), Random(7)
        for seconds in pauses:
            await stop_one(world, rng, seconds)
            await asyncio.sleep(min(seconds, 20))
            await rng.choice((kill_one, end_one))(world, rng, seconds)
            await asyncio.sleep(min(seconds, 10))
        window = max(1.0, 1 / per_second)
        assert world.mapp.most_within(window) <= max(1, int(per_second))
        assert len(world.mapp.sent) >= 0.6 * per_second * (world.clock.monotonic() - began)
        await world.close()

    in_gated_time(story)


def test_what_one_does_for_all_passes_to_another_when_it_dies() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(None, 5))
        crew = await world.crew_of(2)
        assert [await one.engine.takes("sources") for one in (*crew, *crew)] == [True, False, True, False]
        crew[0].kill()
        await asyncio.sleep(30)
        assert await crew[1].engine.takes("sources")
        await world.close()

    in_gated_time(story)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_all_together_never_have_more_requests_alive_than_is_allowed(trouble: Trouble) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(None, 5))
        world.mapp.latency = 6.0
        world.owe(500)
        await world.crew_of(3)
        await world.add_job()
        for seed in range(3):
            await asyncio.sleep(10 + seed)
            await trouble(world, Random(seed), 40)
        assert world.mapp.most_at_once == 5
        await world.close()

    in_gated_time(story)


def test_a_killed_workers_rows_go_on_when_their_claim_runs_out_and_all_else_at_once() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 16))
        world.owe(300)
        crew = await world.crew_of(3)
        await world.add_job()
        await asyncio.sleep(5)
        crew[1].kill()
        killed = world.clock.monotonic()
        await asyncio.sleep(HOLD_SECONDS + 5)
        others = Counter(one.worker for one in world.mapp.between(killed, killed + 1))
        assert others.keys() == {"w0", "w2"}
        assert sum(others.values()) >= 10
        late = world.mapp.between(killed + HOLD_SECONDS - 15, killed + HOLD_SECONDS + 5)
        assert 0 < len(late) < 20, "what it held, and nothing else"
        assert world.disagreements() == []
        assert world.mapp.most_alive == 1
        await world.close()

    in_gated_time(story)


@pytest.mark.parametrize("ahead", [(HOUR_MS, -HOUR_MS), (-HOUR_MS, HOUR_MS)], ids=str)
def test_workers_whose_own_clocks_are_an_hour_off_do_no_harm(ahead: tuple[int, int]) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 8))
        world.owe(60)
        for ahead_ms in ahead:
            world.join(wall_ahead_ms=ahead_ms)
        await asyncio.sleep(8)
        world.mapp.faults = lambda mapp, member: "busy" if mapp.requests % 5 == 0 else "ok"
        job = await world.add_job()
        await asyncio.sleep(30)
        assert world.disagreements() == []
        for number in range(0, 60, 3):
            await world.move(people(60)[number], is_in=False)
        await asyncio.sleep(20)
        assert world.disagreements() == [], "no scan's version is later than these triggers"
        world.lytics.members.pop(people(60)[1])  # of which no trigger comes
        await world.change(job.key, scan_wanted="reconcile")
        await asyncio.sleep(20)
        assert world.disagreements() == []
        assert {0 < one.left_ms <= world.timing.send_room_seconds * 1000 for one in world.mapp.sent} == {True}
        assert len({one.worker for one in world.mapp.sent}) == 2
        await world.close()

    in_gated_time(story)


def test_two_jobs_of_one_authorization_are_served_alike() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(10.0, 16))
        world.owe(500)
        await world.crew_of(3)
        await world.add_job(mapp_attribute_name="first")
        await asyncio.sleep(3)
        await world.add_job(mapp_attribute_name="second")
        await asyncio.sleep(25)
        now = world.clock.monotonic()
        shares = Counter(one.attribute for one in world.mapp.between(now - 20, now))
        assert 0.4 < shares["first"] / shares.total() < 0.6
        await world.close()

    in_gated_time(story)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_everybody_agrees_in_the_end(seed: int) -> None:
    in_gated_time(lambda: any_story(seed))


async def any_story(seed: int) -> None:
    """People come and go, Mapp fails at random, and so do the workers; then there is peace."""
    world = CrewWorld(seed=seed, limits=(12.0, 4))
    rng, everybody = world.rng, people(150)
    world.lytics.members = dict.fromkeys(everybody[:120])
    kinds = ["timeout", "lost", "throttle", "busy"]
    world.mapp.faults = lambda mapp, member: rng.choice(kinds) if rng.random() < 0.1 else "ok"
    await world.crew_of(3)
    await world.add_job()
    troubles = [asyncio.create_task(_trouble(world, rng)) for _ in range(2)]
    moves = []
    for _ in range(60):
        member = rng.choice(everybody)
        moves.append(asyncio.create_task(world.move(member, is_in=member not in world.lytics.members)))
        await asyncio.sleep(rng.uniform(0, 1.2))
    await asyncio.gather(*troubles, *moves)
    world.mapp.faults = lambda mapp, member: "ok"
    await _until_agreed(world)
    assert world.mapp.most_within(1.0) <= 12
    assert world.mapp.most_alive == 1
    assert world.lytics.most_at_once <= 1
    await world.close()


async def _trouble(world: CrewWorld, rng: Random) -> None:
    for _ in range(2):
        await asyncio.sleep(rng.uniform(0, 8))
        if world.running:
            await rng.choice(TROUBLES)(world, rng, rng.uniform(0.5, 40))


async def _until_agreed(world: CrewWorld) -> None:
    for _ in range(40):
        await asyncio.sleep(5)
        if not world.disagreements():
            break
    assert world.disagreements() == []
