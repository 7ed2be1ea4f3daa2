"""New credentials for an account change nothing about how fast it may be spoken to."""

import asyncio
from pathlib import Path

from tests.engine.world import World, in_virtual_time

PER_SECOND = 2


def test_the_limit_holds_while_credentials_change(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, limits=(float(PER_SECOND), 16))
        world.lytics.members = dict.fromkeys(f"p{number:02}@example.com" for number in range(30))
        await world.add_job()
        for revision in range(2, 12):
            await asyncio.sleep(0.7)
            world.vendors.revisions["m"] = revision
            world.engine.refresh()
        sent = world.mapp.sent_at
        assert len(sent) > PER_SECOND * 5
        assert all(later - first >= 1 for first, later in zip(sent, sent[PER_SECOND:], strict=False))
        await world.stop()

    in_virtual_time(story)
