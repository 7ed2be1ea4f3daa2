"""The new-job pages: every mistake is named where it was made, and nothing typed is ever lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import Window
from tests.ui.house import GROUP, House

FIELD = "#{}-error"
AT_ONCE = (  # (field, what is typed, what is said as it is left)
    ("dynamic_attribute_prefix", "shop", "must end with '_'"),
    ("mapp_attribute_name", "a" * 81, "is longer than 80 characters"),
    ("group_id", "2324000009", "is not in Mapp's list of groups"),
    ("reconcile_hours", "often", "must be a number of hours"),
    ("reconcile_hours", "-1", "is out of range"),
    ("exit_brake_people", "many", "must be a whole number of people"),
    ("exit_brake_percent", "101", "is out of range"),
)
ACCOUNTS_AT_ONCE = (
    ("mapp_api_url", "mapp", "names a host without a dot"),
    ("lytics_api_url", "ftp://lytics.example", "is not an https URL"),
    ("name", "n" * 201, "is longer than 200 characters"),
    ("mapp_label", "l" * 201, "is longer than 200 characters"),
)


@pytest.fixture(scope="module")
def accounts(house: House) -> tuple[str, str]:
    return house.authorize()


@pytest.fixture
def wizard(signed_in: Callable[..., Window], accounts: tuple[str, str]) -> Window:
    """The third page, with both accounts chosen."""
    seen = signed_in()
    seen.open("/jobs")
    seen.press("New job")
    seen.press("Continue")
    seen.press("Continue")
    expect(seen.page.locator("h1")).to_have_text("What should be exported?")
    return seen


def leave(page: Page, field: str, text: str) -> None:
    page.locator(f"#{field}").fill(text)
    page.locator(f"#{field}").press("Tab")


def test_each_mistake_is_named_at_its_field_as_it_is_left_and_goes_once_it_is_mended(wizard: Window) -> None:
    page = wizard.page
    page.locator("details.more-fields summary").click()
    page.get_by_label("Enable Dynamic Attributes").check()
    for field, text, said in AT_ONCE:
        leave(page, field, text)
        expect(page.locator(FIELD.format(field))).to_contain_text(said)
        expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Existing Users").uncheck()
    page.get_by_label("Backfill Only").check()
    expect(page.locator(FIELD.format("backfill_only"))).to_contain_text("needs Existing Users")
    wizard.shoot("wizard-1-at-the-fields")
    assert wizard.barriers() == []
    for field in dict.fromkeys(field for field, _, _ in AT_ONCE):
        leave(page, field, "")
        expect(page.locator(FIELD.format(field))).to_be_empty()
        expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "false")


def test_accounts_are_checked_as_their_fields_are_left_without_sending_a_secret(
    signed_in: Callable[..., Window], accounts: tuple[str, str]
) -> None:
    seen = signed_in()
    seen.open("/jobs/new/accounts")
    sent: list[str] = []
    seen.page.on("request", lambda asked: sent.append(asked.post_data or ""))
    for provider in ("mapp", "lytics"):
        seen.page.locator(f"#{provider}-field input[value=new]").check()
    seen.page.locator("#mapp_secret").fill("a-secret-of-mine")
    for field, text, said in ACCOUNTS_AT_ONCE:
        leave(seen.page, field, text)
        expect(seen.page.locator(FIELD.format(field))).to_contain_text(said)
    seen.shoot("wizard-2-accounts-at-the-fields")
    assert sent
    assert not [body for body in sent if "a-secret-of-mine" in body]


def test_one_click_mends_what_has_one_mend(wizard: Window) -> None:
    page = wizard.page
    page.get_by_label("Enable Dynamic Attributes").check()
    leave(page, "dynamic_attribute_prefix", "shop")
    wizard.press("Use shop_")
    expect(page.locator("#dynamic_attribute_prefix")).to_have_value("shop_")
    expect(page.locator(FIELD.format("dynamic_attribute_prefix"))).to_be_empty()
    leave(page, "group_id", "2324000009")
    wizard.press("Use 2324000001, Customers")
    expect(page.locator("#group_id-name")).to_have_text("Customers")
    page.get_by_label("Existing Users").uncheck()
    page.get_by_label("Backfill Only").check()
    wizard.press("Switch it on")
    expect(page.get_by_label("Existing Users")).to_be_checked()
    expect(page.locator(FIELD.format("backfill_only"))).to_be_empty()


def test_whoever_goes_on_too_early_sees_everything_that_is_missing_with_the_focus_on_it(wizard: Window) -> None:
    wizard.page.get_by_label("Backfill Only").check()
    wizard.page.get_by_label("Existing Users").uncheck()
    leave(wizard.page, "mapp_attribute_name", "keep_me")
    wizard.press("Review")
    summary = wizard.page.locator("#problems")
    expect(summary).to_be_focused()
    expect(summary.locator("li")).to_have_count(3)
    for field in ("segment_id", "group_id", "backfill_only"):
        expect(wizard.page.locator(FIELD.format(field))).not_to_be_empty()
    expect(wizard.page.locator("#mapp_attribute_name")).to_have_value("keep_me")
    wizard.shoot("wizard-3-all-on-submit")
    summary.locator("a").first.click()
    assert wizard.page.url.endswith("#segment_id-field")


def test_nothing_typed_is_lost_by_a_reload_or_by_going_back_and_forward(wizard: Window) -> None:
    page = wizard.page
    page.locator("label", has_text="VIP shoppers").click()
    leave(page, "mapp_attribute_name", "vip_member")
    page.reload()
    expect(page.locator("#mapp_attribute_name")).to_have_value("vip_member")
    expect(page.get_by_role("radio", name="VIP shoppers")).to_be_checked()
    leave(page, "group_id", GROUP)
    wizard.press("Review")
    expect(page.locator("h1")).to_have_text("Ready to start")
    page.reload()
    expect(page.locator("h1")).to_have_text("Ready to start")
    page.go_back()
    expect(page.locator("#mapp_attribute_name")).to_have_value("vip_member")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Ready to start")
    wizard.press("Back")
    expect(page.locator("#mapp_attribute_name")).to_have_value("vip_member")
    wizard.press("Back")
    page.locator("#name").fill("A label typed late")
    wizard.press("Continue")
    expect(page.locator("#mapp_attribute_name")).to_have_value("vip_member")
    wizard.press("Review")
    assert "A label typed late" in wizard.text
