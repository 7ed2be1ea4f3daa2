"""From the line that the service prints as it starts to an export that runs, and to the answer why."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.browsing import PASSWORD, Window, window
from tests.ui.conftest import OWNER
from tests.ui.counting import Hand
from tests.ui.house import INTEGRATION, LYTICS_TOKEN, SECRET, House, until
from tests.ui.looking import held, inside

MOST_CLICKS, MOST_TYPED = 12, 6


@dataclass
class FirstStart:
    """What the first start took: (clicks, typed fields), and the session that it ended in."""

    from_first_page: tuple[int, int]
    from_link: tuple[int, int]
    session: str


@pytest.fixture(scope="module")
def first_start(house: House, browser: Browser) -> FirstStart:
    """The first start itself: everything after it is done by the administrator whom it makes."""
    with window(browser, house.url) as seen:
        hand = Hand(seen)
        from_link_to_jobs(hand, house)
        link = (hand.clicks, hand.typed)
        from_jobs_to_running(hand, house)
        session = next(c["value"] for c in seen.page.context.cookies() if c["name"] == "usher-session")
        whole = (hand.clicks, hand.typed)
        return FirstStart((whole[0] - link[0], whole[1] - link[1]), whole, session)


@pytest.fixture(scope="module")
def entered(first_start: FirstStart) -> str:
    return first_start.session


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
    for field, text in (
        ("mapp_api_url", f"{house.sandbox}/mapp"),
        ("mapp_integration_id", INTEGRATION),
        ("mapp_secret", SECRET),
        ("lytics_api_url", f"{house.sandbox}/lytics"),
        ("lytics_token", LYTICS_TOKEN),
    ):
        hand.type(field, text)
    hand.press("Test", within="#mapp-field")
    expect(seen.page.locator("#mapp-report")).to_contain_text("The connection works.")
    expect(seen.page.locator("#lytics-report")).to_be_empty()
    seen.shoot("first-start-3-tested")
    hand.press("Continue")
    expect(seen.page.locator("h1")).to_have_text("What should be exported?")
    hand.choose("VIP shoppers")
    hand.press("Customers 2324000001")
    expect(seen.page.locator("#means")).to_contain_text("60 people are sent at the start")
    seen.shoot("first-start-4-export")
    hand.press("Review")
    expect(seen.page.locator("h1")).to_have_text("Ready to start")
    seen.shoot("first-start-5-review")
    hand.press("Start Export")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Running")
    expect(seen.page.locator("[data-part=now]")).to_contain_text("is in step", timeout=20_000)
    seen.shoot("first-start-6-running")


def test_a_first_job_takes_few_clicks_and_few_typed_fields(first_start: FirstStart) -> None:
    clicks, typed = first_start.from_first_page
    assert (clicks, typed) == (8, 5), "the test on the spot is one click that nobody needs"
    assert clicks <= MOST_CLICKS
    assert typed <= MOST_TYPED
    assert first_start.from_link == (8, 7), "a name and a password more, and Enter"


def test_the_first_job_brings_everybody_to_mapp(first_start: FirstStart, house: House) -> None:
    until(lambda: held(house, "vip_shoppers") == dict.fromkeys(inside(house), "true"))
    [job] = house.api("GET", "/v2/job")
    assert (job["name"], job["status"]) == ("VIP shoppers", "runnable")


def test_the_one_time_link_opens_once(
    first_start: FirstStart, house: House, open_window: Callable[..., Window]
) -> None:
    seen = open_window()
    seen.open(house.first_link())
    assert seen.page.locator("input[type=password]").count() == 0
    expect(seen.page.locator("h1")).to_contain_text("link")
    seen.shoot("first-start-7-used-link")


def test_from_an_address_to_the_reason_in_two_steps_from_any_page(
    signed_in: Callable[..., Window], house: House
) -> None:
    member = min(inside(house))
    for path in ("/jobs", "/settings/audit", "/jobs/new"):
        seen = signed_in()
        seen.open(path)
        hand = Hand(seen)
        hand.press("Find a member", within=".side")
        expect(seen.page.locator("#q")).to_be_focused()
        hand.type("q", member)
        hand.enter()
        expect(seen.page.locator("h1")).to_have_text(member)
        assert (hand.clicks, hand.typed) == (1, 1)
    answer = seen.page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("Mapp accepted")
    expect(answer).to_contain_text("found this person in VIP shoppers")
    seen.shoot("why-1-member")
