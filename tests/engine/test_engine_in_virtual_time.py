"""The real engine over the real ledger, in virtual time."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.engine.world import FakeLytics, World, in_virtual_time
from usher.domain.job import Cause, Status
from usher.store.supervision import SqlJobs


def people(count: int) -> list[str]:
    return [f"p{number:05d}@example.com" for number in range(count)]


def test_a_backfill_tells_mapp_everybody_who_is_inside(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(1_000))
        job = await world.add_job()
        await asyncio.sleep(60)
        assert world.mapp.held == dict.fromkeys(people(1_000), True)
        assert world.mapp.requests == 1_000
        assert (await world.job(job.key)).status is Status.RUNNABLE
        await world.stop()

    in_virtual_time(story)


def test_a_backfill_only_job_completes_once_everybody_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(250))
        job = await world.add_job(backfill_only=True)
        await asyncio.sleep(30)
        assert (await world.job(job.key)).status is Status.COMPLETED
        assert len(world.mapp.held) == 250
        await world.stop()

    in_virtual_time(story)


def test_without_existing_users_nobody_is_sent_until_they_enter_or_exit(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        inside = people(300)
        world.lytics.members = dict.fromkeys(inside)
        await world.add_job(withbackfill=False, reconcile_hours=0.1)
        await asyncio.sleep(60)
        assert world.mapp.held == {}
        await world.move(inside[0], is_in=False)
        await world.trigger(inside[1], is_in=True)
        await world.move("new@example.com", is_in=True)
        await asyncio.sleep(30)
        assert world.mapp.held == {inside[0]: False, inside[1]: True, "new@example.com": True}
        await world.move(inside[2], is_in=False, lose_trigger=True)
        await asyncio.sleep(500)
        assert world.mapp.held[inside[2]] is False
        assert len(world.mapp.held) == 4
        await world.stop()

    in_virtual_time(story)


@pytest.mark.parametrize("seed", range(6))
def test_mapp_agrees_with_lytics_after_faults_crashes_and_lost_triggers(tmp_path: Path, seed: int) -> None:
    async def story() -> None:
        world = World(tmp_path, seed=seed)
        rng = world.rng
        everybody = people(150)
        world.lytics.members = dict.fromkeys(everybody[:100])
        kinds = ["timeout", "lost", "throttle", "busy"]
        world.mapp.faults = lambda mapp, member: rng.choice(kinds) if rng.random() < 0.15 else "ok"
        await world.add_job(reconcile_hours=0.1)
        late = []
        for _ in range(400):
            member = rng.choice(everybody)
            is_in = member not in world.lytics.members
            work = world.move(member, is_in=is_in, lose_trigger=rng.random() < 0.05, delay=rng.choice([0, 0, 1.5]))
            late.append(asyncio.create_task(work))
            await asyncio.sleep(rng.uniform(0, 0.6))
            if rng.random() < 0.02:
                await asyncio.gather(*late)
                late.clear()
                await world.crash()
                await asyncio.sleep(rng.uniform(0, 5))
                world.start()
        await asyncio.gather(*late)
        world.mapp.faults = lambda mapp, member: "ok"
        await asyncio.sleep(1_000)
        assert world.disagreements(set(everybody)) == {}
        assert world.mapp.most_alive == 1
        await world.stop()

    in_virtual_time(story)


def test_refused_credentials_stop_the_job_in_seconds_and_a_probe_sets_it_going_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(2_000))
        world.mapp.is_refusing = True
        job = await world.add_job()
        await asyncio.sleep(5)
        stopped = await world.job(job.key)
        assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.MAPP_CREDENTIALS)
        assert world.mapp.requests <= 64
        asked = world.mapp.requests
        await asyncio.sleep(20)
        assert world.mapp.requests == asked
        world.mapp.is_refusing = False
        world.vendors.revisions["m"] = 2
        await asyncio.sleep(30)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        assert len(world.mapp.held) == 2_000
        await world.stop()

    in_virtual_time(story)


def test_an_outage_puts_the_job_to_sleep_and_it_wakes_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(500))
        world.mapp.faults = lambda mapp, member: "busy"
        job = await world.add_job()
        await asyncio.sleep(300)
        assert (await world.job(job.key)).status is Status.SLEEPING
        assert world.mapp.requests < 100
        world.mapp.faults = lambda mapp, member: "ok"
        await asyncio.sleep(200)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        assert len(world.mapp.held) == 500
        await world.stop()

    in_virtual_time(story)


def test_a_job_whose_people_are_mostly_rejected_stops_and_goes_on_when_mapp_takes_one(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(None, 4))
        world.lytics.members = dict.fromkeys(people(1_000))
        world.mapp.faults = lambda mapp, member: "reject"
        job = await world.add_job()
        await asyncio.sleep(10)
        stopped = await world.job(job.key)
        assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.REJECTIONS)
        assert world.mapp.requests < 30
        world.mapp.faults = lambda mapp, member: "ok"
        await asyncio.sleep(120)
        assert (await world.job(job.key)).status is Status.RUNNABLE
        assert len(world.mapp.held) == 1_000
        await world.stop()

    in_virtual_time(story)


def test_a_configured_limit_is_never_passed_in_any_second(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(20.0, 16))
        world.lytics.members = dict.fromkeys(people(400))
        await world.add_job()
        await asyncio.sleep(60)
        times = world.mapp.sent_at
        assert len(times) == 400
        assert max(sum(1 for t in times if start <= t < start + 1) for start in times) <= 20
        assert times[-1] - times[0] < 25
        await world.stop()

    in_virtual_time(story)


def test_a_live_change_overtakes_a_backfill(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(50.0, 16))
        world.lytics.members = dict.fromkeys(people(5_000))
        await world.add_job()
        await asyncio.sleep(20)
        assert len(world.mapp.held) < 2_000
        await world.move("live@example.com", is_in=True)
        await asyncio.sleep(3)
        assert world.mapp.held.get("live@example.com") is True
        await world.stop()

    in_virtual_time(story)


def test_a_paused_job_takes_triggers_in_and_sends_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        job = await world.add_job(withbackfill=False)
        await world.change(job.key, status=Status.PAUSED)
        await asyncio.sleep(2)
        await world.move("a@example.com", is_in=True)
        await asyncio.sleep(60)
        assert world.mapp.requests == 0
        await world.change(job.key, status=Status.RUNNABLE)
        await asyncio.sleep(5)
        assert world.mapp.held == {"a@example.com": True}
        await world.stop()

    in_virtual_time(story)


def test_too_many_absent_people_stop_the_job_for_a_person(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        everybody = people(1_500)
        world.lytics.members = dict.fromkeys(everybody)
        job = await world.add_job(reconcile_hours=0.1)
        await asyncio.sleep(120)
        world.lytics.members = dict.fromkeys(everybody[:800])
        await asyncio.sleep(500)
        stopped = await world.job(job.key)
        assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.REMOVALS)
        assert set(world.mapp.held.values()) == {True}
        await world.stop()

    in_virtual_time(story)


def test_a_comparison_too_soon_after_changes_is_followed_by_one_that_can_tell(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, guard_seconds=120)
        world.lytics.members = dict.fromkeys(people(50))
        job = await world.add_job()
        await asyncio.sleep(300)
        await world.trigger("late@example.com", is_in=True)  # and is out again, of which no trigger came
        await asyncio.sleep(60)
        await world.change(job.key, scan_wanted="reconcile")
        await asyncio.sleep(60)
        assert world.mapp.held["late@example.com"] is True
        assert (await world.job(job.key)).next_reconcile_ms is not None
        await asyncio.sleep(120)
        assert world.mapp.held["late@example.com"] is False
        asked = world.lytics.pages_read
        await asyncio.sleep(3_600)
        assert world.lytics.pages_read == asked
        await world.stop()

    in_virtual_time(story)


@pytest.mark.parametrize("trouble", ["redefined", "short", "no_end", "gone", "empty"])
def test_a_doubtful_scan_says_nothing_about_who_left(tmp_path: Path, trouble: str) -> None:
    async def story() -> None:
        world = World(tmp_path)
        everybody = people(400)
        world.lytics.members = dict.fromkeys(everybody)
        await world.add_job(reconcile_hours=0.1)
        await asyncio.sleep(60)
        world.lytics.members = dict.fromkeys(everybody[:300])

        async def redefine(lytics: object) -> None:
            world.lytics.definition = f"b{world.lytics.pages_read}"

        match trouble:
            case "redefined":
                world.lytics.on_page = redefine
            case "short":
                world.lytics.size_offset = 100
            case "no_end":
                world.lytics.cuts_end_marker = True
            case "gone":
                world.lytics.gone = True
            case "empty":
                world.lytics.members = {}
        await asyncio.sleep(500)
        assert set(world.mapp.held.values()) == {True}
        await world.stop()

    in_virtual_time(story)


def test_an_expired_cursor_starts_a_new_scan_that_reaches_everybody(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(1_000))
        world.lytics.expire_cursor_at_page = 5
        await world.add_job()
        await asyncio.sleep(60)
        assert len(world.mapp.held) == 1_000
        assert world.lytics.pages_read == 5 + 10
        await world.stop()

    in_virtual_time(story)


def test_a_scan_that_lytics_does_not_answer_puts_the_job_to_sleep_until_it_does(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(1_000))

        async def fail_from_the_fifth_page(lytics: FakeLytics) -> None:
            lytics.is_down = lytics.pages_read == 5

        world.lytics.on_page = fail_from_the_fifth_page
        job = await world.add_job()
        await asyncio.sleep(120)
        asleep = await world.job(job.key)
        assert (asleep.status, asleep.cause) == (Status.SLEEPING, Cause.LYTICS_OUTAGE)
        assert len(world.mapp.held) == 500
        world.lytics.is_down, world.lytics.on_page = False, None
        await asyncio.sleep(120)
        awake = await world.job(job.key)
        assert (awake.status, awake.cause) == (Status.RUNNABLE, Cause.NONE)
        assert len(world.mapp.held) == 1_000
        await world.stop()

    in_virtual_time(story)


def test_a_steady_stream_of_triggers_does_not_keep_a_backfill_only_job_from_completing(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(20.0, 4))
        world.lytics.members = dict.fromkeys(people(100))
        job = await world.add_job(backfill_only=True)
        for number in range(600):
            await world.move(f"live{number}@example.com", is_in=True)
            await asyncio.sleep(0.06)
        assert (await world.job(job.key)).status is Status.COMPLETED
        assert set(people(100)) <= set(world.mapp.held)
        await world.stop()

    in_virtual_time(story)


def test_an_idle_engine_asks_little_of_the_store(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        await world.add_job(withbackfill=False)
        await asyncio.sleep(5)
        before = world.database.asked
        await asyncio.sleep(60)
        assert 60 <= world.database.asked - before < 60 * 10
        await world.stop()

    in_virtual_time(story)


def test_existing_users_switched_on_while_a_baseline_is_being_read_still_tells_everybody(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(1_000))
        job = await world.add_job(withbackfill=False, reconcile_hours=1.0)
        await asyncio.sleep(0.1)
        assert 0 < world.lytics.pages_read < 10
        config = replace(job.config, withbackfill=True)
        await world.change(job.key, config=config, scan_wanted="backfill")
        await asyncio.sleep(120)
        assert len(world.mapp.held) == 1_000
        await world.stop()

    in_virtual_time(story)


def test_profiles_that_lose_their_identifier_say_nothing_about_who_left(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(400))
        await world.add_job(reconcile_hours=0.1)
        await asyncio.sleep(60)
        world.lytics.names_nobody = True
        await asyncio.sleep(1_000)
        assert world.mapp.held == dict.fromkeys(people(400), True)
        await world.stop()

    in_virtual_time(story)


def test_one_odd_page_stops_no_live_change_and_the_scan_starts_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(1_000))
        world.lytics.odd_page = 5
        job = await world.add_job()
        await asyncio.sleep(120)
        assert len(world.mapp.held) == 1_000
        assert (await world.job(job.key)).status is Status.RUNNABLE
        await world.stop()

    in_virtual_time(story)


def test_where_a_ping_is_taken_and_events_are_not_asking_grows_rare(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(300))
        world.mapp.is_refusing, world.mapp.takes_pings = True, True
        await world.add_job()
        await asyncio.sleep(3_600)
        assert world.mapp.pings < 15
        assert world.mapp.requests < 500
        await world.stop()

    in_virtual_time(story)


def test_a_settlement_that_fails_stops_nothing_and_its_rows_become_due_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(50))
        world.delivery.failures = 2
        await world.add_job()
        await asyncio.sleep(600)
        assert len(world.mapp.held) == 50
        asked = world.mapp.requests
        await asyncio.sleep(600)
        assert world.mapp.requests == asked
        await world.stop()

    in_virtual_time(story)


def test_everybody_rejected_is_asked_about_ever_more_rarely(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(people(25))
        world.mapp.faults = lambda mapp, member: "reject"
        await world.add_job()
        await asyncio.sleep(3_600)
        assert world.mapp.requests < 25 + 20
        await world.stop()

    in_virtual_time(story)


def test_a_restart_during_a_rejection_fault_still_owes_those_set_aside_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(None, 4))
        world.lytics.members = dict.fromkeys(people(500))
        world.mapp.faults = lambda mapp, member: "reject"
        job = await world.add_job()
        await asyncio.sleep(10)
        assert (await world.job(job.key)).cause is Cause.REJECTIONS
        await world.crash()
        world.start()
        world.mapp.faults = lambda mapp, member: "ok"
        await asyncio.sleep(300)
        assert len(world.mapp.held) == 500
        await world.stop()

    in_virtual_time(story)


def test_a_job_that_owes_nothing_does_not_sleep_on_for_another_ones_outage(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        idle = await world.add_job(withbackfill=False)
        world.lytics.members = dict.fromkeys(people(40))
        busy = await world.add_job(mapp_attribute_name="other")
        world.mapp.faults = lambda mapp, member: "busy"
        await asyncio.sleep(30)
        assert (await world.job(idle.key)).status is Status.SLEEPING
        await world.change(busy.key, status=Status.PAUSED)
        await asyncio.sleep(120)
        assert (await world.job(idle.key)).status is Status.RUNNABLE
        asked = world.database.asked
        await asyncio.sleep(60)
        assert world.database.asked - asked < 60 * 12
        await world.stop()

    in_virtual_time(story)


def test_pruning_leaves_four_fifths_of_the_time_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[float] = []

    async def piece_of_a_second(_: SqlJobs) -> bool:
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)
        return len(began) < 5

    monkeypatch.setattr(SqlJobs, "prune_some", piece_of_a_second)

    async def story() -> None:
        world = World(tmp_path)
        await asyncio.sleep(50)
        assert [later - earlier for earlier, later in pairwise(began)] == pytest.approx([5] * 4, abs=0.01)
        await world.stop()

    in_virtual_time(story)
