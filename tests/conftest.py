"""One event loop per test, and none beside it; and a loud word where the dashboard could not be tested."""

import asyncio

import pytest

from tests.ui.chromium import MISSING, find_chromium

# Without this, the first look at "the current loop" makes one that nobody closes (Python 3.11 to 3.13).
asyncio.set_event_loop(None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if find_chromium() is None:
        terminalreporter.write_line(MISSING, red=True, bold=True)
