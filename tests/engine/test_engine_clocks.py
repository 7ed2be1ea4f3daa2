"""A clock of ours that is wrong never makes what a scan shows look newer than a trigger (R3)."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.world import CountingDatabase, FakeLytics, LoopClock, World, in_virtual_time
from usher.domain.absence import Doubt
from usher.domain.job import Cause, Job, Status
from usher.domain.scan import Scan, ScanState
from usher.store.notes import logs_of
from usher.store.scans import last_scan

GUARD_SECONDS = 120.0
INSIDE = [f"p{number:03d}@example.com" for number in range(250)]


class SetClock(LoopClock):
    """A clock that can be set."""

    wrong_seconds = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + round(self.wrong_seconds * 1000)


class WrongWorld(World):
    """A world whose ledger and engine read one clock, which may be wrong."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, guard_seconds=GUARD_SECONDS)
        self.lytics.members = dict.fromkeys(INSIDE)

    def start(self) -> None:
        self.clock: SetClock = SetClock()
        self.mapp.clock = self.clock
        self.database = CountingDatabase(self.database._engine, clock=self.clock)
        super().start()

    async def messages(self, job: Job) -> list[str]:
        entries = await self.database.read(lambda txn: logs_of(txn, job.key))
        return [entry.message for entry in entries]

    async def scan_of(self, job: Job) -> Scan | None:
        return await self.database.read(lambda txn: last_scan(txn, job.key))


@pytest.mark.parametrize("wrong_seconds", [75.0, -75.0], ids=["ahead", "behind"])
def test_nothing_is_read_while_the_clocks_differ_and_it_goes_on_by_itself(tmp_path: Path, wrong_seconds: float) -> None:
    async def story() -> None:
        world = WrongWorld(tmp_path)
        world.clock.wrong_seconds = wrong_seconds
        job = await world.add_job()
        await world.trigger("live@example.com", is_in=True)
        await asyncio.sleep(60)
        asleep = await world.job(job.key)
        assert (asleep.status, asleep.cause) == (Status.SLEEPING, Cause.CLOCKS)
        assert "clock and Lytics' differ by 75 s" in asleep.reason
        assert world.lytics.pages_read == 0
        assert world.mapp.held == {"live@example.com": True}, "what triggers say is sent all the same"
        assert sum("differ" in message for message in await world.messages(job)) == 1, "said once"

        world.clock.wrong_seconds = 0.0
        await asyncio.sleep(150)
        awake = await world.job(job.key)
        assert (awake.status, awake.cause) == (Status.RUNNABLE, Cause.NONE)
        assert "The clocks agree again; going on." in await world.messages(job)
        assert set(world.mapp.held) == {*INSIDE, "live@example.com"}
        await world.stop()

    in_virtual_time(story)


@pytest.mark.parametrize("ahead_seconds", [None, 59.0, -59.0], ids=["none shown", "a little ahead", "a little behind"])
def test_a_difference_that_the_guard_covers_or_nobody_shows_stops_no_scan(
    tmp_path: Path, ahead_seconds: float | None
) -> None:
    async def story() -> None:
        world = WrongWorld(tmp_path)
        world.lytics.ahead_seconds = ahead_seconds
        job = await world.add_job()
        await asyncio.sleep(30)
        assert set(world.mapp.held) == set(INSIDE)
        assert (await world.scan_of(job)).reason == ""
        await world.stop()

    in_virtual_time(story)


def test_a_clock_that_is_set_while_pages_are_read_ends_the_scan_before_another_counts(tmp_path: Path) -> None:
    async def story() -> None:
        world = WrongWorld(tmp_path)

        async def leap_at_the_first_page(_lytics: FakeLytics) -> None:
            world.clock.wrong_seconds = 3_600.0

        world.lytics.on_page = leap_at_the_first_page
        job = await world.add_job()
        await asyncio.sleep(60)
        scan = await world.scan_of(job)
        assert (scan.state, scan.reason, scan.pages) == (ScanState.INTERRUPTED, Doubt.CLOCK, 1)
        assert world.lytics.pages_read == 1
        assert (await world.job(job.key)).cause is Cause.CLOCKS

        world.clock.wrong_seconds, world.lytics.on_page = 0.0, None
        await asyncio.sleep(150)
        assert set(world.mapp.held) == set(INSIDE)
        await world.stop()

    in_virtual_time(story)


@pytest.mark.parametrize("wrong_seconds", [75.0, -0.5], ids=["ahead of Lytics'", "before the scan began"])
def test_a_scan_whose_clock_was_set_before_its_end_says_nothing_of_who_left(
    tmp_path: Path, wrong_seconds: float
) -> None:
    async def story() -> None:
        world = WrongWorld(tmp_path)
        job = await world.add_job()
        await asyncio.sleep(10)
        del world.lytics.members[INSIDE[0]]

        async def set_at_the_last_page(lytics: FakeLytics) -> None:
            if lytics.pages_read == 6:
                world.clock.wrong_seconds = wrong_seconds

        world.lytics.on_page = set_at_the_last_page
        await world.change(job.key, scan_wanted="reconcile")
        await asyncio.sleep(20)
        scan = await world.scan_of(job)
        assert (scan.kind, scan.state, scan.reason) == ("reconcile", ScanState.COMPLETED, Doubt.CLOCK)
        assert world.mapp.held[INSIDE[0]] is True
        await world.stop()

    in_virtual_time(story)


def test_an_exit_is_never_overruled_by_a_scan_of_a_clock_that_runs_ahead(tmp_path: Path) -> None:
    async def story() -> None:
        world = WrongWorld(tmp_path)
        job = await world.add_job()
        await asyncio.sleep(10)
        gone = INSIDE[0]
        await world.trigger(gone, is_in=False)  # the scan lags: it still shows this person
        world.clock.wrong_seconds = 300.0
        await world.change(job.key, scan_wanted="reconcile")
        await asyncio.sleep(100)  # whoever finds the ledger's clock set claims nothing for a minute
        assert world.mapp.held[gone] is False
        await world.stop()

    in_virtual_time(story)
