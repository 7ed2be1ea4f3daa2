"""A day's work without a mouse, and what the browser remembers: theme and keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import PASSWORD, Window
from tests.ui.conftest import OWNER
from tests.ui.house import House
from tests.ui.looking import inside

MOST_TABS = 60
FOCUSED = """() => {
  const e = document.activeElement;
  return (e.getAttribute("aria-label") || e.innerText || e.labels?.[0]?.innerText || e.value || "").trim();
}"""


@pytest.fixture(scope="module")
def job(house: House) -> str:
    made = house.create_job("First export", house.authorize(), withbackfill=True)
    house.until_quiet(made)
    return made


def tab_to(page: Page, word: str) -> None:
    """Press Tab until what has the focus begins with *word*."""
    met = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUSED))
        if met[-1].startswith(word):
            return
    raise AssertionError(f"{word} was not among {met}")


def test_signing_in_starting_pausing_and_finding_need_no_mouse(
    open_window: Callable[..., Window], entered: str, house: House, job: str
) -> None:
    seen = open_window()
    keys = seen.page.keyboard
    seen.open("/jobs")
    keys.type(OWNER)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_have_text("Jobs")
    seen.page.wait_for_load_state()
    keys.press("n")
    expect(seen.page.locator("h1")).to_have_text("What should the job do?")
    tab_to(seen.page, "Continue")
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_have_text("Which accounts, and what is it called?")
    tab_to(seen.page, "Label")
    keys.type("By keyboard")
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_have_text("What should be exported?")
    tab_to(seen.page, "Coupon lovers")
    keys.press("Space")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect(seen.page.get_by_role("radio", name="Coupon lovers")).to_be_checked()
    tab_to(seen.page, "Group ID")
    keys.type("2324000001")
    keys.press("Tab")
    expect(seen.page.locator("#means")).to_contain_text("coupon_lovers")
    tab_to(seen.page, "Review")
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_have_text("Ready to start")
    tab_to(seen.page, "Start Export")
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_have_text("By keyboard")
    tab_to(seen.page, "Pause")
    keys.press("Enter")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Paused")
    keys.press("g")
    keys.press("m")
    expect(seen.page.locator("#q")).to_be_focused()
    keys.type(min(inside(house, "coupon_lovers")))
    keys.press("Enter")
    expect(seen.page.locator("h1")).to_be_visible()
    seen.shoot("keyboard-1-found")


def test_the_first_tab_skips_to_the_content(signed_in: Callable[..., Window], job: str) -> None:
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate(FOCUSED) == "Skip to content"
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"


def test_single_keys_lead_about_and_can_be_switched_off(signed_in: Callable[..., Window], job: str) -> None:
    seen = signed_in()
    keys = seen.page.keyboard
    seen.open("/jobs")
    keys.press("/")
    expect(seen.page.locator("#q")).to_be_focused()
    keys.type("gjn?")
    assert seen.page.locator("#q").input_value() == "gjn?", "keys are off while somebody types"
    seen.open(f"/jobs/{job}")
    keys.press("g")
    keys.press("j")
    seen.page.wait_for_url("**/jobs")
    keys.press("?")
    expect(seen.page.get_by_role("dialog")).to_be_visible()
    seen.shoot("keyboard-2-keys")
    tab_to(seen.page, "Use single keys")
    keys.press("Space")
    keys.press("Escape")
    expect(seen.page.get_by_role("dialog")).to_be_hidden()
    keys.press("n")
    keys.press("/")
    keys.press("?")
    expect(seen.page.get_by_role("dialog")).to_be_visible()
    assert seen.page.url.endswith("/jobs"), "only the key that switches them on again is left"
    seen.page.reload()
    keys.press("?")
    expect(seen.page.locator("#keys-on")).not_to_be_checked()


def test_dark_stays_dark_from_page_to_page_and_without_a_flash(signed_in: Callable[..., Window], job: str) -> None:
    seen = signed_in()
    seen.open("/jobs")
    light = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    seen.page.locator(".side").get_by_role("button", name="Switch between light and dark").click()
    expect(seen.page.locator("html")).to_have_attribute("data-theme", "dark")
    for path in (f"/jobs/{job}", "/members", "/settings/people"):
        seen.open(path)
        assert 'data-theme="dark"' in seen.page.request.get(seen.page.url).text()
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    seen.shoot("dark-1-people")
    seen.page.locator(".side").get_by_role("button", name="Switch between light and dark").click()
    seen.open("/jobs")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_a_narrow_screen_finds_its_way_by_the_menu(signed_in: Callable[..., Window], job: str) -> None:
    seen = signed_in(width=390)
    seen.open(f"/jobs/{job}")
    assert not seen.page.locator(".side").is_visible()
    menu = seen.page.locator(".mobile")
    assert seen.barriers() == []
    menu.get_by_label("Menu").click()
    assert seen.barriers() == []
    seen.shoot("narrow-1-menu")
    menu.get_by_role("link", name="Find a member").click()
    expect(seen.page.locator("h1")).to_have_text("Find a member")
    menu.get_by_label("Menu").click()
    expect(menu.get_by_role("link", name="Jobs", exact=True)).to_be_visible()
    seen.page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Jobs", exact=True)).to_be_hidden()
    assert not seen.scrolls_sideways
