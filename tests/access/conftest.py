import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.house import House
from tests.clocks import ManualClock
from tests.store.stores import open_both_ways
from usher.store.opening import FILE_NAME, OpenStore, open_sqlite


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in the newest shape, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(open_sqlite(folder, clock=ManualClock(), is_threaded=False).close())
    return folder / FILE_NAME


@pytest.fixture(params=["sqlite", "postgresql"])
def house_store(request: pytest.FixtureRequest) -> OpenStore:
    if request.param == "postgresql":
        return open_both_ways(request.getfixturevalue("postgres_url"), ManualClock())
    folder: Path = request.getfixturevalue("tmp_path")
    shutil.copy2(request.getfixturevalue("empty_database"), folder / FILE_NAME)
    return open_sqlite(folder, clock=ManualClock(), is_threaded=False)


@pytest.fixture
async def house(house_store: OpenStore) -> AsyncIterator[House]:
    """A house in which nobody lives yet."""
    assert isinstance(house_store.clock, ManualClock)
    yield House(house_store.pages, house_store.clock)
    await house_store.close()
