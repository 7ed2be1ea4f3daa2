"""Several workers on one PostgreSQL, as an operator meets them: killed, stopped, and the database restarted."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.fleet import Fleet, Side, fleet_on
from tests.acceptance.stack import ATTRIBUTE, until
from tests.postgres import PostgresServer

pytestmark = pytest.mark.process

PEOPLE = int(os.environ.get("PEOPLE", "1000"))  # of each of two audiences
STOPPED_SECONDS = float(os.environ.get("STOPPED_SECONDS", "18"))
RESTARTS = int(os.environ.get("RESTARTS", "6"))  # of the database, while one worker is dead and one is stopped
PER_SECOND = int(os.environ.get("PER_SECOND", "100"))
FAULTS = [
    {"where": "mapp.event", "share": 0.01, "kind": "throttle_500"},
    {"where": "mapp.event", "share": 0.01, "kind": "reset_after"},
    {"where": "mapp.event", "share": 0.005, "kind": "lands_late", "seconds": 1.0},
    {"where": "mapp.event", "share": 0.01, "kind": "status", "status": 503},
]


async def test_workers_die_and_stop_and_the_database_restarts_every_few_seconds_and_everybody_agrees(
    tmp_path: Path, own_postgres: PostgresServer
) -> None:
    async with fleet_on(own_postgres, tmp_path, workers=3, members=PEOPLE, time_scale=0.02) as fleet:
        for side in fleet.sides:
            await side.control("POST", "/faults", FAULTS)
            await side.export(requests_per_second=PER_SECOND)
            churn = {"audience": ATTRIBUTE, "per_second": 10, "seconds": STOPPED_SECONDS + 4}
            await side.control("POST", "/churn", churn)
        await every_worker_shows_who_is_alive(fleet)
        await disturb(fleet)
        for side in fleet.sides:
            await until(side.is_done, seconds=120 + PEOPLE / PER_SECOND * 3)
        for side in fleet.sides:
            await nothing_was_lost(side)
        assert [fleet.end(name) for name in list(fleet.processes)] == [0, 0, 0]


async def every_worker_shows_who_is_alive(fleet: Fleet) -> None:
    for name in fleet.processes:
        await until(partial(all_alive, fleet, name))
    assert (await fleet.watched("worker0", token="wrong"))[0] == 401


async def all_alive(fleet: Fleet, name: str) -> bool:
    return await fleet.alive_as_told_by(name) == {"serve": 2, "worker": 3}


async def disturb(fleet: Fleet) -> None:
    """Kill one worker, stop one and let it go on; meanwhile restart the database again and again."""
    await asyncio.sleep(2)
    fleet.kill("worker0")
    fleet.signal("worker1", signal.SIGSTOP)
    for number in range(RESTARTS):
        await asyncio.sleep(STOPPED_SECONDS / RESTARTS)
        fleet.server.restart("immediate" if number % 2 else "fast")
    fleet.signal("worker1", signal.SIGCONT)
    await fleet.start_worker("worker0")


async def nothing_was_lost(side: Side) -> None:
    told, most = await side.progress(side.job), await side.most()
    triggers = told["triggers"]
    assert await side.disagreements() == {}
    assert triggers["received"] >= await side.acknowledged_events() > 50
    assert triggers["received"] == triggers["applied"] + sum(triggers["ignored"].values()) + triggers["unreadable"]
    assert most["unsettled_most"] == 1, "two requests for one person were alive at once"
    assert most["second_most"] <= PER_SECOND * 1.05, "the limit was passed within some second"  # as they arrive
