"""The disk full or broken, and too many open files, under a service at work: it refuses, lives on, and recovers."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest

from tests.acceptance.stack import until
from tests.crash.failing import (
    NO_STRACE,
    failed_calls,
    fill,
    has_strace,
    injected,
    limited,
    lowest_free_file,
    small_disk,
)
from tests.crash.sender import Sender
from tests.crash.test_crash_points import assert_nothing_was_lost, fetch_from
from tests.crash.world import World, Zygote, world, zygote
from tools.measuring import Measured

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]
RECOVERS_WITHIN_SECONDS = 60
WRITES, SYNCS = "pwrite64,ftruncate", "fdatasync,fsync"
MOST_CALLS = 60  # of one kind that a message can need; a loop that goes on longer would never end
AT_EVERY_COMMIT = 1
DISK_KIB = 6_000


@pytest.fixture(scope="module")
def warm() -> Iterator[Zygote]:
    with zygote() as made:
        yield made


@asynccontextmanager
async def at_work(folder: Path, warm: Zygote, **service: Any) -> AsyncIterator[tuple[World, Sender]]:
    """A service with a job that has told everybody; afterwards all that was acknowledged must be there."""
    async with world(folder, warm) as one:
        await one.start_service(**service)
        await one.ensure_export()
        await one.come_to_rest()
        lytics = next(auth["id"] for auth in await one.api("GET", "/v2/auth") if auth["label"] == "Lytics")
        sender = Sender(one, await one.api("GET", f"/v2/auth/{lytics}/trigger-endpoint"))
        assert await sender.is_taken()
        yield one, sender
        await until(sender.is_taken, seconds=RECOVERS_WITHIN_SECONDS)
        await one.move("exit", 1)
        await one.come_to_rest()
        assert one.starts == 1
        assert await sender.unknown_to_mapp() == set()
        fetch = fetch_from(folder / "data" / "usher.db")
        await assert_nothing_was_lost(one, fetch)
        assert fetch("PRAGMA integrity_check") == [("ok",)]


async def answers_health(one: World) -> bool:
    return await one._answers(f"{one.url}/healthz")


async def refuse_for_a_while(one: World, sender: Sender) -> None:
    """Until the fault shows, and for some time after it; Lytics has events of its own meanwhile."""
    await until(sender.is_refused, seconds=20, every=0)
    await one.move("exit", 2)
    for _ in range(20):
        assert await sender.send() in {200, 503}
        await asyncio.sleep(0.05)
    assert await answers_health(one)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", kib=DISK_KIB) as is_mounted:
        if not is_mounted:
            pytest.skip("This system lets nobody mount a small disk; another test limits the size of files instead.")
        yield tmp_path / "disk"


async def test_a_full_disk_is_answered_503_until_it_is_freed(disk: Path, warm: Zygote, measured: Measured) -> None:
    async with at_work(disk / "world", warm) as (one, sender):
        ballast = fill(disk)
        await refuse_for_a_while(one, sender)
        ballast.unlink()
        freed = monotonic()
        await until(sender.is_taken, seconds=RECOVERS_WITHIN_SECONDS, every=0.05)
        measured("crash.recovery_seconds", round(monotonic() - freed, 2))
        measured("crash.refused", sender.statuses[503])


async def test_files_that_may_not_grow_are_as_a_full_disk(tmp_path: Path, warm: Zygote, measured: Measured) -> None:
    async with at_work(tmp_path / "world", warm) as (one, sender):
        assert one.service_pid is not None
        with limited(one.service_pid, resource.RLIMIT_FSIZE, 0):
            await refuse_for_a_while(one, sender)
        freed = monotonic()
        await until(sender.is_taken, seconds=RECOVERS_WITHIN_SECONDS, every=0.05)
        measured("crash.recovery_seconds", round(monotonic() - freed, 2))
        measured("crash.refused", sender.statuses[503])


async def test_with_too_many_open_files_it_takes_what_it_can_and_refuses_nothing_for_good(
    tmp_path: Path, warm: Zygote
) -> None:
    async with at_work(tmp_path / "world", warm) as (one, sender):
        assert one.service_pid is not None
        with limited(one.service_pid, resource.RLIMIT_NOFILE, lowest_free_file(one.service_pid)):
            await one.move("exit", 2)
            for _ in range(10):
                assert await sender.send() in {200, 503}  # by the connection that is open
                assert not await _can_connect(one)
            assert await answers_health(one)
        await until(lambda: _can_connect(one), seconds=RECOVERS_WITHIN_SECONDS)


async def _can_connect(one: World) -> bool:
    timeout = aiohttp.ClientTimeout(total=0.3)
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with aiohttp.ClientSession(timeout=timeout) as fresh, fresh.get(f"{one.url}/healthz") as answer:
            return answer.status == 200
    return False


@pytest.mark.parametrize(
    ("calls", "error"),
    [(WRITES, "ENOSPC"), (WRITES, "EIO"), (SYNCS, "EIO")],
    ids=["no_space_to_write", "writes_fail", "syncs_fail"],
)
async def test_each_call_to_the_disk_may_fail_once(
    tmp_path: Path, warm: Zygote, measured: Measured, calls: str, error: str
) -> None:
    if not has_strace():
        pytest.skip(NO_STRACE)
    async with at_work(tmp_path / "world", warm, checkpoint_pages=AT_EVERY_COMMIT) as (one, sender):
        assert one.service_pid is not None
        failed = 0
        for nth in count(1):
            log = tmp_path / f"calls{nth}"
            async with injected(one.service_pid, calls, error, nth=str(nth), log=log):
                assert await sender.send() in {200, 503}
                await asyncio.sleep(0.1)  # what it owes now is claimed, sent and settled under the same fault
            if not failed_calls(log):
                break
            failed += failed_calls(log)
            assert nth < MOST_CALLS
        assert sender.statuses[503] > 0
        measured("crash.failed_calls", failed)
