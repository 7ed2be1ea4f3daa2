"""When a job stops and needs a person: too many exits at once, or a secret that Mapp no longer takes."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.ui.browsing import Window
from tests.ui.house import SECRET, House, until
from tests.ui.looking import held, map_attributes

STATUS, NOW = "[data-part=status]", "[data-part=now]"
MANY = 12
NEW_SECRET = "another-sandbox-secret"


@pytest.fixture(scope="module")
def accounts(house: House) -> tuple[str, str]:
    map_attributes(house, "kept", "removed", "rotated")
    return house.authorize()


@pytest.fixture
def left(house: House, accounts: tuple[str, str]) -> Callable[[str], tuple[str, list[str]]]:
    """Start a job with a low limit and let many people leave; return it and who they are."""

    def leave(attribute: str) -> tuple[str, list[str]]:
        limit = {"exit_brake_people": 3, "exit_brake_percent": 1}
        job = house.create_job(f"Sets {attribute}", accounts, mapp_attribute_name=attribute, withbackfill=True, **limit)
        house.until_quiet(job)
        moved = house.control("POST", "/audiences/vip_shoppers/exit", {"count": MANY})["members"]
        until(lambda: house.progress(job)["members"]["held"] + told(house, attribute) == MANY)
        return job, moved

    return leave


def told(house: House, attribute: str) -> int:
    return list(held(house, attribute).values()).count("false")


def test_many_exits_wait_and_can_be_kept_as_they_are(
    signed_in: Callable[..., Window], house: House, left: Callable[[str], tuple[str, list[str]]]
) -> None:
    job, moved = left("kept")
    early = told(house, "kept")
    seen = signed_in()
    seen.open("/jobs")
    expect(seen.page.locator("[data-part=counters]")).to_contain_text("1 waits for a decision")
    seen.page.get_by_role("link", name="Decide").first.click()
    expect(seen.page.locator("h1")).to_have_text(f"{MANY - early} people would be set to false")
    assert "Usher stopped and asks" in seen.text
    sample = seen.page.get_by_role("region", name="Who would change")
    assert [one for one in sample.locator("td.who-cell").all_inner_texts() if one not in moved] == []
    assert seen.barriers() == []
    seen.shoot("brake-1-asks")
    seen.press("Keep them as they are")
    expect(seen.page.locator("main")).not_to_contain_text("would be set to false")
    house.until_quiet(job)
    assert told(house, "kept") == early
    seen.open("/settings/audit")
    assert "Sets kept" in seen.text


def test_many_exits_that_are_meant_are_set_to_false(
    signed_in: Callable[..., Window], house: House, left: Callable[[str], tuple[str, list[str]]]
) -> None:
    job, moved = left("removed")
    waiting = MANY - told(house, "removed")
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    expect(seen.page.locator(NOW)).to_contain_text("for your decision")
    seen.press("Decide")
    seen.press(f"Set {waiting} to false")
    seen.open(f"/jobs/{job}")
    expect(seen.page.locator(NOW)).to_contain_text("is in step", timeout=20_000)
    until(lambda: {held(house, "removed")[one] for one in moved} == {"false"})
    seen.shoot("brake-2-decided")


@pytest.fixture
def other_secret(house: House) -> Iterator[None]:
    """Mapp takes another secret from now on, as after somebody generated a new one there."""
    house.control("POST", "/mapp/settings", {"secret": NEW_SECRET})
    yield
    house.control("POST", "/mapp/settings", {"secret": SECRET})


def test_a_refused_secret_is_said_with_the_next_step_and_a_new_one_lets_the_job_go_on(
    signed_in: Callable[..., Window], house: House, accounts: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    job = house.create_job("Has its secret rotated", accounts, mapp_attribute_name="rotated", withbackfill=True)
    house.until_quiet(job)
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    request.getfixturevalue("other_secret")
    [member] = house.control("POST", "/audiences/vip_shoppers/enter", {"count": 1})["members"]
    expect(seen.page.locator(STATUS)).to_contain_text("Needs attention", timeout=20_000)
    expect(seen.page.locator(NOW)).to_contain_text("Mapp refuses the credentials of Mapp sandbox")
    expect(seen.page.locator(NOW)).to_contain_text("goes on by itself")
    seen.shoot("secret-1-refused")
    seen.press("Enter the new secret")
    expect(seen.page.locator("h1")).to_have_text("Mapp sandbox")
    seen.type("New secret", "a wrong one")
    seen.press("Test and replace")
    expect(seen.page.locator("main")).to_contain_text("Nothing was changed; the old one is in use.")
    seen.shoot("secret-2-wrong-again")
    seen.type("New secret", NEW_SECRET)
    seen.press("Test and replace")
    expect(seen.page.locator("main")).to_contain_text("Healthy")
    assert NEW_SECRET not in seen.page.content()
    seen.shoot("secret-3-replaced")
    seen.press("Has its secret rotated")
    expect(seen.page.locator(STATUS)).to_contain_text("Running", timeout=20_000)
    expect(seen.page.locator(NOW)).to_contain_text("is in step", timeout=20_000)
    assert until(lambda: held(house, "rotated").get(member) == "true")
