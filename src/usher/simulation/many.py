"""Many seeds, one after the other or in several processes; what came of them is told in the order of the seeds."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count as counting
from typing import Any

from usher.simulation.run import run_seed

LAST_LINES = 80
CHUNK = 4  # seeds handed to a process at once


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one seed, as it passes between processes; what is long is there only where a promise broke."""

    seed: int
    virtual_seconds: float
    steps: int
    requests: int
    promise: str = ""
    seen: str = ""
    world: tuple[str, ...] = ()
    trace: str = ""

    @property
    def is_broken(self) -> bool:
        return bool(self.promise)


@dataclass
class Total:
    """What came of all of them; *seconds* are real ones."""

    first: int
    seeds: int = 0
    seconds: float = 0.0
    virtual_seconds: float = 0.0
    steps: int = 0
    requests: int = 0
    broken: list[Found] = field(default_factory=list)

    def add(self, found: Found) -> None:
        self.seeds += 1
        self.virtual_seconds += found.virtual_seconds
        self.steps += found.steps
        self.requests += found.requests
        if found.is_broken:
            self.broken.append(found)

    @property
    def per_second(self) -> float:
        return self.seeds / self.seconds if self.seconds else 0.0


Told = Callable[[Total], None]


def find(seed: int, *, is_whole: bool = False) -> Found:
    """Run one seed; *is_whole*: keep the whole trace, and even where nothing broke."""
    run = run_seed(seed)
    broken, last = run.broken, None if is_whole else LAST_LINES
    kept: dict[str, Any] = {}
    if broken is not None:
        kept = {"promise": broken.promise, "seen": broken.seen}
    if broken is not None or is_whole:
        kept |= {"world": tuple(run.draw.lines()), "trace": run.trace.text(last=last)}
    return Found(seed, run.seconds, run.steps, run.requests, **kept)


def run_many(
    first: int,
    seeds: int | None,
    *,
    seconds: float | None = None,
    workers: int = 1,
    clock: Callable[[], float],
    told: Told,
) -> Total:
    """
    Run seeds from *first* on; an interrupt (Ctrl-C) ends it early, with what was found until then.

    Args:
        seeds: how many; None: as many as the time allows.
        seconds: after so many (by *clock*) no further one is begun; None: however long it takes.
        told: called after each seed, in their order.
    """
    total, began = Total(first), clock()
    order = counting(first) if seeds is None else range(first, first + seeds)
    with _running(order, workers) as results, suppress(KeyboardInterrupt):
        for found in results:
            total.add(found)
            total.seconds = clock() - began
            told(total)
            if seconds is not None and total.seconds >= seconds:
                break
    return total


@contextmanager
def _running(order: Iterable[int], workers: int) -> Iterator[Iterator[Found]]:
    if workers == 1:
        yield map(find, order)
        return
    with multiprocessing.get_context("spawn").Pool(workers, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield _in_order(pool, iter(order), workers)


def _in_order(pool: Any, order: Iterator[int], workers: int) -> Iterator[Found]:
    """Keep every process busy, and no more waiting than that, for there may be seeds without end."""
    waiting: list[Any] = []
    for seed in order:
        waiting.append(pool.apply_async(find, (seed,)))
        if len(waiting) >= CHUNK * workers:
            yield waiting.pop(0).get()
    for result in waiting:
        yield result.get()
