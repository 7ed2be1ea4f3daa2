"""Claims, edits, triggers and the brake from several processes at once: who waits for whom, and what is seen after."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.store.processes import SOMEBODY_WAITS, SOON, Process, Start, processes, until
from tests.store.stores import HOLD_MS, a_job, all_in, names, seen
from tests.store.test_store_intake import exits, share
from usher.domain.job import Status
from usher.domain.observation import Source
from usher.domain.removal_brake import PEOPLE
from usher.store import delivery, intake, jobs, ledger, scans
from usher.store.database import Txn
from usher.store.statements import LANE_LIVE, statements_for

SQL = statements_for("postgresql")


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; they end with the test."""
    async with processes() as start_one:
        yield start_one


async def with_a_job(process: Process, *members: str) -> Any:
    """Make a job in which *members* are, each of them owed."""

    def work(txn: Txn) -> Any:
        job = jobs.add_job(txn, a_job())
        ledger.observe(txn, SQL, job.key, all_in(members), source=Source.TRIGGER)
        return job

    return await process.write(work)


async def test_an_edit_waits_for_the_claims_under_way_and_stops_those_after_it(start: Start, postgres_url: str) -> None:
    worker, desk = start(postgres_url), start(postgres_url, is_desk=True)
    job = await with_a_job(worker, "jo", "al")
    has_claimed, edited = threading.Event(), threading.Event()

    def claim_slowly(txn: Txn) -> bool:
        assert jobs.writes_as(txn, job)
        assert len(ledger.claim(txn, SQL, job.key, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)) == 1
        has_claimed.set()
        until(postgres_url, SOMEBODY_WAITS)
        return edited.is_set()

    claiming = asyncio.ensure_future(worker.write(claim_slowly))
    assert await asyncio.to_thread(has_claimed.wait, SOON)
    await desk.write(lambda txn: jobs.change_job(txn, job.key, status=Status.KILLED))
    edited.set()

    assert await claiming is False, "the edit came after the claim's commit"
    taking = delivery.SqlDelivery(worker.database, SQL).claim(job, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
    assert await taking is None


async def test_a_claim_that_waits_for_an_edit_sees_what_it_changed(start: Start, postgres_url: str) -> None:
    worker, desk = start(postgres_url), start(postgres_url, is_desk=True)
    job = await with_a_job(worker, "jo")
    has_edited = threading.Event()

    def edit_slowly(txn: Txn) -> None:
        jobs.change_job(txn, job.key, status=Status.PAUSED, mapp_auth="another")
        has_edited.set()
        until(postgres_url, SOMEBODY_WAITS)

    editing = asyncio.ensure_future(desk.write(edit_slowly))
    assert await asyncio.to_thread(has_edited.wait, SOON)
    taking = delivery.SqlDelivery(worker.database, SQL).claim(job, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
    assert await asyncio.wait_for(taking, SOON) is None
    await editing


async def test_triggers_do_not_wait_for_claims(start: Start, postgres_url: str) -> None:
    worker, other = start(postgres_url), start(postgres_url)
    job = await with_a_job(worker, "jo", "al")
    has_claimed, go_on = threading.Event(), threading.Event()

    def claim_slowly(txn: Txn) -> bool:
        assert jobs.writes_as(txn, job)
        ledger.claim(txn, SQL, job.key, lane=LANE_LIVE, limit=1, hold_ms=HOLD_MS)
        has_claimed.set()
        return go_on.wait(SOON)

    claiming = asyncio.ensure_future(worker.write(claim_slowly))
    assert await asyncio.to_thread(has_claimed.wait, SOON)
    taking = intake.SqlIntake(other.database, SQL).take_in("lytics1", share((seen("new", True, 9),)))
    await asyncio.wait_for(taking, SOON)
    assert not claiming.done()
    go_on.set()
    assert await claiming


async def test_no_exit_slips_past_a_brake_that_another_process_sets(start: Start, postgres_url: str) -> None:
    first, second = start(postgres_url), start(postgres_url)
    job = await with_a_job(first, *names(PEOPLE + 1))
    has_sorted = threading.Event()
    leave = share(*exits(PEOPLE + 1))

    def sort_slowly(found: list[Any], now_ms: int) -> Any:
        has_sorted.set()
        until(postgres_url, SOMEBODY_WAITS)
        return leave(found, now_ms)

    braking = asyncio.ensure_future(intake.SqlIntake(first.database, SQL).take_in("lytics1", sort_slowly))
    assert await asyncio.to_thread(has_sorted.wait, SOON)
    late = share((seen("late", True, 1),), (seen("late", False, 2),))
    await asyncio.wait_for(intake.SqlIntake(second.database, SQL).take_in("lytics1", late), SOON)
    await braking

    assert await first.read(lambda txn: jobs.job_by_key(txn, job.key).exits_held)
    assert await first.fetch("SELECT DISTINCT lane FROM ledger WHERE is_in = 0 AND due_at IS NOT NULL") == [(2,)]
    counted = await first.read(lambda txn: scans.counters_of(txn, job.key))
    assert counted["triggers.received"] == PEOPLE + 3
