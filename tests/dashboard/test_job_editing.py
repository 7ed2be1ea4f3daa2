"""Changing a job: shown before it is saved, saved only as shown, problems at their fields, nothing typed lost."""

import re
from typing import Any

from tests.dashboard.settled import put, settle
from tests.dashboard.visiting import House, Page
from usher.access.roles import Role
from usher.domain.job import Status
from usher.domain.outcome import Accepted
from usher.errors import Problem
from usher.sandbox.faults import Rule
from usher.web.dashboard.job_fields import by_control, of_no_control

WAS = re.compile(r'name="was" value="([^"]*)"')
HIDDEN = re.compile(r'name="shown" value="([^"]*)"')


async def a_job(house: House, **config: Any) -> str:
    return str((await house.running.create_job(**config))["id"])


def fields(house: House, **changed: Any) -> dict[str, Any]:
    """What the form of an untouched job sends; None is a box that is not checked."""
    usual = {
        "name": "VIP",
        "description": "",
        "mapp_auth": house.running.made["mapp"],
        "lytics_auth": house.running.made["lytics"],
        "group_id": "2324000001",
        "mapp_attribute_name": "",
        "dynamic_attribute_prefix": "",
        "identifier_type": "email",
        "reconcile_hours": "0",
        "exit_brake": "on",
        "exit_brake_people": "500",
        "exit_brake_percent": "20",
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


async def preview(house: House, job_id: str, **changed: Any) -> Page:
    sent = fields(house, **changed) | {"do": "preview"}
    return await (await house.visitor(Role.OPERATOR)).post(f"/jobs/{job_id}/edit", sent)


async def save(house: House, job_id: str, seen: Page, **changed: Any) -> Page:
    """Press Save on the page of a preview, with *changed* typed since."""
    hidden = {"shown": HIDDEN.findall(seen.text)[0], "was": WAS.findall(seen.text)[0]}
    sent = fields(house, **changed) | {"do": "save"} | hidden
    return await (await house.visitor(Role.OPERATOR)).post(f"/jobs/{job_id}/edit", sent)


async def config_of(house: House, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.running.ask("GET", f"/v2/job/{job_id}")).data
    return found["config"] | {"name": found["name"]}


async def test_the_form_shows_the_job_as_it_is_and_what_cannot_change(house: House) -> None:
    job_id = await a_job(house, withbackfill=True, mapp_attribute_name="vip", reconcile_hours=0.25)
    page = await (await house.visitor(Role.OPERATOR)).get(f"/jobs/{job_id}/edit")
    assert page.status == 200
    for said in ('value="VIP"', 'value="vip"', 'value="0.25"', 'name="withbackfill" value="on" checked'):
        assert said in page.text
    assert 'name="backfill_only" value="on" checked' not in page.text
    assert "A job keeps its audience" in page.words
    assert 'name="segment_id"' not in page.text
    assert f'href="/jobs/{job_id}/clone"' in page.text
    assert "Save changes" not in page.words, "nothing is saved unseen"


async def test_an_untouched_form_changes_nothing(house: House) -> None:
    job_id = await a_job(house)
    page = await preview(house, job_id)
    assert (page.status, "Nothing would change" in page.words) == (200, True)
    assert "Save changes" not in page.words


async def test_a_preview_says_what_changes_for_how_many_and_what_stays_and_saves_nothing(house: House) -> None:
    job_id = await a_job(house)
    await house.running.trigger(house.running.event("jo@example.com"))
    await settle(house, job_id, Accepted())
    page = await preview(house, job_id, mapp_attribute_name="vip_two")
    assert page.status == 200
    assert "Mapp Attribute Name vip_shoppers vip_two" in page.words
    assert "1 person is told again." in page.words
    stays = page.words.index("The old attribute 'vip_shoppers' of group 2324000001 stays in Mapp as it is")
    assert stays < page.words.index(" Also ") < page.words.index("Usher cannot see whether Mapp Connect maps 'vip_two'")
    assert (await config_of(house, job_id)).get("mapp_attribute_name", "") == ""
    saved = await save(house, job_id, page, mapp_attribute_name="vip_two")
    assert (saved.status, saved.leads_to) == (303, f"/jobs/{job_id}")
    assert (await config_of(house, job_id))["mapp_attribute_name"] == "vip_two"
    after = await (await house.visitor(Role.OPERATOR)).get(f"/jobs/{job_id}")
    assert "Saved. Everybody who was told is owed again" in after.words


async def test_what_was_not_previewed_is_not_saved(house: House) -> None:
    job_id = await a_job(house)
    page = await save(house, job_id, await preview(house, job_id, name="One"), name="Two")
    assert (page.status, "Label VIP Two" in page.words) == (200, True)
    assert (await config_of(house, job_id))["name"] == "VIP"
    assert (await save(house, job_id, page, name="Two")).status == 303
    assert (await config_of(house, job_id))["name"] == "Two"


async def test_a_job_that_somebody_changed_since_the_preview_is_shown_again_and_not_saved(house: House) -> None:
    job_id = await a_job(house)
    mine = await preview(house, job_id, name="Renamed only")
    theirs = await preview(house, job_id, mapp_attribute_name="theirs")
    assert (await save(house, job_id, theirs, mapp_attribute_name="theirs")).status == 303
    again = await save(house, job_id, mine, name="Renamed only")
    assert again.status == 409
    assert "Somebody else changed this job since you opened it." in again.words
    assert "Label VIP Renamed only" in again.words
    assert "Mapp Attribute Name theirs vip_shoppers" in again.words
    assert 'value="Renamed only"' in again.text
    now = await config_of(house, job_id)
    assert (now["name"], now["mapp_attribute_name"]) == ("VIP", "theirs")
    assert (await save(house, job_id, again, name="Renamed only")).status == 303


PROBLEMS = [
    ({"name": ""}, "name", "Label is required."),
    ({"group_id": ""}, "group_id", "Group ID is required."),
    ({"dynamic_attribute_prefix": "vip"}, "dynamic_attribute_prefix", "must end with '_'"),
    ({"backfill_only": "on"}, "backfill_only", "needs Existing Users"),
    ({"reconcile_hours": "often"}, "reconcile_hours", "must be a number of hours"),
    ({"exit_brake_people": "1.5"}, "exit_brake_people", "must be a whole number of people"),
    ({"exit_brake_percent": "101"}, "exit_brake_percent", "is out of range"),
    ({"identifier_type": "shoe size"}, "identifier_type", "is not one of Mapp's"),
]


async def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(house: House) -> None:
    job_id = await a_job(house)
    for typed, field, said in PROBLEMS:
        page = await preview(house, job_id, description="<b>typed</b>", **typed)
        assert page.status == 400, field
        at_field = page.text.split(f'id="{field}-error"')[1].split("</span></span>")[0].replace("&#39;", "'")
        assert said in at_field
        assert f'href="#{field}-field"' in page.text
        assert "&lt;b&gt;typed&lt;/b&gt;" in page.text
        assert "Save changes" not in page.words
    assert (await config_of(house, job_id))["name"] == "VIP"


async def test_every_problem_is_named_at_once(house: House) -> None:
    page = await preview(house, await a_job(house), name="", backfill_only="on", reconcile_hours="x")
    assert "3 things to put right" in page.words


async def test_a_second_writer_is_refused_at_the_attribute(house: House) -> None:
    await a_job(house, mapp_attribute_name="taken")
    page = await preview(house, await a_job(house), mapp_attribute_name="taken")
    assert page.status == 400
    assert 'href="#mapp_attribute_name-field"' in page.text


async def test_what_happened_between_preview_and_save_is_said_on_the_form(house: House) -> None:
    job_id = await a_job(house)
    seen = await preview(house, job_id, mapp_attribute_name="late")
    await a_job(house, mapp_attribute_name="late")
    page = await save(house, job_id, seen, mapp_attribute_name="late")
    assert page.status == 409
    assert 'value="late"' in page.text
    assert 'class="note bad said" role="alert"' in page.text
    assert "writes" in page.words
    assert 'aria-invalid="true"' not in page.text, "it is no field's fault"
    assert "to put right" not in page.words


async def test_a_vendor_that_cannot_be_reached_is_no_fault_of_the_label(house: House) -> None:
    job_id = await a_job(house)
    found = await preview(house, job_id, mapp_attribute_name="late")
    house.running.world.faults.add([Rule(where="lytics.any", kind="status", status=503)])
    page = await save(house, job_id, found, mapp_attribute_name="late")
    assert (page.status, "Nothing was changed." in page.words) == (409, True)
    assert 'aria-invalid="true"' not in page.text


async def test_what_no_field_of_the_form_would_mend_stands_above_it(house: House) -> None:
    job_id = await a_job(house)
    no_fields = {"status": 200, "message": "success", "data": []}
    house.running.world.faults.add([Rule(where="lytics.schema", kind="status", status=200, body=no_fields)])
    page = await preview(house, job_id, mapp_attribute_name="late")
    note = page.text.partition('class="note bad said" role="alert"')[2].partition("</div></div>")[0]
    assert (page.status, "email" in note) == (400, True), page.words
    assert 'aria-invalid="true"' not in page.text


async def test_who_may_not_or_what_has_ended_is_not_edited(house: House) -> None:
    job_id = await a_job(house)
    viewer = await house.visitor(Role.VIEWER)
    assert (await viewer.get(f"/jobs/{job_id}/edit")).status == 403
    assert (await viewer.post(f"/jobs/{job_id}/edit", fields(house, name="Mine"))).status == 403
    await put(house, job_id, status=Status.KILLED)
    admin = await house.visitor()
    refused = await admin.get(f"/jobs/{job_id}/edit")
    assert (refused.status, "cannot be changed. Duplicate it into a new one." in refused.words) == (409, True)
    assert (await admin.post(f"/jobs/{job_id}/edit", fields(house, name="Mine"))).status == 409
    assert (await config_of(house, job_id))["name"] == "VIP"


def test_two_problems_of_one_field_are_both_told_and_one_without_a_field_too() -> None:
    found = by_control(
        [
            Problem("config.group_id", "is odd.", "Mend it."),
            Problem("config.group_id", "is long.", "Cut it."),
            Problem("config.segment_id", "cannot change.", "Duplicate it."),
            Problem("auth_ids", "There is none.", ""),
        ]
    )
    assert found["group_id"].problem == "Group ID is odd. Mend it. Group ID is long."
    assert found["group_id"].mend == "Cut it."
    assert "name" not in found, "it is no fault of the label's"
    assert found["mapp_auth"].problem == "There is none."


def test_what_no_control_would_mend_is_told_apart_in_whole_sentences() -> None:
    problems = [
        Problem("name", "is required.", "Give the job a label."),
        Problem("config.segment_id", "cannot change: a job keeps its audience.", "Duplicate it."),
        Problem("status", "A killed job cannot be changed.", ""),
    ]
    said = "Audience cannot change: a job keeps its audience. Duplicate it. A killed job cannot be changed."
    assert of_no_control(problems) == said
    assert list(by_control(problems)) == ["name"]
