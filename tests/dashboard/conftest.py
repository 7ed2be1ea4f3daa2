"""The houses that tests of the dashboard visit: new for each test, with one authorization of each provider or bare."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.dashboard.visiting import House, visiting


@pytest.fixture
async def bare_house() -> AsyncIterator[House]:
    """A service in which nothing is saved yet, and a sandbox."""
    # pytest's own folders can have longer paths than a Unix socket may.
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder)) as found:
            yield found


@pytest.fixture
async def house(bare_house: House) -> House:
    """The same with one authorization of each provider."""
    await bare_house.running.authorize()
    return bare_house
