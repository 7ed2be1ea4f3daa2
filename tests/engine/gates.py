"""
Gates: whatever one pretend process runs can be held back, let go on, or ended where it stands.

A stopped process does nothing, though its timers run out and what it asked of others is done all the same. So each
task that a process starts is wrapped: its next step waits until the gate is open.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, cast

import looptime

T = TypeVar("T")
MOST_FINALLY = 10  # blocks that may wait for something on the way out of one coroutine


class Gate:
    """What one process's tasks pass at each step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_shut = False
        self.is_dead = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: list[asyncio.Future[None]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* as this process would."""
        context = copy_context()
        context.run(OWNER.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def shut(self) -> None:
        """Let nothing run from now on."""
        self.is_shut = True

    def open(self) -> None:
        """Let everything go on."""
        self.is_shut = False
        held, self._held = self._held, []
        for future in held:
            if not future.done():
                future.set_result(None)

    def kill(self) -> None:
        """End everything where it stands; nothing of it runs any more."""
        self.is_dead = True
        for task in list(self._tasks):
            task.cancel()

    def admit(self, task: asyncio.Task[Any]) -> None:
        """Take in a task that this process started."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def hold(self) -> Any:
        """Return what a coroutine yields to wait until the gate opens."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(future)
        return next(future.__await__())


OWNER: ContextVar[Gate | None] = ContextVar("owner", default=None)
OUTSIDE = Context()  # of what goes on though the process that asked for it is stopped or dead


class Gated(Coroutine[Any, Any, Any]):
    """A coroutine that steps only while its gate is open."""

    def __init__(self, inner: Coroutine[Any, Any, Any], gate: Gate) -> None:
        self._inner = inner
        self._gate = gate
        self._error: BaseException | None = None  # thrown in while the gate was shut

    def send(self, value: Any) -> Any:
        if self._gate.is_dead:
            self.close()
            raise asyncio.CancelledError
        if self._gate.is_shut:
            return self._gate.hold()
        if self._error is not None:
            error, self._error = self._error, None
            return self._inner.throw(error)
        return self._inner.send(value)

    def throw(self, *thrown: Any) -> Any:
        if self._gate.is_dead:
            self.close()
            raise thrown[0]
        if self._gate.is_shut:
            self._error = thrown[0]
            return self._gate.hold()
        return self._inner.throw(*thrown)

    def close(self) -> None:
        for _ in range(MOST_FINALLY):
            with contextlib.suppress(RuntimeError):  # a finally block waits; close that wait too
                self._inner.close()
                return

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


def _gated_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    context = options.get("context")
    gate = OWNER.get() if context is None else context.get(OWNER)
    if gate is None:
        return asyncio.Task(work, loop=loop, **options)
    task = asyncio.Task(cast(Coroutine[Any, Any, Any], Gated(work, gate)), loop=loop, **options)
    gate.admit(task)
    return task


def in_gated_time(story: Callable[[], Awaitable[None]], *, at_most_seconds: float = 86_400) -> None:
    """Run *story* in a loop whose time passes only while everybody waits, and whose tasks pass their gates."""
    loop = looptime.new_event_loop(end=at_most_seconds, noop_cycles=0)
    loop.set_task_factory(_gated_task)
    try:
        loop.run_until_complete(story())
    finally:
        loop.run_until_complete(_end_all())
        loop.close()


async def _end_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
