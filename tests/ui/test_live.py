"""Pages that move by themselves, and what happens when the service, the tab or the network does not."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import PASSWORD, Window
from tests.ui.conftest import OWNER
from tests.ui.house import INTEGRATION, SECRET, House, until
from tests.ui.looking import map_attributes

STATS, NOW = "[data-part=stats]", "[data-part=now]"
STREAMS = """
  window.streams = [];
  const Real = EventSource;
  window.EventSource = class extends Real {
    constructor(address) { super(address); window.streams.push(this); }
  };
"""
OPEN = "streams.filter((one) => one.readyState === 1).length"
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
UNTOUCHED = "window.untouched === true"


@pytest.fixture(scope="module")
def accounts(house: House) -> tuple[str, str]:
    map_attributes(house, "slowly")
    return house.authorize()


@pytest.fixture(scope="module")
def job(house: House, accounts: tuple[str, str]) -> str:
    made = house.create_job("Live one", accounts, mapp_attribute_name="live_one", withbackfill=True)
    house.until_quiet(made)
    return made


@pytest.fixture
def watching(signed_in: Callable[..., Window]) -> Callable[[str], Window]:
    """Open a page whose streams can be counted, and mark it, so that a reload shows."""

    def watched(path: str) -> Window:
        seen = signed_in()
        seen.page.add_init_script(STREAMS)
        seen.open(path)
        until(lambda: seen.page.evaluate(OPEN) == 1)
        seen.page.evaluate("window.untouched = true")
        return seen

    return watched


def waiting(page: Page) -> int:
    return int(page.locator(STATS).locator(".stat", has_text="Waiting to be sent").locator(".v").inner_text())


def test_figures_move_by_themselves_while_people_are_sent(
    watching: Callable[[str], Window], house: House, accounts: tuple[str, str]
) -> None:
    config = {"api_url": f"{house.sandbox}/mapp", "integration_id": INTEGRATION, "secret": SECRET, "max_in_flight": 2}
    narrow = house.api("POST", "/v2/auth/integration-secret", {"label": "Two at once", "config": config})["id"]
    house.control("POST", "/faults", {"where": "mapp.event", "kind": "slow", "seconds": 1.0})
    slow = house.create_job("Slowly", (narrow, accounts[1]), mapp_attribute_name="slowly", withbackfill=True)
    seen = watching(f"/jobs/{slow}")
    expect(seen.page.locator(NOW)).to_contain_text("of 60 accepted by Mapp")
    first = until(lambda: waiting(seen.page))
    until(lambda: 0 < waiting(seen.page) < first)
    seen.shoot("live-1-backfill")
    house.control("DELETE", "/faults")
    expect(seen.page.locator(NOW)).to_contain_text("is in step", timeout=20_000)
    assert waiting(seen.page) == 0
    assert seen.page.evaluate(UNTOUCHED)


@pytest.mark.parametrize("path", ["/jobs/{job}", "/jobs"])
def test_what_changes_is_spoken(watching: Callable[[str], Window], house: House, job: str, path: str) -> None:
    seen = watching(path.format(job=job))
    spoken, sentence = seen.page.locator("#spoken"), seen.page.locator("[data-speak] [data-sentence]").first
    expect(spoken).not_to_be_empty()
    assert spoken.inner_text() == sentence.inner_text()


def test_an_open_menu_and_a_button_in_use_are_left_alone_and_catch_up_afterwards(
    watching: Callable[[str], Window], house: House, job: str
) -> None:
    seen = watching(f"/jobs/{job}")
    page = seen.page
    status, pause = page.locator("[data-part=status]"), page.locator("[data-part=actions] button", has_text="Pause")
    page.get_by_label("More actions").click()
    house.api("POST", f"/v2/job/{job}/pause")
    expect(status).to_contain_text("Paused")
    expect(page.locator("#more-actions").get_by_role("link", name="Terminate")).to_be_visible()
    expect(pause).to_have_count(1)
    page.locator("h1").click(delay=100)  # a person's press takes so long
    expect(pause).to_have_count(0)
    house.api("POST", f"/v2/job/{job}/resume")
    expect(pause).to_have_count(1)
    pause.focus()
    house.api("POST", f"/v2/job/{job}/pause")
    expect(status).to_contain_text("Paused")
    expect(pause).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(pause).to_have_count(0)
    house.api("POST", f"/v2/job/{job}/resume")


def test_a_restarted_service_is_noticed_and_found_again_without_a_reload(
    watching: Callable[[str], Window], house: House, job: str
) -> None:
    seen = watching(f"/jobs/{job}")
    line = seen.page.locator("#live-line")
    house.stop("serve")
    expect(line).to_contain_text("Not live since", timeout=20_000)
    expect(line).to_be_in_viewport()
    expect(seen.page.locator(STATS)).to_contain_text("60")
    seen.shoot("live-2-lost")
    house.start_service()
    expect(line).to_be_hidden(timeout=20_000)
    assert [one for one in seen.complaints if "ERR_" not in one] == []
    seen.complaints.clear()
    house.api("POST", f"/v2/job/{job}/pause")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Paused")
    house.api("POST", f"/v2/job/{job}/resume")
    assert seen.page.evaluate(UNTOUCHED)


def test_two_tabs_both_stay_live(watching: Callable[[str], Window], house: House, job: str) -> None:
    both = [watching("/jobs?show=all"), watching(f"/jobs/{job}")]
    house.api("POST", f"/v2/job/{job}/pause")
    status = [seen.page.locator("main .status", has_text="Paused") for seen in both]
    for found in status:
        expect(found).to_have_count(1)
    house.api("POST", f"/v2/job/{job}/resume")
    for found in status:
        expect(found).to_have_count(0)


def test_a_hidden_tab_lets_its_stream_go_and_catches_up_when_it_is_seen_again(
    watching: Callable[[str], Window], house: House, job: str
) -> None:
    seen = watching(f"/jobs/{job}")
    status = seen.page.locator("[data-part=status]")
    seen.page.evaluate(HIDE, True)
    assert seen.page.evaluate(OPEN) == 0
    house.api("POST", f"/v2/job/{job}/pause")
    expect(status).to_contain_text("Running")
    seen.page.evaluate(HIDE, False)
    expect(status).to_contain_text("Paused")
    assert seen.page.evaluate("streams.length") == 2
    assert seen.page.evaluate(OPEN) == 1, "the first one stays closed"
    house.api("POST", f"/v2/job/{job}/resume")


def test_a_page_whose_session_has_ended_says_so_and_leads_to_the_sign_in_and_back(
    watching: Callable[[str], Window], job: str
) -> None:
    seen = watching(f"/jobs/{job}")
    page, line = seen.page, seen.page.locator("#live-line")
    page.context.clear_cookies()
    page.evaluate(HIDE, True)
    page.evaluate(HIDE, False)
    expect(line).to_have_text("You are signed out. Sign in")
    expect(page.locator("#spoken")).to_have_text("You are signed out.")
    assert page.evaluate(UNTOUCHED), "what somebody reads stays"
    line.get_by_role("link", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    seen.type("Name", OWNER)
    seen.type("Password", PASSWORD)
    seen.press("Sign in")
    expect(page.locator("h1")).to_have_text("Live one")
    assert seen.complaints == []


def test_a_page_that_was_signed_out_elsewhere_asks_no_more_and_is_live_again_once_signed_in(
    watching: Callable[[str], Window], house: House, job: str
) -> None:
    seen = watching(f"/jobs/{job}")
    page, line = seen.page, seen.page.locator("#live-line")
    kept = page.context.cookies()
    page.clock.install()
    page.context.clear_cookies()
    page.evaluate(HIDE, True)
    page.evaluate(HIDE, False)
    expect(line).to_contain_text("You are signed out.")
    page.clock.run_for(60_000)
    assert page.evaluate("streams.length") == 2
    page.context.add_cookies(kept)
    page.evaluate(HIDE, True)
    page.evaluate(HIDE, False)
    expect(line).to_be_hidden()
    house.api("POST", f"/v2/job/{job}/pause")
    expect(page.locator("[data-part=status]")).to_contain_text("Paused")
    house.api("POST", f"/v2/job/{job}/resume")
    assert seen.complaints == []
