"""Runs seeds: each is one world, from its first line to its last, and what became of it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from usher.simulation.draws import Draw, draw_world
from usher.simulation.journal import listening
from usher.simulation.loop import SpinningError
from usher.simulation.stage import Broken
from usher.simulation.trace import Trace
from usher.simulation.world import World


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: it is little, and looking for it takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one seed; *broken* is None where every promise held."""

    seed: int
    draw: Draw
    broken: Broken | None
    trace: Trace
    seconds: float
    steps: int
    requests: int


def run_seed(seed: int) -> Run:
    """Run the world of one seed. The same seed gives the same trace, byte for byte."""
    rng, trace = Random(seed), Trace()  # noqa: S311 - the seed decides everything
    world = World(draw_world(rng), rng, trace)
    stage = world.stage
    with listening(stage), _uncollected():
        try:
            world.run()
        except SpinningError as error:
            stage.breaks("nobody spins", str(error))
    steps = sum(worker.process.steps for worker in world.workers)
    return Run(seed, stage.draw, stage.broken, trace, stage.loop.time(), steps, world.mapp.requests)
