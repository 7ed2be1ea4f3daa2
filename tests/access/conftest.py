from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.house import House
from tests.clocks import ManualClock
from usher.store.opening import open_sqlite


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which nobody lives yet."""
    clock = ManualClock()
    store = open_sqlite(tmp_path, clock=clock, is_threaded=False)
    yield House(store.database, clock)
    await store.close()
