"""Everything that matters can be done by a browser that runs no script: pages, forms and links are enough."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.ui.browsing import PASSWORD, Window, window
from tests.ui.conftest import OWNER
from tests.ui.house import GROUP, INTEGRATION, LYTICS_TOKEN, SECRET, House, until
from tests.ui.looking import held, inside

NAME = "Sent without script"


@pytest.fixture(scope="module")
def entered(house: House, browser: Browser) -> str:
    """The first administrator, who came in and made the job without script."""
    with window(browser, house.url, has_script=False) as seen:
        seen.open(house.first_link())
        seen.type("Name", OWNER)
        seen.page.locator("#password").fill(PASSWORD)
        seen.page.locator("main form button.primary").click()
        assert "No jobs yet" in seen.text
        make_job(seen, house)
        return next(c["value"] for c in seen.page.context.cookies() if c["name"] == "usher-session")


def make_job(seen: Window, house: House) -> None:
    seen.press("New job")
    seen.press("Continue")
    seen.page.locator("#mapp_api_url").fill(f"{house.sandbox}/mapp")
    seen.page.locator("#mapp_integration_id").fill(INTEGRATION)
    seen.page.locator("#mapp_secret").fill(SECRET)
    seen.page.locator("#lytics_api_url").fill(f"{house.sandbox}/lytics")
    seen.page.locator("#lytics_token").fill(LYTICS_TOKEN)
    seen.page.locator("#name").fill(NAME)
    seen.press("Continue")
    seen.page.locator("label", has_text="VIP shoppers").click()
    seen.page.locator("#group_id").fill(GROUP)
    seen.press("Review")
    seen.press("Start Export")
    assert f"{NAME} has started" in seen.text


@pytest.fixture
def at_job(signed_in: Callable[..., Window], house: House) -> Window:
    """A window without script at the page of the job, which has told Mapp everybody."""
    seen = signed_in(has_script=False)
    until(lambda: len(held(house, "vip_shoppers")) >= len(inside(house)) > 0)
    seen.open("/jobs")
    seen.press(NAME)
    return seen


def test_a_job_is_paused_and_goes_on(at_job: Window) -> None:
    at_job.press("Pause")
    assert "Paused. Changes from Lytics are still taken in" in at_job.text
    at_job.press("Resume")
    assert "The job goes on." in at_job.text


def test_people_set_aside_are_seen_with_the_reason_and_retried(at_job: Window, house: House) -> None:
    job = at_job.page.url.rpartition("/")[2]
    member = min(inside(house))
    house.control("POST", "/faults", {"where": "mapp.event", "kind": "reject"})
    house.control("POST", "/audiences/vip_shoppers/exit", {"members": [member]})
    until(lambda: house.members(job, "set_aside") == [member])
    house.control("DELETE", "/faults")
    at_job.open(f"/jobs/{job}/people")
    assert "INVALID_PARAMETER" in at_job.text
    at_job.press(f"Retry {member}")
    assert "1 person is sent again." in at_job.text
    until(lambda: held(house, "vip_shoppers").get(member) == "false")


def test_a_member_is_found_and_explained(at_job: Window, house: House) -> None:
    member = min(inside(house))
    at_job.open("/members")
    at_job.page.locator("main #q").fill(member)
    at_job.press("Find")
    assert at_job.page.locator("h1").inner_text() == member
    assert "Accepted by Mapp" in at_job.text


def test_a_form_that_was_refused_keeps_what_was_typed(at_job: Window) -> None:
    at_job.press("Edit", within="#config")
    at_job.page.locator("#description").fill("kept")
    at_job.page.locator("#group_id").fill("99")
    at_job.press("Preview changes")
    assert at_job.page.locator("#group_id").input_value() == "99"
    assert at_job.page.locator("#description").input_value() == "kept"
    assert at_job.page.locator("#group_id-error").inner_text()


def test_charts_are_tables_and_the_menu_of_a_small_window_opens(at_job: Window) -> None:
    at_job.page.locator("figure summary").first.click()
    assert at_job.page.locator("figure table").first.is_visible()
    at_job.page.set_viewport_size({"width": 390, "height": 800})
    at_job.page.locator(".mobile summary").click()
    at_job.page.locator(".mobile .pop").get_by_role("link", name="Find a member").click()
    assert at_job.page.locator("h1").inner_text() == "Find a member"


def test_whoever_signs_out_signs_in_again_and_comes_back_to_the_page(at_job: Window) -> None:
    back = at_job.page.url
    at_job.open("/account")
    at_job.press("Sign out")
    at_job.open(back)
    at_job.type("Name", OWNER)
    at_job.page.locator("#password").fill(PASSWORD)
    at_job.press("Sign in")
    assert at_job.page.url == back
