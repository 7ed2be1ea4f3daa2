"""From the line that the service prints as it starts to an export that runs, and to the answer why."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.browsing import PASSWORD, Window, window
from tests.ui.conftest import OWNER
from tests.ui.counting import Hand
from tests.ui.house import GROUP, INTEGRATION, LYTICS_TOKEN, SECRET, House, until

MOST_CLICKS, MOST_TYPED = 12, 6


def held(house: House, attribute: str) -> dict[str, str]:
    """What the pretend Mapp holds for each person, asked past the service."""
    found: dict[str, str] = house.control("GET", f"/mapp/attributes?group={GROUP}&attribute={attribute}")
    return found


def inside(house: House, audience: str = "vip_shoppers") -> set[str]:
    return set(house.control("GET", f"/audiences/{audience}/members")["members"])


def connect(hand: Hand, house: House) -> None:
    """Type both accounts in, on the wizard's second page."""
    for field, text in (
        ("mapp_api_url", f"{house.sandbox}/mapp"),
        ("mapp_integration_id", INTEGRATION),
        ("mapp_secret", SECRET),
        ("lytics_api_url", f"{house.sandbox}/lytics"),
        ("lytics_token", LYTICS_TOKEN),
    ):
        hand.type(field, text)


@pytest.fixture(scope="module")
def entered(house: House, browser: Browser) -> str:
    """The first start itself: everything after it is done by the administrator whom it makes."""
    with window(browser, house.url) as seen:
        hand = Hand(seen)
        from_link_to_jobs(hand, house)
        before = (hand.clicks, hand.typed)
        from_jobs_to_running(hand, house)
        house.counted = {"from the first page": (hand.clicks - before[0], hand.typed - before[1])}
        house.counted["from the one-time link"] = (hand.clicks, hand.typed)
        return next(c["value"] for c in seen.page.context.cookies() if c["name"] == "usher-session")


def from_link_to_jobs(hand: Hand, house: House) -> None:
    seen = hand.seen
    seen.open(house.first_link())
    expect(seen.page.locator("#name")).to_be_focused()
    seen.shoot("first-start-1-link")
    hand.type("name", OWNER)
    hand.type("password", PASSWORD)
    hand.enter()
    expect(seen.page.locator("h2", has_text="No jobs yet")).to_be_visible()
    seen.shoot("first-start-2-empty")


def from_jobs_to_running(hand: Hand, house: House) -> None:
    seen = hand.seen
    hand.press("New job")
    hand.press("Continue")
    connect(hand, house)
    hand.press("Continue")
    expect(seen.page.locator("h1")).to_have_text("What should be exported?")
    hand.choose("VIP shoppers")
    hand.press("Customers 2324000001")
    expect(seen.page.locator("#means")).to_contain_text("becomes true for people in the audience")
    seen.shoot("first-start-3-export")
    hand.press("Review")
    expect(seen.page.locator("h1")).to_have_text("Ready to start")
    seen.shoot("first-start-4-review")
    hand.press("Start Export")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Running")
    expect(seen.page.locator("[data-part=now]")).to_contain_text("is in step", timeout=20_000)
    seen.shoot("first-start-5-running")
