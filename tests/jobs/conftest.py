"""An office for each test: a desk over a database of its own, with one authorization of each vendor."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clocks import ManualClock
from tests.jobs.office import Office, office_on
from tests.store.stores import open_both_ways
from usher.store.opening import FILE_NAME, OpenStore, open_sqlite

# Where what a service promises hangs on how the database answers; elsewhere SQLite stands for both.
ON_BOTH = {
    "test_jobs_activity",
    "test_jobs_aside",
    "test_jobs_creating",
    "test_jobs_explain",
    "test_jobs_finding",
    "test_jobs_health",
    "test_jobs_overview",
    "test_jobs_people",
    "test_jobs_places",
    "test_jobs_removals",
    "test_jobs_resending",
    "test_jobs_trial",
    "test_jobs_trigger_gaps",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_chosen = any(mark.args[0] == "database_kind" for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_kind" in metafunc.fixturenames and not is_chosen:
        is_on_both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
        metafunc.parametrize("database_kind", ["sqlite", "postgresql"] if is_on_both else ["sqlite"])


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in the newest shape, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(open_sqlite(folder, clock=ManualClock(), is_threaded=False).close())
    return folder / FILE_NAME


@pytest.fixture
def office_store(request: pytest.FixtureRequest, database_kind: str) -> OpenStore:
    if database_kind == "postgresql":
        return open_both_ways(request.getfixturevalue("postgres_url"), ManualClock())
    folder: Path = request.getfixturevalue("tmp_path")
    shutil.copy2(request.getfixturevalue("empty_database"), folder / FILE_NAME)
    return open_sqlite(folder, clock=ManualClock(), is_threaded=False)


@pytest.fixture
async def bare_office(office_store: OpenStore) -> AsyncIterator[Office]:
    """An office without any authorization."""
    assert isinstance(office_store.clock, ManualClock)
    yield office_on(office_store, office_store.clock)
    await office_store.close()


@pytest.fixture
async def office(bare_office: Office) -> Office:
    bare_office.mapp = await bare_office.add_mapp()
    bare_office.lytics = await bare_office.add_lytics()
    return bare_office
