"""One Mapp account that answers nobody slows no other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.hostile.house import House, house, until
from tests.hostile.proxy import proxy_to
from tests.hostile.scripted import Asked, answer, scripted
from tools.measuring import Measured
from usher.domain.job import Job, Status

PEOPLE = 600
ANSWER_SECONDS = 0.02
MOST_SLOWER = 1.10
TRIES = 5  # others work on this machine too; what it can do at its best is what is compared


async def slow_but_sure(asked: Asked) -> None:
    await asyncio.sleep(ANSWER_SECONDS)
    await asked.say(answer())


@asynccontextmanager
async def two_accounts(folder: Path, *, is_dead: bool) -> AsyncIterator[tuple[House, Job]]:
    """Run a house whose job owes as much to the other account, where that is dead, as to the live one."""
    async with scripted(slow_but_sure) as live, scripted(slow_but_sure) as other, proxy_to(other.port) as way:
        way.partition(up=True)
        async with house(folder, {"live": live.port, "other": way.port}) as standing:
            job = await standing.add_job(mapp="live", mapp_attribute_name="vip")
            if is_dead:
                sleeping = await standing.add_job(mapp="other", mapp_attribute_name="vip")
                await standing.trigger({f"p{number}@example.com": True for number in range(PEOPLE)}, mapp="other")
                await until(lambda: is_asleep(standing, sleeping), what="the dead account's job never slept")
            yield standing, job


async def is_asleep(standing: House, job: Job) -> bool:
    return (await standing.job(job.key)).status is Status.SLEEPING


async def seconds_to_tell_everybody(folder: Path, *, is_dead: bool) -> float:
    folder.mkdir()  # noqa: ASYNC240 - nobody waits meanwhile
    async with two_accounts(folder, is_dead=is_dead) as (standing, job):
        began = time.perf_counter()
        await standing.trigger({f"p{number}@example.com": True for number in range(PEOPLE)}, mapp="live")
        await until(lambda: has_told_all(standing, job))
        return time.perf_counter() - began


async def has_told_all(standing: House, job: Job) -> bool:
    rows = await standing.rows(job.key)
    return len(rows) == PEOPLE and all(row.due_at is None and row.accepted == 1 for row in rows)


async def test_one_dead_account_slows_no_other_by_more_than_a_tenth(tmp_path: Path, measured: Measured) -> None:
    alone, beside = [], []
    for number in range(TRIES):
        alone.append(await seconds_to_tell_everybody(tmp_path / f"alone{number}", is_dead=False))
        beside.append(await seconds_to_tell_everybody(tmp_path / f"beside{number}", is_dead=True))
        if number and min(beside) <= MOST_SLOWER * min(alone):
            break
    ratio = min(beside) / min(alone)
    assert ratio <= MOST_SLOWER, (alone, beside)
    measured("isolation.slower_percent", round(max(0.0, ratio - 1) * 100, 1))
