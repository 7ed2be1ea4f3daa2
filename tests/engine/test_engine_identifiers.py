"""Who a job's members are, whichever way Lytics tells of them."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.world import World, in_virtual_time


@pytest.mark.parametrize(
    ("config", "held"),
    [
        ({"lowercase_identifiers": True}, {"jo@example.com": False, "al@example.com": True}),
        ({}, {"Jo@Example.com": True, "JO@example.com": False, "AL@example.com": True}),
        (
            {"lowercase_identifiers": True, "identifier_type": "userID"},
            {"Jo@Example.com": True, "JO@example.com": False, "AL@example.com": True},
        ),
    ],
)
def test_scans_and_triggers_name_a_member_in_lower_case_alike_where_the_job_says_so(
    tmp_path: Path, config: dict[str, object], held: dict[str, bool]
) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.lytics.members = {"Jo@Example.com": None}
        await world.add_job(**config)
        await asyncio.sleep(5)
        await world.trigger("JO@example.com", is_in=False)
        await world.trigger("AL@example.com", is_in=True)
        await asyncio.sleep(5)
        assert world.mapp.held == held
        await world.stop()

    in_virtual_time(story)
