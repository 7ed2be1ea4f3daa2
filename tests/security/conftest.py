"""Houses, offices and services to be attacked: each new for its test."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.access.house import House
from tests.clocks import ManualClock
from tests.jobs.office import Office, office_on
from tests.security.connecting import connects_heard
from tests.store.stores import open_both_ways
from tests.web.service import Running, running_service
from usher.store.opening import FILE_NAME, OpenStore, open_sqlite


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in the newest shape, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(open_sqlite(folder, clock=ManualClock(), is_threaded=False).close())
    return folder / FILE_NAME


@pytest.fixture
def sqlite_store(empty_database: Path, tmp_path: Path) -> OpenStore:
    shutil.copy2(empty_database, tmp_path / FILE_NAME)
    return open_sqlite(tmp_path, clock=ManualClock(), is_threaded=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_store(request: pytest.FixtureRequest) -> OpenStore:
    if request.param == "postgresql":
        return open_both_ways(request.getfixturevalue("postgres_url"), ManualClock())
    found: OpenStore = request.getfixturevalue("sqlite_store")
    return found


@pytest.fixture
async def house(either_store: OpenStore) -> AsyncIterator[House]:
    """A house in which nobody lives yet, over each database."""
    assert isinstance(either_store.clock, ManualClock)
    yield House(either_store.pages, either_store.clock)
    await either_store.close()


@pytest.fixture
async def office(sqlite_store: OpenStore) -> AsyncIterator[Office]:
    """An office with one authorization of each vendor."""
    assert isinstance(sqlite_store.clock, ManualClock)
    found = office_on(sqlite_store, sqlite_store.clock)
    found.mapp, found.lytics = await found.add_mapp(), await found.add_lytics()
    yield found
    await sqlite_store.close()


@pytest.fixture
async def usher() -> AsyncIterator[Running]:
    """A service on loopback with one authorization of each provider, without its engine."""
    # pytest's own folders can have longer paths than a Unix socket may.
    with TemporaryDirectory(prefix="usher-") as folder:
        async with running_service(Path(folder)) as running:
            await running.authorize()
            yield running


@pytest.fixture
def connects() -> Iterator[list[str]]:
    """Whom this process tried to connect to during the test."""
    with connects_heard() as heard:
        yield heard
