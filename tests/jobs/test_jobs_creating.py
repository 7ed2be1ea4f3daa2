"""What stands in the way of a new job, what does not, and what a new job begins with."""

import asyncio

import pytest

from tests.crossing import TurnByTurn
from tests.jobs.fake_vendors import GROUP, LYTICS_HOST, MAPP_HOST, OTHER, VIP, segment
from tests.jobs.office import ANNA, CONFIG, SECRET, TOKEN, Office
from usher.domain.job import Status
from usher.errors import Conflict, InvalidInput, Unavailable
from usher.jobs.control import kill_job
from usher.jobs.creating import check_job, create_job
from usher.jobs.drafts import read_auth_draft, read_job_draft
from usher.jobs.looking import list_jobs


async def problems_of(office: Office, draft) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        await check_job(office.desk, draft)
    return {problem.field: str(problem) for problem in caught.value.problems}


async def test_a_sound_draft_becomes_a_running_job_with_its_audience_by_id_and_slug(office):
    job = (await create_job(office.desk, ANNA, office.draft(segment_id="vip_buyers"))).job

    assert (job.status, job.config.segment_id, job.audience_slug) == (Status.RUNNABLE, VIP, "vip_buyers")
    assert (job.mapp_auth, job.lytics_auth, job.created_by) == (office.mapp, office.lytics, "anna")
    assert ("anna", "job.create", job.id) in await office.audit()
    assert office.refreshed


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, ""),
        ({"reconcile_hours": 1}, "baseline"),
        ({"withbackfill": True}, "backfill"),
        ({"withbackfill": True, "reconcile_hours": 1}, "backfill"),
        ({"withbackfill": True, "backfill_only": True}, "backfill"),
    ],
)
async def test_a_new_job_begins_with_the_scan_that_its_switches_ask_for(office, config, wanted):
    job = await office.make_job(**config)

    assert (job.scan_wanted, job.is_baselined) == (wanted, False)


async def test_a_name_that_another_live_job_has_is_told(office):
    await office.make_job("Twin")
    notes = (await create_job(office.desk, ANNA, office.draft("Twin", mapp_attribute_name="other"))).notes

    assert any("Another live job is called 'Twin' too. Rename one" in note for note in notes)


@pytest.mark.parametrize(
    ("typed", "mend"), [("vip_buyer", "vip_buyers"), ("VIP Buyers", "vip_buyers"), ("zzz", "`usher audience list`")]
)
async def test_a_mistyped_audience_gets_a_suggestion_or_the_command_that_lists_them(office, typed, mend):
    assert mend in (await problems_of(office, office.draft(segment_id=typed)))["config.segment_id"]


async def test_an_identifier_field_that_lytics_hides_from_the_token_is_refused_and_one_odd_value_is_not(office):
    office.vendors.values = ["[redacted]", "***", None]

    problems = await problems_of(office, office.draft())
    assert list(problems) == ["config.uid_field"]
    assert "'email' look redacted" in problems["config.uid_field"]
    assert "PII View" in problems["config.uid_field"]

    office.vendors.values = ["j***@e***.com", "a@example.com", "b@example.com"]
    assert (await check_job(office.desk, office.draft())).warnings


@pytest.mark.parametrize(
    "odd", ["a\0b", "\x1b[31m", "\x07", "a\x85b", "\ud800"], ids=["nul", "escape", "bell", "nel", "half"]
)
def test_a_description_holds_no_control_character(odd):
    for read in (read_job_draft, read_auth_draft):
        assert [one.field for one in read({"description": odd}).problems] == ["description"]


def test_a_description_has_lines_and_whatever_else_people_write():
    text = "One\r\n\ttwo\u00a0three \U0001f469\u200d\U0001f680"
    for read in (read_job_draft, read_auth_draft):
        draft = read({"description": text})
        assert (draft.description, draft.problems) == (text, ())


async def test_every_problem_of_body_and_configuration_and_vendors_is_named_at_once(office):
    office.vendors.segments[0]["invalid"] = True
    body = {
        "description": 7,
        "auth_ids": ["nobody"],
        "surprise": 1,
        "quiet_period": 3,
        "config": {
            "segment_id": VIP,
            "uid_field": "emial",
            "enable_dynamic_attributes": True,
            "dynamic_attribute_prefix": "vip",
            "backfill_only": True,
            "colour": "red",
        },
    }

    found = await problems_of(office, read_job_draft(body))

    assert found.keys() == {
        "name",
        "description",
        "auth_ids",
        "surprise",
        "quiet_period",
        "config.group_id",
        "config.uid_field",
        "config.segment_id",
        "config.dynamic_attribute_prefix",
        "config.backfill_only",
        "config.colour",
    }
    assert "Did you mean email?" in found["config.uid_field"]
    assert (await list_jobs(office.desk))[0] == []


@pytest.mark.parametrize(
    ("field", "change", "word"),
    [
        ("config.segment_id", {"segment_id": "nothing_like_it"}, "no audience by that id or slug"),
        ("config.uid_field", {"uid_field": "phone"}, "no field 'phone'"),
        ("config.group_id", {"group_id": "99"}, "not in Mapp's list"),
        ("config.mapp_attribute_name", {"mapp_attribute_name": "DELETE"}, "a word that Mapp obeys"),
        ("config.reconcile_hours", {"reconcile_hours": -1}, "out of range"),
        ("config.identifier_type", {"identifier_type": "fax"}, "not one of Mapp's"),
    ],
)
async def test_each_field_that_cannot_work_is_named(office, field, change, word):
    found = await problems_of(office, office.draft(**change))

    assert list(found) == [field]
    assert word in found[field]


async def test_an_audience_that_was_deleted_or_has_no_name_for_an_attribute_is_refused(office):
    office.vendors.segments = [segment(deleted=True), segment(OTHER, "")]

    assert "deleted" in (await problems_of(office, office.draft()))["config.segment_id"]
    assert "config.mapp_attribute_name" in await problems_of(office, office.draft(segment_id=OTHER))


async def test_the_authorizations_must_be_one_of_each_provider(office):
    second_mapp = await office.add_mapp(integration="int-2")

    assert "names 2" in (await problems_of(office, office.draft(auth_ids=[office.mapp, second_mapp])))["auth_ids"]
    assert "no authorization of Mapp" in (await problems_of(office, office.draft(auth_ids=[office.lytics])))["auth_ids"]


async def test_the_only_lytics_authorization_is_chosen_by_itself_and_one_of_several_must_be_named(office):
    assert (await check_job(office.desk, office.draft(auth_ids=[office.mapp]))).lytics_auth.id == office.lytics

    await office.add_lytics()

    assert "Name one of the 2" in (await problems_of(office, office.draft(auth_ids=[office.mapp])))["auth_ids"]


async def test_an_unlisted_group_can_be_overruled_and_is_then_a_warning(office):
    checked = await check_job(office.desk, office.draft(group_id="99", allow_unlisted_group=True))

    assert any("99 is not in Mapp's list" in said for said in checked.warnings)


@pytest.mark.parametrize(("host", "name"), [(MAPP_HOST, "Mapp"), (LYTICS_HOST, "Lytics")])
async def test_nothing_is_created_while_a_vendor_cannot_be_reached(office, host, name):
    office.vendors.down = {host}

    with pytest.raises(Unavailable, match=f"{name} cannot be reached"):
        await create_job(office.desk, ANNA, office.draft())
    assert (await list_jobs(office.desk))[0] == []


async def test_a_silent_vendor_does_not_hide_what_can_be_mended_already(office):
    office.vendors.down = {LYTICS_HOST}

    found = await problems_of(office, office.draft(name="", group_id="99"))

    assert found.keys() == {"name", "config.group_id", "auth_ids"}


@pytest.mark.parametrize(("host", "name"), [(MAPP_HOST, "Mapp"), (LYTICS_HOST, "Lytics")])
async def test_refused_credentials_are_a_problem_that_repeats_no_secret(office, host, name):
    office.vendors.refusing = {host: 401}

    found = await problems_of(office, office.draft())

    assert f"{name} cannot be used" in found["auth_ids"]
    assert SECRET not in str(found)
    assert TOKEN not in str(found)


async def test_a_token_that_may_not_read_people_stops_a_backfill_and_nothing_else(office):
    office.vendors.refusing = {f"GET /api/segment/{VIP}/scan": 403}

    assert (
        "does not let this token read people"
        in (await problems_of(office, office.draft(withbackfill=True)))["auth_ids"]
    )
    assert any("No sample" in said for said in (await check_job(office.desk, office.draft())).warnings)


async def test_two_live_jobs_never_write_one_attribute(office):
    first = await office.make_job("First", mapp_attribute_name="vip")
    second_auth = await office.add_mapp(
        api_url=f"{MAPP_HOST}/charon/api/v1/"
    )  # the same integration, typed differently

    with pytest.raises(Conflict, match="First"):
        await office.make_job("Second", segment_id=OTHER, mapp_attribute_name="vip")
    ids = [second_auth, office.lytics]
    with pytest.raises(Conflict, match="First"):
        await create_job(office.desk, ANNA, office.draft("Third", ids, mapp_attribute_name="vip"))
    assert (await office.make_job("Other name", mapp_attribute_name="VIP")).is_live
    assert (await office.make_job("Prefixed", mapp_attribute_name="vip", enable_dynamic_attributes=True)).is_live

    await kill_job(office.desk, ANNA, first.id)

    assert (await office.make_job("Second", segment_id=OTHER, mapp_attribute_name="vip")).is_live


async def test_of_two_such_jobs_asked_for_at_the_same_moment_one_is_refused(office):
    slow = office.with_desk(database=TurnByTurn(office.desk.database))

    outcomes = await asyncio.gather(slow.make_job("A"), slow.make_job("B"), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Job"]
    assert len((await list_jobs(office.desk))[0]) == 1


async def test_what_lytics_sends_back_may_be_sent_again_but_what_usher_cannot_do_is_refused():
    empty = {"expires_at": None, "quiet_period": 0, "quiet_timezone": "", "monitoring": {}}
    body = {"id": "x", "status": "runnable", "meta": {}, "name": "n", "config": CONFIG, **empty}

    assert read_job_draft(body).problems == ()
    set_ones = {"expires_at": "2027-01-01", "quiet_time_of_day": "22:00", "drop_events_during_quiet_window": True}
    assert {p.field for p in read_job_draft({**body, **set_ones}).problems} == set(set_ones)


@pytest.mark.parametrize("body", [None, [], "job", {"name": 1}, {"auth_ids": "x"}, {"auth_ids": [1]}, {"config": []}])
async def test_a_body_of_any_shape_becomes_problems_and_never_an_error(office, body):
    assert await problems_of(office, read_job_draft(body))


async def test_the_group_is_taken_as_it_is_when_mapp_shows_no_list(office):
    office.vendors.refusing = {"GET /charon/api/v1/integration/int-1/group": 404}

    checked = await check_job(office.desk, office.draft())

    assert checked.config.group_id == GROUP
    assert any("could not be checked" in said for said in checked.warnings)
