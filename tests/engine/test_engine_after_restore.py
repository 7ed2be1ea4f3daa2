"""The real engine in virtual time on a ledger that went back: what Mapp was told meanwhile is in no table."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.engine.world import World, in_virtual_time
from usher.store.after_restore import make_ready

PEOPLE = [f"p{number:02d}@example.com" for number in range(40)]


def copy(from_: Path, to: Path) -> None:
    with closing(sqlite3.connect(from_)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


async def go_back(world: World, *, to: Path) -> None:
    """Put the ledger back as it was, and let another process go on with it."""
    await world.crash()
    copy(to, world._path)
    hold_ms = world.timing.hold_ms
    await world.database.write(lambda txn: make_ready(txn.conn, now_ms=txn.now_ms, hold_ms=hold_ms))
    world.start()


def test_requests_of_the_lost_time_are_never_crossed_and_mapp_agrees_in_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = dict.fromkeys(PEOPLE[:30])
        await world.add_job()
        await asyncio.sleep(30)
        for member in PEOPLE[30:35]:
            await world.move(member, is_in=True)
        await asyncio.sleep(10)
        copy(world._path, tmp_path / "before.db")
        world.mapp.faults = lambda mapp, member: "timeout"

        for member in PEOPLE[:10] + PEOPLE[35:]:
            await world.move(member, is_in=member not in world.lytics.members)
        await asyncio.sleep(1)
        sent = world.mapp.requests
        await go_back(world, to=tmp_path / "before.db")
        world.mapp.faults = lambda mapp, member: "ok"
        for member in PEOPLE[:5] + PEOPLE[35:38]:
            await world.move(member, is_in=member not in world.lytics.members)
        await asyncio.sleep(world.timing.hold_ms / 1000 - 1)

        assert (world.mapp.requests, world.mapp.most_alive) == (sent, 1)
        await asyncio.sleep(120)
        assert world.disagreements(set(PEOPLE[:35])) == {}
        assert world.mapp.most_alive == 1
        await world.stop()

    in_virtual_time(story)
