"""One deadline for everything that ends: what hangs is left behind and named, and the rest ends all the same."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.engine.world import World, in_virtual_time
from usher.engine.ending import Ending


def test_all_ends_together_have_one_deadline_and_what_was_not_waited_for_is_told_in_one_line() -> None:
    ended: list[str] = []

    async def take(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(name)

    async def end_at_once() -> None:
        ended.append("four")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        ending, began = Ending(within_seconds=10), loop.time()
        await ending.of("one", take("one", 4))
        await ending.of("two", take("two", 7))
        await ending.of("three", take("three", 1))
        await ending.of("four", end_at_once())
        assert loop.time() - began == pytest.approx(10)
        ending.tell()

    with structlog.testing.capture_logs() as said:
        in_virtual_time(story)

    assert ended == ["one", "four"], "what needs no time ends even when there is none left"
    assert [(line["event"], line["left"]) for line in said] == [("ended_without", ["two", "three"])]


def test_where_all_ended_in_time_nothing_is_said() -> None:
    async def story() -> None:
        ending = Ending(within_seconds=1)
        await ending.of("one", asyncio.sleep(0.5))
        ending.tell()

    with structlog.testing.capture_logs() as said:
        in_virtual_time(story)

    assert said == []


def test_an_end_that_fails_is_said_and_one_with_a_deadline_of_its_own_is_left_behind() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def story() -> None:
        ending = Ending(within_seconds=1)
        await ending.of("one", fail(OSError()))
        await ending.of("two", fail(TimeoutError()))
        ending.tell()

    with structlog.testing.capture_logs() as said:
        in_virtual_time(story)

    assert [(line["event"], line.get("what"), line.get("left")) for line in said] == [
        ("ending_failed", "one", None),
        ("ended_without", None, ["two"]),
    ]


def test_an_engine_whose_database_hangs_stops_in_time_and_keeps_no_loop_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: Any) -> None:
        await asyncio.Event().wait()

    async def story() -> None:
        loop, world = asyncio.get_running_loop(), World(tmp_path)
        world.lytics.members = {f"p{number}@example.com": None for number in range(300)}
        await world.add_job()
        await asyncio.sleep(0.5)
        assert world.mapp.requests > 0
        monkeypatch.setattr(world.database, "write", hang)
        monkeypatch.setattr(world.database, "read", hang)
        await asyncio.sleep(2)
        world._running.cancel()
        began = loop.time()
        stopping = asyncio.create_task(world.engine.stop(within_seconds=11))
        await asyncio.wait({stopping}, timeout=60)
        assert isinstance(stopping.exception(), TimeoutError)
        assert loop.time() - began == pytest.approx(11)
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()  # as the end of a loop does
        await asyncio.sleep(0.1)
        assert all(task.done() for task in left), "nothing waits for the database any more"
        await world.database.close()

    in_virtual_time(story)
