"""What is shown before a job starts: the exact request, how many, how long, and every warning."""

import json
from dataclasses import replace

import pytest

from tests.jobs.fake_vendors import GROUP, LYTICS_HOST, MAPP_HOST, REST_HOST, VIP
from tests.jobs.office import ANNA, PASSWORD, Office
from usher.jobs.creating import create_job
from usher.jobs.drafts import read_job_draft
from usher.jobs.looking import job_logs, list_jobs
from usher.jobs.preview import Preview, preview_job


async def preview(office: Office, *, may_see_people: bool = True, **config) -> Preview:
    return await preview_job(office.desk, office.draft(**config), may_see_people=may_see_people)


async def warned(office: Office, word: str, **config) -> bool:
    return any(word in said for said in (await preview(office, **config)).warnings)


async def test_the_request_is_the_one_that_would_be_sent_with_its_token_masked(office):
    shown = (await preview(office)).request

    assert (shown.method, shown.headers["auth-token"]) == ("POST", "***")
    assert shown.url == f"https://{MAPP_HOST}/charon/api/v1/integration/int-1/event?subtype=user"
    assert json.loads(shown.body) == {
        "email": "jo.public@example.com",
        "group": GROUP,
        "vip_buyers": "true",
        "updateonly": "true",
        "skipUnsubscribers": "true",
    }
    assert not any(asked.line.endswith("/event") for asked in office.vendors.asked)


async def test_who_may_not_see_people_sees_a_masked_one_anywhere(office):
    shown = await preview(office, may_see_people=False)

    assert json.loads(shown.request.body)["email"] == "j***@e***.com"
    assert "jo.public" not in f"{shown!r}{shown.request.body}"


async def test_the_sample_is_in_lower_case_where_the_job_s_members_are(office):
    office.vendors.values = ["Jo.Public@Example.COM"]

    as_it_is, lower = await preview(office), await preview(office, lowercase_identifiers=True)

    assert json.loads(as_it_is.request.body)["email"] == "Jo.Public@Example.COM"
    assert json.loads(lower.request.body)["email"] == "jo.public@example.com"


async def test_without_anybody_in_the_audience_a_made_up_person_is_shown(office):
    office.vendors.values = []

    shown = await preview(office, identifier_type="userID", may_see_people=False)

    assert json.loads(shown.request.body)["userID"] == "user-1234"


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({}, "vip_buyers"),
        ({"mapp_attribute_name": "vip"}, "vip"),
        ({"enable_dynamic_attributes": True}, f"{GROUP}_vip_buyers"),
        (
            {"enable_dynamic_attributes": True, "dynamic_attribute_prefix": "shop_", "mapp_attribute_name": "v"},
            "shop_v",
        ),
    ],
)
async def test_the_attribute_is_shown_as_it_goes_to_mapp(office, config, key):
    assert (await preview(office, **config)).attribute_key == key


async def test_people_are_those_sent_at_once(office):
    assert (await preview(office)).people == 0
    assert (await preview(office, withbackfill=True)).people == 1830

    del office.vendors.segments[0]["size"]

    assert (await preview(office, withbackfill=True)).people is None


async def test_the_time_follows_the_pace_in_force_and_how_fast_the_vendors_answer(office):
    assert (await preview(office, withbackfill=True)).seconds is None  # nothing tells how fast it would be
    assert (await preview(office)).seconds == 0

    paced = office.with_desk(pace_of=lambda auth_id: (61.0, 3))
    assert (await preview(paced, withbackfill=True)).seconds == pytest.approx(30)

    async def slowly(asked) -> None:
        office.clock.pass_ms(2000 if asked.path.endswith("/scan") else 0)

    office.vendors.before_answer = slowly
    assert (await preview(paced, withbackfill=True)).seconds == pytest.approx(19 * 2)  # pages of 100


async def test_without_a_limit_the_time_is_that_of_as_many_requests_at_once_as_are_allowed(office):
    async def slowly(asked) -> None:
        office.clock.pass_ms(320 if asked.path.endswith("/ping") else 0)

    office.vendors.before_answer = slowly

    assert (await preview(office, withbackfill=True)).seconds == pytest.approx(1830 / (64 / 0.32))


async def test_a_bad_draft_is_shown_with_its_problems_and_never_raises(office):
    office.vendors.down = {LYTICS_HOST}

    shown = await preview_job(office.desk, read_job_draft({"config": {"group_id": "99"}}), may_see_people=True)

    assert {p.field for p in shown.problems} >= {"name", "config.segment_id", "config.uid_field", "auth_ids"}
    assert (shown.request, shown.people, shown.seconds, shown.attribute_key) == (None, None, None, "")
    assert (await preview_job(office.desk, read_job_draft("x"), may_see_people=True)).problems


async def test_a_reserved_attribute_is_a_problem_and_shows_no_request(office):
    shown = await preview(office, mapp_attribute_name="unsubscribe")

    assert [p.field for p in shown.problems] == ["config.mapp_attribute_name"]
    assert shown.request is None


async def test_a_preview_shows_a_job_in_the_way_as_a_problem_and_saves_nothing(office):
    await office.make_job("First")

    assert "First" in str((await preview(office)).problems[0])
    assert len((await list_jobs(office.desk))[0]) == 1


async def test_an_unmapped_attribute_is_warned_of_unless_it_is_dynamic(office):
    assert await warned(office, "cannot see whether Mapp Connect maps 'vip_buyers'")
    assert not await warned(office, "cannot see whether", enable_dynamic_attributes=True)


async def test_where_rest_credentials_allow_the_mapping_and_the_membership_are_looked_up(office):
    rest = {"rest_api_url": f"https://{REST_HOST}/shop", "user": "api", "password": PASSWORD}
    office.mapp = await office.add_mapp(**rest)

    assert await warned(office, "2 of 2 people looked up in Mapp are not members")

    office.vendors.held_in_mapp = {
        "jo.public@example.com": [{"name": "vip_buyers", "value": "false"}],
        "ana@example.org": [],
    }
    assert not await warned(office, "cannot see whether")
    assert not await warned(office, "not members")


async def test_what_the_group_does_to_people_outside_it_is_said_as_what_it_is(office):
    assert await warned(office, "inferred")
    assert await warned(office, "makes a contact of everybody it does not know", create_users=True)


async def test_an_identifier_that_several_people_may_share_is_warned_of(office):
    office.vendors.values = ["Berlin"]

    assert await warned(office, "'city' is not an identity field", uid_field="city")
    assert await warned(office, "do not look like e-mail addresses", uid_field="city")
    assert not await warned(office, "do not look like", uid_field="city", identifier_type="userID")
    assert not await warned(office, "identity field")


async def test_missing_identifiers_are_warned_of(office):
    office.vendors.values = ["a@example.com", "b@example.com", None]

    assert await warned(office, "1 of the first 3 people have nothing usable")


async def test_an_empty_audience_is_warned_of(office):
    office.vendors.segments[0]["size"] = 0

    assert await warned(office, "The audience is empty")


@pytest.mark.parametrize(
    ("base_url", "config", "word"),
    [
        ("", {}, "Nobody's entering or leaving would be noticed"),
        ("http://usher.example.net", {}, "not an https address"),
        ("", {"reconcile_hours": 0.25}, "only by comparing, every 0.25 hours"),
    ],
)
async def test_a_job_that_no_trigger_can_reach_is_warned_of(office, base_url, config, word):
    assert await warned(office.with_desk(base_url=base_url), word, **config)
    assert not await warned(office, word, **config)


async def test_a_one_time_export_needs_no_triggers(office):
    unreached = office.with_desk(base_url="")

    assert not await warned(unreached, "USHER_BASE_URL", withbackfill=True, backfill_only=True)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"dynamic_attribute_prefix": "shop_"}, "Prefix is not used"),
        ({"withbackfill": True, "backfill_only": True, "reconcile_hours": 2}, "Compare every (hours) is not used"),
        ({"exit_brake": False}, "The exit brake is off"),
        ({"exit_brake_percent": 100}, "The exit brake is off"),
        ({"identifier_type": "userID", "lowercase_identifiers": True}, "because the identifier type is User ID"),
    ],
)
async def test_settings_without_effect_or_without_a_brake_are_warned_of(office, config, word):
    assert await warned(office, word, **config)
    assert not await warned(office, word)


async def test_a_new_job_tells_its_warnings_and_keeps_them_in_its_log(office):
    created = await create_job(office.desk, ANNA, office.draft())
    job = created.job
    assert any("cannot see whether Mapp Connect maps" in note for note in created.notes)

    logged = [entry.message for entry in (await job_logs(office.desk, job.id))[0]]
    assert any("cannot see whether Mapp Connect maps" in message for message in logged)
    assert "jo.public" not in await office.everything_kept()
    assert VIP in job.config.segment_id


async def test_what_this_choice_brings_about_comes_before_what_holds_for_most_jobs(office):
    office.vendors.values = ["Berlin"]
    first = await create_job(office.desk, ANNA, office.draft())
    moved = {"uid_field": "city", "group_id": "999", "allow_unlisted_group": True}

    seen = await preview(office, **moved)

    own = seen.warnings[: -len(seen.advice)]
    assert [*own, *seen.advice] == seen.warnings
    for word in ("not in Mapp's list", "is not an identity field", "Another live job is called"):
        assert any(word in said for said in own), word
    assert first.job.id not in " ".join(seen.warnings)
    assert [word in said for word, said in zip(("cannot see whether", "inferred"), seen.advice, strict=True)] == [
        True
    ] * 2


async def test_a_job_without_a_name_would_be_called_like_its_audience_unless_another_is(office):
    name = office.vendors.segments[0]["name"]
    assert (await preview(office)).usual_label == name

    draft = office.draft()
    await create_job(office.desk, ANNA, replace(draft, name=name))

    assert (await preview(office, mapp_attribute_name="best")).usual_label == f"{name} → best"


@pytest.mark.parametrize(("length", "key"), [(300, "best"), (3, "a" * 199)])
async def test_a_usual_label_is_never_too_long_to_be_one(office, length, key):
    office.vendors.segments[0]["name"] = "n" * length
    await create_job(office.desk, ANNA, replace(office.draft(), name="n" * min(length, 200)))

    label = (await preview(office, mapp_attribute_name=key)).usual_label

    assert len(label) <= 200
    assert label.startswith("n") or key in label
