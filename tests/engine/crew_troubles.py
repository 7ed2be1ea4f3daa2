"""What happens to a crew at random. Each trouble leaves as many at work as it found."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from tests.engine.crew_world import HOUR_MS, CrewWorld

Trouble = Callable[[CrewWorld, Random, float], Awaitable[None]]


async def stop_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    one.stop()
    await asyncio.sleep(seconds)
    one.go_on()


async def kill_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    rng.choice(world.running).kill()
    await asyncio.sleep(rng.uniform(0, 3))
    world.join(wall_ahead_ms=rng.choice([0, HOUR_MS, -HOUR_MS]))


async def end_one(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    world.join()
    await one.end()


async def cut_one_off(world: CrewWorld, rng: Random, seconds: float) -> None:
    one = rng.choice(world.running)
    one.database.is_cut_off = True
    await asyncio.sleep(seconds)
    one.database.is_cut_off = False


TROUBLES: tuple[Trouble, ...] = (stop_one, kill_one, end_one, cut_one_off)
