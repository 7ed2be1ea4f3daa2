"""The loop that simulated worlds run in: what may be stopped, killed and continued, and when time passes."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from usher.simulation.loop import SpinningError, VirtualLoop

Story = Callable[[VirtualLoop], Coroutine[Any, Any, None]]


def run(story: Story, *, seed: int = 1) -> list[dict[str, Any]]:
    failures: list[dict[str, Any]] = []
    loop = VirtualLoop(Random(seed), failed=failures.append)  # type: ignore[abstract] # as the product makes it
    try:
        loop.run_until_complete(story(loop))
    finally:
        loop.close()
    return failures


def test_time_passes_only_while_everybody_waits() -> None:
    async def story(loop: VirtualLoop) -> None:
        await asyncio.sleep(86_400)
        assert loop.time() == 86_400
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert loop.time() == 86_400

    assert run(story) == []


def test_a_killed_process_runs_nothing_more_not_even_a_finally_block() -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            done.append("began")
            await asyncio.sleep(5)
            done.append("went on")
        finally:
            done.append("cleaned up")

    async def story(loop: VirtualLoop) -> None:
        process = loop.new_process("one")
        process.run(work())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(60)
        assert done == ["began"]

    assert run(story) == []


def test_a_stopped_process_finds_its_timers_run_out_when_it_goes_on() -> None:
    at: list[float] = []

    async def work(loop: VirtualLoop) -> None:
        await asyncio.sleep(2)
        at.append(loop.time())
        await asyncio.sleep(2)
        at.append(loop.time())

    async def story(loop: VirtualLoop) -> None:
        process = loop.new_process("one")
        process.run(work(loop))
        await asyncio.sleep(1)
        process.stop()
        await asyncio.sleep(29)
        assert at == []
        process.go_on()
        await asyncio.sleep(5)

    run(story)
    assert at == [30, 32]


def test_what_a_process_starts_belongs_to_it() -> None:
    done: list[str] = []

    async def child() -> None:
        await asyncio.sleep(2)
        done.append("child")

    async def parent(loop: VirtualLoop) -> None:
        kept = asyncio.create_task(child())
        loop.call_later(2, done.append, "timer")
        await kept

    async def story(loop: VirtualLoop) -> None:
        process = loop.new_process("one")
        process.run(parent(loop))
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(5)

    run(story)
    assert done == []


@pytest.mark.parametrize("step", range(1, 6))
def test_a_process_can_be_ended_before_any_of_its_steps(step: int) -> None:
    steps: list[int] = []

    async def work() -> None:
        for number in range(10):
            steps.append(number)
            await asyncio.sleep(0)

    async def story(loop: VirtualLoop) -> None:
        process = loop.new_process("one")
        process.trap, process.trap_at = process.kill, step
        process.run(work())
        await asyncio.sleep(1)

    run(story)
    assert steps == list(range(step))


def test_a_seed_decides_who_runs_next() -> None:
    def order_of(seed: int) -> str:
        order: list[str] = []

        async def work(name: str) -> None:
            for _ in range(20):
                order.append(name)
                await asyncio.sleep(0)

        async def story(loop: VirtualLoop) -> None:
            for name in "abc":
                loop.new_process(name).run(work(name))
            await asyncio.sleep(1)

        run(story, seed=seed)
        return "".join(order)

    assert order_of(1) == order_of(1)
    assert len({order_of(seed) for seed in range(5)}) == 5


def test_timeouts_and_cancelled_timers_work_as_in_asyncio() -> None:
    async def story(loop: VirtualLoop) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.sleep(10)
        assert loop.time() == 3
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 4)
        assert loop.time() == 7
        loop.call_later(5, lambda: None).cancel()
        await asyncio.sleep(1)
        assert loop.time() == 8

    assert run(story) == []


def test_a_callback_that_fails_is_told_and_stops_nobody() -> None:
    async def story(loop: VirtualLoop) -> None:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    assert [type(failure["exception"]) for failure in run(story)] == [ZeroDivisionError]


def test_a_loop_that_spins_is_ended() -> None:
    async def story(loop: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110 - that is the fault
            await asyncio.sleep(0)

    with pytest.raises(SpinningError):
        run(story)
