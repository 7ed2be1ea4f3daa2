from collections.abc import AsyncIterator

import pytest
from running_sandbox import Sandbox, sandbox_of


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with sandbox_of() as running:
        yield running
