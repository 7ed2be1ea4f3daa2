"""What each role sees and may do, from the invitation on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import Window, enter
from tests.ui.house import House
from tests.ui.looking import inside

NAME = "VIP to Mapp"


@pytest.fixture(scope="module")
def job(house: House) -> str:
    made = house.create_job(NAME, house.authorize(), withbackfill=True)
    house.until_quiet(made)
    return made


@pytest.fixture
def invite(signed_in: Callable[..., Window], open_window: Callable[..., Window]) -> Callable[[str, str], Window]:
    """Have the administrator invite somebody on the page; return the window that they open the link in."""

    def invited(name: str, role: str) -> Window:
        admin = signed_in()
        admin.open("/settings/people")
        admin.press("Invite")
        admin.type("Name", name)
        admin.page.locator("main label", has_text=role).first.click()
        admin.press("Make the link")
        expect(admin.page.locator("h1")).to_have_text(f"{name} is invited")
        admin.shoot(f"roles-1-link-{role.lower()}")
        theirs = open_window()
        enter(theirs, admin.page.locator("#link").inner_text())
        return theirs

    return invited


def barred(page: Page, word: str) -> str:
    """Press a button that is there and does nothing; return who may press it."""
    button = page.locator("main").get_by_role("button", name=word).first
    expect(button).to_have_attribute("aria-disabled", "true")
    address = page.url
    button.click(force=True)
    assert page.url == address
    return button.get_attribute("title") or ""


def test_a_viewer_sees_masked_people_and_buttons_that_say_who_may(
    invite: Callable[[str, str], Window], house: House, job: str
) -> None:
    seen = invite("viewer@example.org", "Viewer")
    member = min(inside(house))
    seen.open(f"/jobs/{job}")
    assert barred(seen.page, "Pause") == "Operators and administrators may do this"
    assert house.api("GET", f"/v2/job/{job}")["status"] == "runnable"
    seen.shoot("roles-2-viewer-job")
    seen.open(f"/jobs/{job}/people?state=accepted")
    assert "masked" in seen.text
    assert not [one for one in inside(house) if one in seen.page.content()]
    seen.shoot("roles-3-viewer-people")
    seen.open(f"/members?q={member}")
    expect(seen.page.locator("h1")).to_have_text(member)
    assert barred(seen.page, "Send again") == "Operators and administrators may do this"
    seen.open("/jobs")
    assert barred(seen.page, "New job") == "Operators and administrators may do this"


def test_an_operator_runs_jobs_and_sees_people_but_no_secrets(
    invite: Callable[[str, str], Window], house: House, job: str
) -> None:
    seen = invite("operator@example.org", "Operator")
    seen.open(f"/jobs/{job}")
    seen.press("Pause")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Paused")
    seen.press("Resume")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Running")
    seen.open(f"/jobs/{job}/people?state=accepted")
    assert min(inside(house)) in seen.text
    [lytics] = [one["id"] for one in house.api("GET", "/v2/auth") if one["label"] == "Lytics sandbox"]
    seen.open(f"/authorizations/{lytics}")
    assert barred(seen.page, "Show") == "Administrators may do this"
    assert barred(seen.page, "Test and replace") == "Administrators may do this"
    assert "••••" in seen.text
    seen.shoot("roles-4-operator-authorization")
    seen.open("/settings/people")
    assert "Administrators may do this. You are signed in as operator@example.org (operator)" in seen.text
