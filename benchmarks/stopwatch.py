"""What some work cost: by the wall, and on the processor."""

import asyncio
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P, Result = ParamSpec("P"), TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Measured:
    """People a second by the wall, and processor microseconds of the measuring process a person."""

    per_second: float
    cpu_micros: float


class Stopwatch:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def measured(self, people: int) -> Measured:
        wall, cpu = time.perf_counter() - self._wall, cpu_seconds() - self._cpu
        return Measured(people / wall, cpu / people * 1e6)


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """Return the processor seconds of this process so far, all threads, user and system."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def apart(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Call *function* in a process of its own, so that nothing measured before it weighs on it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return await asyncio.wrap_future(pool.submit(function, *args, **kwargs))
