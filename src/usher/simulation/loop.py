"""
An event loop in which time is a number, and in which whole processes can be stopped, continued and killed.

Each callback belongs to a process, by its context. Within a process callbacks run in asyncio's order; which process
runs next is drawn. Time passes only when nobody that may run has anything to do. So one seed is one run.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
MOST_STEPS_AT_ONCE = 100_000  # without any time passing; more is a loop that spins
MOST_FINALLY = 10  # blocks that may wait for something on the way out of one coroutine


class SpinningError(Exception):
    """Something runs again and again, and never waits."""


class State(Enum):
    """What the scheduler may do with a process."""

    RUNNING = "running"
    STOPPED = "stopped"
    DEAD = "dead"


class Step(asyncio.TimerHandle):
    """One callback that waits for its turn, or for its time."""

    __slots__ = ("arguments", "callback", "home", "is_cancelled", "place")

    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...], home: Context) -> None:
        self.callback = callback
        self.arguments = arguments
        self.home = home
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class Process:
    """
    What can be stopped and killed: some tasks, and whatever they start.

    Args:
        time: tells the virtual time.
        trap: called instead of the step whose number is *trap_at*; that step is run later, if at all.
    """

    def __init__(self, name: str, time: Callable[[], float]) -> None:
        self.name = name
        self.went_on_at = float("-inf")
        self._time = time
        self.state = State.RUNNING
        self.ready: deque[Step] = deque()
        self.steps = 0
        self.trap_at = -1
        self.trap: Callable[[], None] = self.stop
        self.context = copy_context()
        self.context.run(PROCESS.set, self)

    def stop(self) -> None:
        """Run nothing until continued, as SIGSTOP does; timers run out all the same."""
        if self.state is State.RUNNING:
            self.state = State.STOPPED

    def go_on(self) -> None:
        if self.state is State.STOPPED:
            self.state = State.RUNNING
            self.went_on_at = self._time()

    def kill(self) -> None:
        """Never run anything again, not even a finally block, as SIGKILL does."""
        self.state = State.DEAD
        self.ready.clear()

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* as this process would."""
        return asyncio.get_running_loop().create_task(work, context=self.context.copy())


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Task(asyncio.Task[T]):
    """A task whose place in a set is its number, and not its address: sets are iterated over."""

    def __init__(self, work: Any, *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(work, **options)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.AbstractEventLoop):
    """
    Runs until what is waited for is done, or somebody stops it.

    Args:
        rng: draws which process runs next.
        failed: told what nobody caught, as asyncio would log it.
    """

    def __init__(self, rng: Random, *, failed: Callable[[dict[str, Any]], None]) -> None:
        self.outside = Process("outside", self.time)
        self._random = rng.random
        self._failed = failed
        self._now = 0.0
        self._number = 0
        self._at_once = 0
        self._timers: list[tuple[float, int, Step]] = []
        self._processes = [self.outside]
        self._tasks: list[asyncio.Task[Any]] = []  # all of them, so that none is collected, and cleaned up, meanwhile
        self._is_closed = False
        self._is_stopping = False

    def new_process(self, name: str) -> Process:
        self._processes = [one for one in self._processes if one.state is not State.DEAD]
        self._processes.append(Process(name, self.time))
        return self._processes[-1]

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._is_closed

    def is_closed(self) -> bool:
        return self._is_closed

    def stop(self) -> None:
        """End the run after the present step."""
        self._is_stopping = True

    # asyncio's own types tie the callback to its arguments; nothing here looks at either.
    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        self._make_ready(step)
        return step

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Step:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, step))
        return step

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: _Task[Any] = _Task(coro, number=len(self._tasks), loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._is_closed:
            self._failed(context)

    def run_until_complete(self, future: Any) -> Any:
        """Run until *future* is done or the loop was stopped; return its result, or None where there is none."""
        awaited = asyncio.ensure_future(future, loop=self)
        asyncio._set_running_loop(self)  # noqa: SLF001 - asyncio exports it, for those who write loops
        try:
            while not (awaited.done() or self._is_stopping):
                self._turn()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - as above
        return awaited.result() if awaited.done() else None

    def close(self) -> None:
        """Close every coroutine that was left where it stood; nothing that it does counts any more."""
        self._is_closed = True
        for task in self._tasks:
            if not task.done():
                _close(task.get_coro())
        self._timers.clear()

    def _make_ready(self, step: Step) -> None:
        process = step.home.get(PROCESS) or self.outside
        if process.state is not State.DEAD:
            process.ready.append(step)

    def _turn(self) -> None:
        runnable = [one for one in self._processes if one.ready and one.state is State.RUNNING]
        if not runnable:
            self._let_time_pass()
            return
        process = runnable[0] if len(runnable) == 1 else runnable[int(self._random() * len(runnable))]
        if process.steps == process.trap_at:
            process.trap_at = -1
            process.trap()
            return
        step = process.ready.popleft()
        if not step.is_cancelled:
            self._run(process, step)

    def _run(self, process: Process, step: Step) -> None:
        process.steps += 1
        self._at_once += 1
        if self._at_once > MOST_STEPS_AT_ONCE:
            raise SpinningError(process.name)
        try:
            step.home.run(step.callback, *step.arguments)
        except Exception as error:  # noqa: BLE001 - a loop's top: whoever watches is told
            self.call_exception_handler({"message": "A callback failed.", "exception": error})

    def _let_time_pass(self) -> None:
        self._at_once = 0
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        if not timers:
            raise SpinningError("Nobody waits for anything.")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            step = heapq.heappop(timers)[2]
            if not step.is_cancelled:
                self._make_ready(step)


def _close(coroutine: Any) -> None:
    for _ in range(MOST_FINALLY):
        with suppress(Exception):  # a finally block waits, or fails; close that wait too
            coroutine.close()
            return
