"""
One event loop per test, and none beside it; one PostgreSQL for each process of a run that asks for it.

What could not be tested is said out loud at the end.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests import postgres as real_postgres
from tests.postgres import PostgresServer, postgres_server
from tests.ui import chromium
from tools import measuring

# Without this, the first look at "the current loop" makes one that nobody closes (Python 3.11 to 3.13).
asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def measured() -> measuring.Measured:
    """Keeps a figure that a test took: measured("crash.places", 48)."""
    return measuring.keep


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that tests share: for those that neither stop it nor change its settings."""
    if real_postgres.is_left_out():
        pytest.skip(real_postgres.MISSING)
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A database in the newest shape with no rows in it; emptied and lent again, so its shape stays as it is."""
    with postgres.borrowed_database() as url:
        yield url


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server of the module's own, to be stopped, crashed and started again: what it answered outlives that."""
    if real_postgres.is_left_out():
        pytest.skip(real_postgres.MISSING)
    with postgres_server() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if chromium.find_chromium() is None:
        terminalreporter.write_line(chromium.MISSING, red=True, bold=True)
    if real_postgres.is_left_out():
        terminalreporter.write_line(real_postgres.MISSING, red=True, bold=True)
