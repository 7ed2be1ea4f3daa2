"""Clients, guarded and let loose, with a server to try them on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from certificates import Authority
from hostile_server import HostileServer

from usher.http import GuardedHttp


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    hostile = HostileServer()
    await hostile.start()
    yield hostile
    await hostile.stop()


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    """A client that may reach the loopback server."""
    client = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    yield client
    await client.close()


@pytest.fixture
async def guarded() -> AsyncIterator[GuardedHttp]:
    """A client as in production, but for plain http: a trap must be reachable if the guard fails."""
    client = GuardedHttp(allow_http=True, allow_private=False, ca_file=None)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that only these tests know."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
