"""A courier claims only while this worker is counted among the living."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.store.stores import a_job
from usher.clock import SystemClock
from usher.domain.claim import Claim, Settlement
from usher.domain.job import Job
from usher.domain.outcome import Accepted, Outcome
from usher.domain.pace import Limits, Pace
from usher.engine.courier import Courier
from usher.engine.telemetry import Telemetry
from usher.settings import Timing

LIMITS = Limits(per_second=None, in_flight=4)


class Lease:
    """Ends with the first claim, as for a process that is stopped while it waits for the answer."""

    def __init__(self) -> None:
        self.holds = True
        self.asked: list[int] = []
        self.ended = asyncio.Event()

    async def claim(self, job: Job, *, lane: int, limit: int, hold_ms: int) -> list[Claim]:
        self.asked.append(job.key)
        self.holds = False
        asyncio.get_running_loop().call_soon(self.ended.set)
        return []

    async def settle(self, settlements: Sequence[Settlement]) -> set[int]:
        return set()

    async def next_due_ms(self, job: int) -> int | None:
        return None


class NoMapp:
    async def ping(self) -> None: ...

    async def groups(self) -> dict[str, str]:
        return {}

    async def send(self, *_: object, **__: object) -> Outcome:
        return Accepted()


@pytest.mark.parametrize("jobs", [2, 5])
async def test_a_worker_that_was_stopped_while_it_claimed_claims_nothing_for_its_other_jobs(jobs: int) -> None:
    lease = Lease()
    courier = Courier(
        "mapp1",
        mapp=NoMapp(),
        limits=LIMITS,
        pace=Pace(requests_per_second=None, max_in_flight=4),
        may_claim=lambda: lease.holds,
        store=lease,
        clock=SystemClock(),
        rng=Random(1),
        timing=Timing.model_validate({}),
        telemetry=Telemetry(),
        notify=lambda: None,
    )
    courier.serve(replace(a_job(), key=key) for key in range(1, jobs + 1))
    running = asyncio.create_task(courier.run())
    await asyncio.wait_for(lease.ended.wait(), 10)
    courier.ring()
    await asyncio.sleep(0)

    await courier.stop(within_seconds=1)
    await asyncio.wait_for(running, 10)

    assert len(lease.asked) == 1
