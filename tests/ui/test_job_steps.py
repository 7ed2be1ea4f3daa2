"""What people do with a job that runs: pause it, change it, mend who is set aside, ask why, end it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.browsing import Window
from tests.ui.house import House, until
from tests.ui.looking import held, inside, map_attributes

STATUS, NOW, ASIDE = "[data-part=status]", "[data-part=now]", "#aside"
ATTRIBUTES = ("paused_one", "edited_one", "edited_two", "aside_one", "asked_one")


@pytest.fixture(scope="module")
def accounts(house: House) -> tuple[str, str]:
    map_attributes(house, *ATTRIBUTES)
    return house.authorize()


@pytest.fixture
def started(house: House, accounts: tuple[str, str]) -> Callable[[str], str]:
    """Start a job that sets an attribute, and wait until it owes nobody."""

    def start(attribute: str) -> str:
        made = house.create_job(f"Sets {attribute}", accounts, mapp_attribute_name=attribute, withbackfill=True)
        house.until_quiet(made)
        return made

    return start


def move(house: House, act: str, *members: str) -> list[str]:
    """Let somebody enter or exit in Lytics; return who it was."""
    order = {"members": list(members)} if members else {"count": 1}
    moved: list[str] = house.control("POST", f"/audiences/vip_shoppers/{act}", order)["members"]
    return moved


def test_a_paused_job_sends_nothing_and_forgets_nothing(
    signed_in: Callable[..., Window], house: House, started: Callable[[str], str]
) -> None:
    job = started("paused_one")
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    seen.press("Pause")
    expect(seen.page.locator(STATUS)).to_contain_text("Paused")
    [gone] = move(house, "exit")
    expect(seen.page.locator(NOW)).to_contain_text("1 person waits to be sent", timeout=20_000)
    assert held(house, "paused_one")[gone] == "true"
    seen.shoot("steps-1-paused")
    seen.press("Resume")
    expect(seen.page.locator(STATUS)).to_contain_text("Running")
    expect(seen.page.locator(NOW)).to_contain_text("is in step", timeout=20_000)
    assert until(lambda: held(house, "paused_one")[gone] == "false")


def test_a_change_is_shown_with_how_many_it_concerns_before_it_is_saved(
    signed_in: Callable[..., Window], house: House, started: Callable[[str], str]
) -> None:
    job = started("edited_one")
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    seen.page.get_by_role("link", name="Edit").first.click()
    seen.type("Mapp Attribute Name optional", "edited_two")
    seen.page.keyboard.press("Enter")
    preview = seen.page.locator("#preview")
    expect(preview).to_contain_text("edited_two")
    count = house.progress(job)["members"]["total"]
    expect(preview).to_contain_text(f"{count} people are told again")
    assert house.api("GET", f"/v2/job/{job}")["config"]["mapp_attribute_name"] == "edited_one", "nothing is saved yet"
    assert seen.barriers() == []
    seen.shoot("steps-2-edit")
    seen.press("Save changes")
    expect(seen.page.locator("main")).to_contain_text("Saved.")
    until(lambda: set(held(house, "edited_two")) >= inside(house))


def test_termination_asks_first_and_says_what_it_means(
    signed_in: Callable[..., Window], house: House, accounts: tuple[str, str]
) -> None:
    job = house.create_job("To be ended", accounts, mapp_attribute_name="ended_one")
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    seen.page.get_by_label("More actions").click()
    seen.press("Terminate")
    expect(seen.page.locator("h1")).to_have_text("Terminate To be ended?")
    assert "This cannot be undone" in seen.text
    seen.shoot("steps-3-terminate")
    seen.press("Leave it as it is")
    expect(seen.page.locator(STATUS)).to_contain_text("Running")
    seen.page.get_by_label("More actions").click()
    seen.press("Terminate")
    seen.press("Terminate")
    expect(seen.page.locator(STATUS)).to_contain_text("Terminated")


def test_people_set_aside_are_explained_and_accepted_once_the_fault_is_mended(
    signed_in: Callable[..., Window], house: House, accounts: tuple[str, str], tmp_path: Path
) -> None:
    rejected = sorted(inside(house))[:3]
    house.control("POST", "/faults", {"where": "mapp.event", "kind": "reject", "members": rejected})
    job = house.create_job("Some rejected", accounts, mapp_attribute_name="aside_one", withbackfill=True)
    seen = signed_in()
    seen.open(f"/jobs/{job}")
    aside = seen.page.locator(ASIDE)
    expect(aside.locator("h2")).to_have_text("Set aside: 3 people", timeout=20_000)
    expect(aside.locator("tbody tr")).to_have_count(1)
    expect(aside).to_contain_text("is not valid")
    assert "retry" in aside.inner_text().lower()
    seen.shoot("steps-4-set-aside")
    with seen.page.expect_download() as downloading:
        aside.get_by_role("link", name="Download as CSV").click()
    path = tmp_path / "people.csv"
    downloading.value.save_as(path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert {row["member"].removeprefix("'") for row in rows} == set(rejected)
    assert all(row["state"] == "set_aside" and "is not valid" in row["set_aside_reason"] for row in rows)
    aside.get_by_role("link", name="See people").click()
    assert [one for one in rejected if one not in seen.text] == []
    seen.shoot("steps-5-who-is-set-aside")
    house.control("DELETE", "/faults")
    seen.open(f"/jobs/{job}")
    seen.press("Retry 3")
    expect(seen.page.locator("main")).to_contain_text("3 people are sent again.")
    expect(seen.page.locator(ASIDE)).to_contain_text("Nobody is set aside", timeout=20_000)
    until(lambda: held(house, "aside_one") == dict.fromkeys(inside(house), "true"))


def test_the_timeline_tells_of_a_lost_answer_and_what_became_of_it(
    signed_in: Callable[..., Window], house: House, started: Callable[[str], str]
) -> None:
    job = started("asked_one")
    [member] = move(house, "enter")
    until(lambda: held(house, "asked_one").get(member) == "true")
    lost = {"where": "mapp.event", "kind": "reset_after", "members": [member], "times": 50}
    house.control("POST", "/faults", lost)
    move(house, "exit", member)
    until(lambda: house.control("GET", "/faults")[0]["hits"] > 0)
    seen = signed_in()
    seen.open(f"/jobs/{job}/member?m={member}")
    steps = seen.page.locator("[data-part=steps]")
    expect(steps).to_contain_text("No answer")
    seen.shoot("why-2-answer-lost")
    house.control("DELETE", "/faults")
    move(house, "enter", member)
    answer = seen.page.get_by_role("region", name="Answer")
    expect(seen.page.locator("[data-part=answer]")).to_contain_text("Mapp has what is wanted", timeout=30_000)
    expect(answer).to_contain_text("true")
    told = [" ".join(one.split()) for one in steps.locator("b").all_inner_texts()]
    told = [one for one in told if "more" not in one]  # every job's webhook brings the same word
    assert told[:2] == ["Accepted true", "Entered VIP shoppers"]
    assert told.index("No answer false") < told.index("Left VIP shoppers") < len(told) - 1
    assert told[-1] == "Entered VIP shoppers"
    seen.shoot("why-3-came-back")
    seen.page.get_by_role("button", name="Send again").first.click()
    expect(seen.page.locator("main")).to_contain_text("This person is sent again")
    expect(steps).to_contain_text("To be sent again")
    expect(steps.locator("b").first).to_contain_text("Accepted", timeout=30_000)


def test_a_person_known_to_several_jobs_is_one_click_more_away(
    signed_in: Callable[..., Window], house: House, started: Callable[[str], str]
) -> None:
    started("known_one")
    started("known_two")
    member = min(inside(house))
    seen = signed_in()
    seen.open("/members")
    seen.page.locator("#q").fill(member)
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("h2").first).to_contain_text("jobs know this person")
    seen.press("Sets known_two")
    expect(seen.page.locator("h1")).to_have_text(member)
    expect(seen.page.get_by_role("region", name="Answer")).to_contain_text("known_two")
