"""How the new-job pages end, and what survives when they are left in the middle."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.ui.browsing import PASSWORD, Window
from tests.ui.conftest import OWNER
from tests.ui.house import GROUP, House, until
from tests.ui.looking import held, inside, map_attributes


@pytest.fixture(scope="module")
def accounts(house: House) -> tuple[str, str]:
    map_attributes(house, "sent_alone", "saved_first", "cloned_to")
    return house.authorize()


@pytest.fixture
def at_review(signed_in: Callable[..., Window], accounts: tuple[str, str]) -> Callable[[str], Window]:
    """Fill the pages in for an attribute and come to the last one."""

    def filled(attribute: str) -> Window:
        seen = signed_in()
        seen.open("/jobs/new/accounts")
        seen.page.locator("#name").fill(f"Sets {attribute}")
        seen.press("Continue")
        seen.page.locator("label", has_text="VIP shoppers").click()
        seen.page.locator("#group_id").fill(GROUP)
        seen.page.locator("#mapp_attribute_name").fill(attribute)
        seen.press("Review")
        expect(seen.page.locator("h1")).to_have_text("Ready to start")
        return seen

    return filled


def sign_in_again(seen: Window) -> None:
    expect(seen.page.locator("h1")).to_have_text("Sign in")
    seen.type("Name", OWNER)
    seen.type("Password", PASSWORD)
    seen.press("Sign in")


def test_one_person_only_is_sent_and_mapps_answer_stands_on_the_page(
    at_review: Callable[[str], Window], house: House
) -> None:
    seen = at_review("sent_alone")
    seen.press("Send this one only")
    trial = seen.page.locator("#trial")
    expect(trial).to_contain_text("Mapp took it")
    expect(seen.page.locator("h1")).to_have_text("Ready to start")
    seen.shoot("ending-1-sent-one")
    found = until(lambda: held(house, "sent_alone"))
    [(member, value)] = found.items()
    assert value == "true"
    assert member in trial.inner_text()
    assert house.api("GET", "/v2/job") == []


def test_a_job_saved_without_starting_sends_nothing_until_it_is_started(
    at_review: Callable[[str], Window], house: House
) -> None:
    seen = at_review("saved_first")
    seen.press("Save without starting")
    expect(seen.page.locator("main")).to_contain_text("is saved. Nothing is sent")
    assert held(house, "saved_first") == {}
    seen.shoot("ending-2-saved")
    seen.press("Start Export")
    expect(seen.page.locator("[data-part=status]")).to_contain_text("Running")
    expect(seen.page.locator("[data-part=now]")).to_contain_text("is in step", timeout=20_000)
    until(lambda: held(house, "saved_first") == dict.fromkeys(inside(house), "true"))


def test_a_clone_is_filled_in_and_starts_beside_the_first_one(at_review: Callable[[str], Window], house: House) -> None:
    seen = at_review("cloned_from")
    seen.press("Save without starting")
    seen.page.get_by_label("More actions").click()
    seen.press("Duplicate")
    expect(seen.page.locator("#mapp_attribute_name")).to_have_value("cloned_from")
    expect(seen.page.get_by_role("radio", name="VIP shoppers")).to_be_checked()
    seen.page.locator("#mapp_attribute_name").fill("cloned_to")
    seen.press("Review")
    seen.press("Start Export")
    expect(seen.page.locator("h1")).to_have_text("Sets cloned_from (copy)")
    expect(seen.page.locator("[data-part=now]")).to_contain_text("is in step", timeout=20_000)
    until(lambda: set(held(house, "cloned_to").values()) == {"true"})


def test_a_session_that_ends_in_the_middle_loses_nothing_that_was_typed(
    signed_in: Callable[..., Window], accounts: tuple[str, str]
) -> None:
    seen = signed_in()
    seen.open("/jobs")
    seen.press("New job")
    seen.press("Continue")
    seen.page.locator("#name").fill("Typed before the session ended")
    seen.page.locator("#description").fill("With a description")
    seen.page.context.clear_cookies()
    seen.press("Continue")
    sign_in_again(seen)
    expect(seen.page.locator("#name")).to_have_value("Typed before the session ended")
    expect(seen.page.locator("#description")).to_have_value("With a description")
    seen.press("Continue")
    seen.page.locator("label", has_text="VIP shoppers").click()
    seen.page.locator("#group_id").fill(GROUP)
    seen.page.locator("#group_id").press("Tab")
    expect(seen.page.locator("#group_id-name")).to_have_text("Customers")
    seen.page.context.clear_cookies()
    seen.press("Review")
    sign_in_again(seen)
    expect(seen.page.locator("h1")).to_have_text("Ready to start")
    assert "Typed before the session ended" in seen.text


def test_a_field_left_after_the_session_ended_loses_nothing_either(
    signed_in: Callable[..., Window], accounts: tuple[str, str]
) -> None:
    seen = signed_in()
    seen.open("/jobs/new/accounts")
    seen.press("Continue")
    seen.page.locator("label", has_text="VIP shoppers").click()
    expect(seen.page.locator("#uid_field")).to_contain_text("60 of 60 have one")
    seen.page.context.clear_cookies()
    seen.page.locator("#mapp_attribute_name").fill("typed_last")
    seen.page.locator("#mapp_attribute_name").press("Tab")
    sign_in_again(seen)
    expect(seen.page.locator("#mapp_attribute_name")).to_have_value("typed_last")
    expect(seen.page.get_by_role("radio", name="VIP shoppers")).to_be_checked()


def test_without_script_every_mistake_is_named_on_submit_and_what_was_typed_stays(
    signed_in: Callable[..., Window], accounts: tuple[str, str], house: House
) -> None:
    seen = signed_in(has_script=False)
    seen.open("/jobs/new")
    seen.press("Continue")
    seen.page.locator("#name").fill("Made without script")
    seen.press("Continue")
    seen.page.locator("label", has_text="VIP shoppers").click()
    seen.page.locator("#group_id").fill("2324000009")
    seen.page.get_by_label("Enable Dynamic Attributes").check()
    seen.page.locator("#dynamic_attribute_prefix").fill("shop")
    seen.press("Review")
    expect(seen.page.locator("#problems li")).to_have_count(2)
    expect(seen.page.locator("#dynamic_attribute_prefix")).to_have_value("shop")
    expect(seen.page.get_by_role("radio", name="VIP shoppers")).to_be_checked()
    seen.shoot("ending-3-without-script")
    seen.page.locator("#group_id").fill(GROUP)
    seen.page.locator("#dynamic_attribute_prefix").fill("shop_")
    seen.press("Review")
    seen.press("Start Export")
    assert "Made without script has started" in seen.text
    house.until_quiet(seen.page.url.rpartition("/")[2])
    seen.page.reload()
    assert "is in step" in seen.text
