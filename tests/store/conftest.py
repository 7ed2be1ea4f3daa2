"""Stores on real databases, each promise kept on both; every test ends by counting."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clocks import ManualClock
from tests.store.stores import Store, open_postgres_store, open_store, run
from usher.store.opening import FILE_NAME, open_sqlite

DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database in the newest shape, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    run_to_end = open_sqlite(folder, clock=ManualClock(), is_threaded=False)
    run(run_to_end.close())
    return folder / FILE_NAME


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """A data folder of its own, with an empty database."""
    shutil.copy2(migrated, tmp_path / FILE_NAME)
    return tmp_path


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "sqlite":
        kept = open_store(request.getfixturevalue("folder"))
    else:
        kept = open_postgres_store(request.getfixturevalue("postgres_url"))
    yield kept
    kept.assert_counted()
    run(kept.database.close())
