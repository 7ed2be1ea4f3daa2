import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.ui.browsing import Window, enter, window
from tests.ui.chromium import MISSING, find_chromium, is_needed
from tests.ui.house import House, running_house

OWNER = "owner@example.org"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_chromium() is None and not is_needed():
        here = [item for item in items if "tests/ui/" in item.nodeid]
        for item in here:
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path is not None, MISSING
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-quic"])
        yield found
        found.close()
    asyncio.set_event_loop(None)  # as tests/conftest.py has it for whoever comes after


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A sandbox and a service; the tests of one module share them, each with jobs of its own."""
    with running_house() as found:
        yield found


@pytest.fixture(scope="module")
def entered(house: House, browser: Browser) -> str:
    """The state of a browser in which the first administrator is signed in, as cookies."""
    with window(browser, house.url) as seen:
        enter(seen, house.first_link(), name=OWNER)
        return next(c["value"] for c in seen.page.context.cookies() if c["name"] == "usher-session")


@pytest.fixture
def open_window(browser: Browser, house: House) -> Iterator[Callable[..., Window]]:
    """Opens windows that nobody is signed in with; all are closed, and their complaints heard, at the end."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(window(browser, house.url, **how))


@pytest.fixture
def signed_in(open_window: Callable[..., Window], house: House, entered: str) -> Callable[..., Window]:
    """Opens windows in which the administrator is signed in."""

    def opened(**how: object) -> Window:
        found = open_window(**how)
        found.page.context.add_cookies([{"name": "usher-session", "value": entered, "url": house.url}])
        return found

    return opened
