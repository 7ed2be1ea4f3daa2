"""An office for each test: a desk over a database of its own, with one authorization of each vendor."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clocks import ManualClock
from tests.jobs.office import Office, office_on
from usher.store.opening import FILE_NAME, open_sqlite


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in the newest shape, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(open_sqlite(folder, clock=ManualClock(), is_threaded=False).close())
    return folder / FILE_NAME


@pytest.fixture
async def bare_office(tmp_path: Path, empty_database: Path) -> AsyncIterator[Office]:
    """An office without any authorization."""
    shutil.copy2(empty_database, tmp_path / FILE_NAME)
    clock = ManualClock()
    store = open_sqlite(tmp_path, clock=clock, is_threaded=False)
    yield office_on(store, clock)
    await store.close()


@pytest.fixture
async def office(bare_office: Office) -> Office:
    bare_office.mapp = await bare_office.add_mapp()
    bare_office.lytics = await bare_office.add_lytics()
    return bare_office
