"""
Several engines on one ledger, in virtual time: what they may do together, whoever of them is killed, stopped or late.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from tests.engine.crew_world import HOUR_MS, CrewWorld, Process
from tests.engine.gates import in_gated_time
from usher.domain.job import Cause, Status
from usher.domain.notes import LogCode

DEAD_SECONDS = 25.0  # after which a worker that was killed or stopped is taken for dead, and its share is dealt out
HOLD_SECONDS = 60.0


def people(count: int) -> list[str]:
    return [f"p{number:05d}@example.com" for number in range(count)]


def owing(world: CrewWorld, count: int) -> None:
    world.lytics.members = dict.fromkeys(people(count))


async def until(is_so: Callable[[], bool], *, within: float) -> None:
    for _ in range(round(within / 0.1)):
        if is_so():
            return
        await asyncio.sleep(0.1)
    assert is_so()


# What happens to a crew: each takes the world and the seconds it may last, and leaves as many at work as it found.


async def stop_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    one.stop()
    await asyncio.sleep(seconds)
    one.go_on()


async def kill_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    rng.choice(world.running).kill()
    await asyncio.sleep(rng.uniform(0, 3))
    world.join(wall_ahead_ms=rng.choice([0, HOUR_MS, -HOUR_MS]))


async def end_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    world.join()
    await one.end()


async def cut_one_off(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    one.database.is_cut_off = True
    await asyncio.sleep(seconds)
    one.database.is_cut_off = False


TROUBLES = (stop_one, kill_one, end_one, cut_one_off)


@pytest.mark.parametrize(
    ("per_second", "size", "pauses"),
    [(10.0, 3, (5, 60, 21)), (1.0, 3, (5, 60, 30)), (0.2, 3, (5, 40, 60)), (3.0, 4, (60, 5, 15)), (97.0, 3, (6, 3))],
    ids=str,
)
def test_all_together_never_pass_a_limit_whoever_comes_stops_and_dies(
    per_second: float, size: int, pauses: tuple[int, ...]
) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(per_second, 16))
        owing(world, round(per_second * sum(pauses) * 2) + 100)
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


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_all_together_never_have_more_requests_alive_than_is_allowed(
    trouble: Callable[[CrewWorld, Random, float], Awaitable[None]],
) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(None, 5))
        world.mapp.latency = 6.0
        owing(world, 500)
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
        owing(world, 300)
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


async def scanning(world: CrewWorld, *, pages: int) -> Process:
    """Return who scans, in the midst of reading a page, some *pages* from the beginning."""
    await until(lambda: len(world.lytics.read) == pages, within=30)
    name = world.lytics.read[-1][0]
    return next(one for one in world.processes if one.name == name)


async def scan_world() -> CrewWorld:
    world = CrewWorld()
    world.lytics.page_seconds = 1.0
    owing(world, 1_000)
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


@pytest.mark.parametrize("ahead", [(HOUR_MS, -HOUR_MS), (-HOUR_MS, HOUR_MS)], ids=str)
def test_workers_whose_own_clocks_are_an_hour_off_do_no_harm(ahead: tuple[int, int]) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 8))
        owing(world, 60)
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


def test_a_silence_that_mapp_asks_one_for_is_kept_by_all() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 16))
        owing(world, 400)
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
        owing(world, 2_000)
        await world.crew_of(2)
        await world.add_job()
        await asyncio.sleep(40)
        throttled, joined = world.mapp.throttled, world.clock.monotonic()
        newcomer = world.join()
        await asyncio.sleep(20)
        since = world.mapp.between(joined, joined + 20)
        assert max(Counter(int(one.at) for one in since).values()) <= 1.5 * world.mapp.capacity
        assert world.mapp.throttled - throttled <= 0.1 * len(since)
        assert sum(one.worker == newcomer.name for one in since) > 20
        assert len(since) > 0.7 * 20 * world.mapp.capacity
        await world.close()

    in_gated_time(story)


@pytest.mark.parametrize("busy_for", [{"w1"}, {"w0", "w1", "w2"}], ids=["one", "all"])
def test_an_outage_puts_a_job_to_sleep_once_and_wakes_it_once(busy_for: set[str]) -> None:
    async def story() -> None:
        world = CrewWorld(limits=(10.0, 8))
        owing(world, 1_500)
        await world.crew_of(3)
        job = await world.add_job()
        await asyncio.sleep(5)
        world.mapp.busy_for = busy_for
        await asyncio.sleep(60)
        assert (await world.job(job.key)).status is Status.SLEEPING
        world.mapp.busy_for = set()
        await asyncio.sleep(70)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        codes = Counter(entry.code for entry in await world.logs(job.key))
        assert (codes[LogCode.ASLEEP], codes[LogCode.AWAKE]) == (1, 1)
        await world.close()

    in_gated_time(story)


def test_refused_credentials_stop_all_in_seconds_and_one_of_them_asks_until_they_are_mended() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 8))
        owing(world, 2_000)
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


def test_two_jobs_of_one_authorization_are_served_alike() -> None:
    async def story() -> None:
        world = CrewWorld(limits=(20.0, 16))
        owing(world, 500)
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
