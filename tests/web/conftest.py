from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.web.service import Running, running_service


@pytest.fixture
async def usher() -> AsyncIterator[Running]:
    """A service with one authorization of each provider."""
    # pytest's own folders can have longer paths than a Unix socket may.
    with TemporaryDirectory(prefix="usher-") as folder:
        async with running_service(Path(folder)) as running:
            await running.authorize()
            yield running
