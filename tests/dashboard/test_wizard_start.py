"""The last look, and what comes of its buttons."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.dashboard.filling import forms_on
from tests.dashboard.test_wizard_pages import at, filled, jobs_of, person
from tests.dashboard.visiting import House, visiting
from tests.web.service import EXPORT, SANDBOX
from usher.access.roles import Role
from usher.sandbox.faults import Rule
from usher.web.dashboard import wizard_offers

REACHABLE = {"USHER_BASE_URL": "http://127.0.0.1:9"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder), **REACHABLE) as found:
            await found.running.authorize()
            yield found


def sent_to_mapp(house: House) -> int:
    return sum(house.running.world.mapp.held.values())


async def test_the_last_look_shows_the_request_the_people_and_what_is_doubtful(house: House) -> None:
    found = await (await house.visitor(Role.OPERATOR)).get(at(house, "review"))
    assert "People to send at the start 20 everyone in the audience" in found.words
    assert '"vip_shoppers" : "true"' in found.words
    assert "auth-token: (signed when sent)" in found.words
    assert found.words.count("Usher asks Mapp not to sign anybody up.") == 1
    assert "nobody is signed up" not in found.words.casefold()
    assert "Usher makes a webhook" in found.words
    assert "Group ID Customers 2324000001 Change" in found.words
    assert sent_to_mapp(house) == 0


async def test_a_blank_label_becomes_the_audiences_name_and_a_typed_one_stays(house: House) -> None:
    somebody = await person(house)
    assert "Label VIP shoppers Change" in (await somebody.open(at(house, "review"))).words
    assert "Label Mine Change" in (await somebody.open(at(house, "review", name="Mine"))).words


@pytest.mark.parametrize(
    ("changes", "environment", "words"),
    [
        ({}, REACHABLE, "VIP shoppers has started. Usher made the webhook in Lytics itself"),
        ({}, {}, "VIP shoppers has started. Lytics must still be told to send its changes here"),
        ({"backfill_only": "on"}, REACHABLE, "VIP shoppers has started. It sends everyone who is inside once"),
    ],
    ids=["made", "paste", "once"],
)
async def test_a_started_job_says_how_its_changes_will_arrive(
    tmp_path: Path, changes: dict[str, str], environment: dict[str, str], words: str
) -> None:
    async with visiting(tmp_path, **environment) as house:
        await house.running.authorize()
        somebody = await person(house, Role.OPERATOR)
        await somebody.open(at(house, "review", **changes))
        await somebody.press("Start Export")
        [job] = await jobs_of(house)
        assert words in somebody.page.words
        assert job["status"] == "runnable"


async def test_a_job_can_be_saved_without_starting_and_lytics_hears_nothing_of_it(house: House) -> None:
    somebody = await person(house)
    await somebody.open(at(house, "review", name="Later"))
    await somebody.press("Save without starting")
    assert "Later is saved. Nothing is sent" in somebody.page.words
    [job] = await jobs_of(house)
    assert (job["name"], job["status"]) == ("Later", "paused")
    assert house.running.world.jobs.by_id == {}


async def test_a_job_that_stands_in_the_way_is_named_and_nothing_typed_is_lost(house: House) -> None:
    await house.running.create_job()
    somebody = await person(house)
    shown = await somebody.open(at(house, "review", name="Second", description="Kept"))
    assert "This cannot start yet" in shown.words
    assert "The job 'VIP'" in shown.words
    buttons = [button.word.strip() for form in forms_on(shown) for button in form.buttons]
    assert not {"Start Export", "Save without starting"} & set(buttons)
    assert "Not possible before what is named above is put right." in shown.words
    refused = await (await house.visitor()).post("/jobs/new/start", filled(house, name="Second", description="Kept"))
    assert refused.status == 409
    assert "choose another attribute name" in refused.words
    assert "Description Kept" in refused.words
    assert len(await jobs_of(house)) == 1


@pytest.mark.parametrize("button", ["start", "save"])
async def test_pressing_start_twice_makes_one_job(house: House, button: str) -> None:
    admin = await house.visitor()
    sent = filled(house, name="Once only")
    pages = await asyncio.gather(*(admin.post(f"/jobs/new/{button}", sent) for _ in range(3)))
    [job] = await jobs_of(house)
    assert [(page.status, page.leads_to) for page in pages] == [(303, f"/jobs/{job['id']}")] * 3
    assert job["status"] == {"start": "runnable", "save": "paused"}[button]


async def test_the_second_press_says_that_no_second_job_was_made(house: House) -> None:
    admin = await house.visitor()
    sent = filled(house, name="Once only")
    await admin.act("/jobs/new/start", sent)
    assert (
        "Once only has started already, so no second job was made." in (await admin.act("/jobs/new/start", sent)).words
    )


async def test_starting_what_was_saved_leads_to_where_it_can_be_started(house: House) -> None:
    admin = await house.visitor()
    sent = filled(house, name="Later")
    await admin.act("/jobs/new/save", sent)
    assert "Later is saved. Nothing is sent" in (await admin.act("/jobs/new/start", sent)).words
    [job] = await jobs_of(house)
    assert job["status"] == "paused"


@pytest.mark.parametrize(
    "changes", [{"name": "Other"}, {"description": "x"}, {"create_users": "on"}], ids=["label", "description", "switch"]
)
async def test_a_job_that_differs_in_anything_is_not_taken_for_the_first(house: House, changes: dict[str, str]) -> None:
    admin = await house.visitor()
    await admin.act("/jobs/new/start", filled(house, name="Once only"))
    refused = await admin.post("/jobs/new/start", filled(house, **({"name": "Once only"} | changes)))
    assert refused.status == 409
    assert "The job 'Once only'" in refused.words


async def test_once_the_first_has_ended_the_same_makes_another(house: House) -> None:
    admin = await house.visitor()
    sent = filled(house, name="Again")
    first = await admin.post("/jobs/new/start", sent)
    await admin.act(f"{first.leads_to}/kill")
    assert (await admin.post("/jobs/new/start", sent)).leads_to != first.leads_to
    assert len(await jobs_of(house)) == 2


async def test_what_is_wrong_with_a_field_leads_back_to_it_even_from_the_last_button(house: House) -> None:
    admin = await house.visitor()
    found = await admin.post("/jobs/new/start", filled(house, name="Mine", group_id="nowhere"))
    assert found.status == 400
    assert "What should be exported?" in found.words
    assert "Group ID is not in Mapp's list of groups." in found.words
    too_long = await admin.post("/jobs/new/start", filled(house, name="x" * 201))
    assert too_long.status == 400
    assert "Label is longer than 200 characters." in too_long.words


async def test_one_person_can_be_sent_first_and_mapps_answer_is_shown_beside_everything_else(house: House) -> None:
    somebody = await person(house, Role.OPERATOR)
    await somebody.open(at(house, "review", name="Mine"))
    found = await somebody.press("Send this one only")
    assert found.status == 200
    assert "Mapp took it. Look this person up in Mapp" in found.words
    assert "Label Mine Change" in found.words
    assert await jobs_of(house) == []
    await somebody.press("Start Export")
    assert len(await jobs_of(house)) == 1


async def test_a_person_whom_mapp_rejects_is_shown_in_mapps_own_words(house: House) -> None:
    house.running.world.faults.add([Rule(where="mapp.event", kind="reject")])
    admin = await house.visitor()
    found = await admin.post("/jobs/new/send-one", filled(house, name="Mine"), **{"HX-Request": "true"})
    assert "<form" not in found.text, "a page with script takes in the answer only"
    assert "Mapp will not take this person as they are." in found.words
    assert "Mapp’s words:" in found.words


async def test_somebody_outside_the_audience_is_not_sent(house: House) -> None:
    somebody = await person(house)
    await somebody.open(at(house, "review"))
    somebody.type(member="nobody@example.org")
    found = await somebody.press("Send this one only")
    assert "Nobody was sent." in found.words
    assert "is not among the first 20 people" in found.words
    assert sent_to_mapp(house) == 0


async def test_a_clone_opens_filled_in_under_a_label_of_its_own(house: House) -> None:
    config = {"enable_dynamic_attributes": True, "reconcile_hours": 6, "withbackfill": True, "create_users": True}
    job = await house.running.create_job(**config)
    somebody = await person(house, Role.OPERATOR)
    await somebody.open(f"/jobs/{job['id']}/clone")
    assert "What should be exported?" in somebody.page.words
    assert (somebody.shown("segment_id"), somebody.shown("group_id")) == ("vip_shoppers", SANDBOX.home_group)
    assert (somebody.shown("reconcile_hours"), somebody.shown("create_users")) == ("6", "on")
    somebody.type(mapp_attribute_name="another")
    assert "Label VIP (copy) Change" in (await somebody.press("Review")).words
    assert len(await jobs_of(house)) == 1


async def test_a_job_that_is_not_there_cannot_be_cloned(house: House) -> None:
    found = await (await house.visitor()).get("/jobs/nothing/clone")
    assert (found.status, "There is nothing here" in found.words) == (404, True)


async def test_a_blank_label_that_is_taken_gets_the_attribute_added(house: House) -> None:
    await house.running.ask("POST", EXPORT, house.running.job() | {"name": "VIP shoppers"})
    somebody = await person(house)
    found = await somebody.open(at(house, "review", mapp_attribute_name="best"))
    assert "Label VIP shoppers → best Change" in found.words
    assert "Another live job is called" not in found.words
    await somebody.press("Start Export")
    assert "VIP shoppers → best" in [job["name"] for job in await jobs_of(house)]


async def test_what_this_choice_brings_about_stands_out_above_the_standing_advice(house: House) -> None:
    found = await (await house.visitor()).get(at(house, "review", group_id="999", allow_unlisted_group="on"))
    own, _, standing = found.words.partition(" Also ")
    assert "To know before you start" in own
    assert "The Group ID 999 is not in Mapp's list of groups." in own
    assert "Usher cannot see whether Mapp Connect maps" in standing
    assert "Usher cannot see" not in own


async def test_the_last_look_lists_every_setting_as_the_job_page_does_with_a_way_to_change_it(house: House) -> None:
    more = {"enable_dynamic_attributes": "on", "dynamic_attribute_prefix": "shop_", "lowercase_identifiers": "on"}
    more |= {"reconcile_hours": "6", "exit_brake_people": "900", "exit_brake_percent": "30"}
    somebody = await person(house)
    shown = await somebody.open(at(house, "review", name="Mine", **more))
    words = (
        "Identifier type E-mail address",
        "Lower-case e-mail addresses On",
        "Enable Dynamic Attributes On",
        "Dynamic Attribute Prefix shop_",
        "Mapp Attribute Name vip_shoppers",
        "Existing Users On",
        "Compare every (hours) 6",
        "Ask before mass exits Above 900 people and 30 %",
    )
    for said in words:
        assert f"{said} Change" in shown.words
    for name in ("identifier_type", "exit_brake", "lowercase_identifiers"):
        assert f'#{name}-field"' in shown.text
    page = await somebody.press("Start Export")
    for said in words:
        assert said in page.words


async def test_vendors_that_are_silent_keep_the_last_look_waiting_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wizard_offers, "PATIENCE_SECONDS", 0.5)
    house.running.world.faults.add([Rule(where=where, kind="hang") for where in ("mapp.any", "lytics.any")])
    admin, clock = await house.visitor(), asyncio.get_running_loop()
    began = clock.time()
    found = await admin.get(at(house, "review", name="Mine"))
    assert clock.time() - began < 3 * 0.5
    assert "Lytics did not answer within 0.5 seconds. Mapp" in " ".join(found.words.split("This cannot start yet")[1:])
    assert "Identifier type E-mail address" in found.words
    assert [form for form in forms_on(found) if any("Start" in one.word for one in form.buttons)] == []
