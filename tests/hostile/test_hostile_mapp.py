"""The whole way from trigger to Mapp, while Mapp and the network answer with everything that they ever might."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.hostile.answers import ACCEPTED, ANSWERS, LATER, REJECTED, STOPS, UNKNOWN
from tests.hostile.house import TIMEOUT, House, house, until
from tests.hostile.proxy import FAIR, Way, Weather, proxy_to
from tests.hostile.scripted import Asked, answer, scripted
from tools.measuring import Measured
from usher.domain.job import Job

PEOPLE = 200
FAULTS = 150
MOST_CHANGES = 20_000
MOST_STOPS = 2  # each costs a probe's wait
LANDS_WITHIN = TIMEOUT + 0.1  # of the quarantine's 0.2 s, so that a slow machine breaks no promise
SHARES = ((ACCEPTED, 0.64), (UNKNOWN, 0.2), (LATER, 0.09), (REJECTED, 0.06), (STOPS, 0.01))
PONG = answer(b'{"pong":true}')


@dataclass
class HostileMapp:
    """Draws an answer for each event; applies some of those whose answer it loses, now or late."""

    rng: Random
    is_hostile: bool = True
    held: dict[str, bool] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    requests: int = 0
    alive: Counter[str] = field(default_factory=Counter)
    most_alive: int = 0
    _landings: set[asyncio.Task[None]] = field(default_factory=set)

    async def play(self, asked: Asked) -> None:
        if asked.line.startswith("GET"):
            await asked.say(PONG)
            return
        event = json.loads(asked.body)
        member, is_in, name = event["email"], event["vip"] == "true", self._draw()
        self.requests += 1
        self.alive[member] += 1
        self.most_alive = max(self.most_alive, self.alive[member])
        meaning, say = ANSWERS[name]
        if meaning == "unknown":
            self._land_some_time(member, is_in)
            await say(asked)
            return
        if meaning == "accepted":
            self.held[member] = is_in
        self.alive[member] -= 1
        await say(asked)

    def _draw(self) -> str:
        if not self.is_hostile:
            return "200"
        groups, weights = zip(*SHARES, strict=True)
        name: str = self.rng.choice(sorted(self.rng.choices(groups, weights)[0]))
        if ANSWERS[name].meaning == "stops" and sum(self.drawn[stop] for stop in STOPS) >= MOST_STOPS:
            name = "200"
        self.drawn[name] += 1
        self.faults += ANSWERS[name].meaning != "accepted"
        return name

    def _land_some_time(self, member: str, is_in: bool) -> None:
        task = asyncio.create_task(self._land(member, is_in, self.rng.choice((0.0, self.rng.random() * LANDS_WITHIN))))
        self._landings.add(task)
        task.add_done_callback(self._landings.discard)

    async def _land(self, member: str, is_in: bool, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.rng.random() < 0.5:
            self.held[member] = is_in
        self.alive[member] -= 1


@dataclass
class Stormy:
    """One connection in four breaks, stalls or ends somewhere; *broken* counts them."""

    rng: Random
    is_stormy: bool = True
    broken: int = 0

    def weather(self, number: int) -> Weather:
        if not self.is_stormy or number % 4:
            return FAIR
        self.broken += 1
        way = Way(most_bytes=self.rng.randrange(2_000), then=self.rng.choice(("stall", "end", "reset")))
        return Weather(up=way) if self.rng.random() < 0.5 else Weather(down=way)


async def owes_nothing(standing: House, job: Job) -> bool:
    return all(row.due_at is None for row in await standing.rows(job.key))


async def change_everybody(standing: House, rng: Random, wanted: dict[str, bool]) -> int:
    """Let everybody enter or leave in several messages; return how many changes that were."""
    people = [f"p{number}@example.com" for number in range(PEOPLE)]
    for start in range(0, PEOPLE, 10):
        changes = {member: rng.random() < 0.5 for member in people[start : start + 10]}
        wanted.update(changes)
        await standing.trigger(changes)
        await asyncio.sleep(0)
    return PEOPLE


@pytest.mark.parametrize("seed", [1, 2])
async def test_everybody_ends_with_the_newest_value_after_one_request_at_a_time(
    tmp_path: Path, seed: int, measured: Measured
) -> None:
    rng, wanted = Random(seed), dict[str, bool]()
    mapp, storm = HostileMapp(Random(seed + 1)), Stormy(Random(seed + 2))
    async with (
        scripted(mapp.play) as server,
        proxy_to(server.port, storm.weather) as proxy,
        house(tmp_path, {"m": proxy.port}, seed=seed) as standing,
    ):
        job = await standing.add_job(mapp_attribute_name="vip", exit_brake=False)
        changes = 0
        while mapp.faults < FAULTS and changes < MOST_CHANGES:
            changes += await change_everybody(standing, rng, wanted)
            await asyncio.sleep(0.5)
        mapp.is_hostile = storm.is_stormy = False
        proxy.cut_all("end")
        faults = mapp.faults + storm.broken

        await until(lambda: owes_nothing(standing, job), seconds=40, what="something is owed for ever")
        await standing.jobs.owe_set_aside_since(job.key, since_ms=0)
        standing.engine.ring()
        await until(lambda: owes_nothing(standing, job), what="what was set aside is owed for ever")

    assert mapp.held == wanted
    assert mapp.most_alive == 1
    assert mapp.requests <= changes + faults
    assert mapp.faults >= FAULTS
    record(measured, changes=changes, faults=faults, kinds=len(mapp.drawn))


def record(measured: Measured, **figures: float) -> None:
    for name, value in figures.items():
        measured(f"hostile.mapp_{name}", value)


def test_the_answers_that_are_drawn_are_all_there_are() -> None:
    drawn: Sequence[dict[str, object]] = [group for group, _ in SHARES]  # type: ignore[misc]
    left_out = set(ANSWERS) - {name for group in drawn for name in group}
    assert left_out == {"429 for ever", "429 until a far date", "503 for a day"}
