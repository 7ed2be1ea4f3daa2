"""What may change of a job, what must be checked first, and who is owed again."""

import asyncio

import pytest

from tests.crossing import TurnByTurn
from tests.jobs.fake_vendors import LYTICS_HOST, MAPP_HOST, OTHER
from tests.jobs.office import ANNA, Office
from usher.domain.job import Cause, Status
from usher.domain.observation import Source
from usher.domain.outcome import Accepted
from usher.errors import Conflict, InvalidInput, NotFound, Unavailable
from usher.jobs.control import kill_job
from usher.jobs.drafts import read_job_draft
from usher.jobs.edit_plan import mark_of
from usher.jobs.editing import ChangedMeanwhile, Edited, edit_job
from usher.store.members import member_row


async def edit(office: Office, job, name=None, auth_ids=None, **config) -> Edited:
    body = {"name": name, "auth_ids": auth_ids, "config": config or None}
    return await edit_job(office.desk, ANNA, job.id, read_job_draft(body))


async def test_renaming_works_with_both_vendors_down(office):
    job = await office.make_job()
    office.vendors.down = {MAPP_HOST, LYTICS_HOST}

    body = {"name": "New", "description": "Why", "config": {"group_id": job.config.group_id}}
    edited = await edit_job(office.desk, ANNA, job.id, read_job_draft(body))

    assert (edited.job.name, edited.job.description, edited.notes) == ("New", "Why", [])
    assert edited.job.config == job.config
    assert await office.sweeps() == []


async def test_what_is_left_out_stays_as_it_is(office):
    job = await office.make_job(create_users=True, reconcile_hours=2)

    edited = await edit(office, job, exit_brake=False)

    assert (edited.job.name, edited.job.description) == (job.name, job.description)
    assert (edited.job.config.create_users, edited.job.config.reconcile_hours) == (True, 2)
    assert edited.job.config.exit_brake is False


@pytest.mark.parametrize(
    "change",
    [
        {"group_id": "77"},
        {"mapp_attribute_name": "vip"},
        {"enable_dynamic_attributes": True},
        {"identifier_type": "userID"},
    ],
)
async def test_a_new_place_in_mapp_owes_everybody_again_and_says_that_the_old_attribute_stays(office, change):
    office.vendors.groups["77"] = "Others"
    job = await office.make_job(withbackfill=True)
    await office.see(job, "jo@example.com", "ana@example.com")
    assert await office.send(job, Accepted()) == 2

    edited = await edit(office, job, **change)
    await office.sweep()

    assert len(await office.claim(job)) == 2
    said = " ".join(edited.notes)
    assert "owed again" in said
    assert ("stays in Mapp as it is" in said) == ("identifier_type" not in change)


async def test_whom_a_silent_baseline_knows_stays_untold_after_a_change(office):
    job = await office.make_job(reconcile_hours=1)
    await office.see(job, "jo@example.com", source=Source.BASELINE)

    await edit(office, job, mapp_attribute_name="vip")
    await office.sweep()

    assert await office.claim(job) == []


async def test_a_prefix_that_is_not_used_changes_nothing_in_mapp(office):
    job = await office.make_job()

    assert (await edit(office, job, dynamic_attribute_prefix="shop_")).notes == []
    assert await office.sweeps() == []


@pytest.mark.parametrize("host", [MAPP_HOST, LYTICS_HOST])
async def test_what_must_be_checked_cannot_change_while_a_vendor_is_down(office, host):
    job = await office.make_job()
    office.vendors.down = {host}

    with pytest.raises(Unavailable):
        await edit(office, job, name="New", mapp_attribute_name="vip")
    assert await office.job(job.id) == job


async def test_the_audience_and_the_identifier_field_cannot_change_but_may_be_repeated(office):
    job = await office.make_job()

    with pytest.raises(InvalidInput) as caught:
        await edit(office, job, segment_id=OTHER, uid_field="city", backfill_only=True)
    assert {p.field for p in caught.value.problems} == {"config.segment_id", "config.uid_field", "config.backfill_only"}
    assert (await edit(office, job, segment_id="vip_buyers", uid_field="email")).job.config == job.config


async def test_how_identifiers_are_read_cannot_change_but_may_be_repeated(office):
    job = await office.make_job(lowercase_identifiers=True)

    for change, field in (
        ({"lowercase_identifiers": False}, "config.lowercase_identifiers"),
        ({"identifier_type": "userID"}, "config.identifier_type"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await edit(office, job, **change)
        assert [(p.field, "Duplicate" in p.mend) for p in caught.value.problems] == [(field, True)]
    assert (await edit(office, job, lowercase_identifiers=True)).job.config == job.config


async def test_the_limits_of_the_exit_brake_may_change_at_any_time(office):
    job = await office.make_job()

    edited = await edit(office, job, exit_brake_people=50, exit_brake_percent=5)

    assert (edited.job.config.exit_brake_people, edited.job.config.exit_brake_percent) == (50, 5)


async def test_an_attribute_that_another_live_job_writes_is_refused(office):
    await office.make_job("First", mapp_attribute_name="vip")
    second = await office.make_job("Second")

    with pytest.raises(Conflict, match="First"):
        await edit(office, second, mapp_attribute_name="vip")


async def test_of_two_changes_to_one_attribute_at_the_same_moment_one_is_refused(office):
    both = [await office.make_job(name, mapp_attribute_name=name) for name in ("A", "B")]
    slow = office.with_desk(database=TurnByTurn(office.desk.database))

    moves = [edit(slow, job, mapp_attribute_name="vip") for job in both]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Edited"]
    names = [(await office.job(job.id)).config.mapp_attribute_name for job in both]
    assert names.count("vip") == 1


@pytest.mark.parametrize(
    "change", [{"name": "Theirs"}, {"description": "Theirs"}, {"config": {"mapp_attribute_name": "theirs"}}]
)
async def test_a_change_of_a_job_as_it_was_is_refused_once_anything_of_it_is_another(office, change):
    job = await office.make_job()
    seen = mark_of(job)
    theirs = (await edit_job(office.desk, ANNA, job.id, read_job_draft(change))).job

    with pytest.raises(ChangedMeanwhile):
        await edit_job(office.desk, ANNA, job.id, read_job_draft({"name": "Mine"}), mark=seen)
    assert (await office.job(job.id)).name == theirs.name

    await edit_job(office.desk, ANNA, job.id, read_job_draft({"name": "Mine"}), mark=mark_of(theirs))
    assert (await office.job(job.id)).name == "Mine"


async def test_a_change_over_somebody_elses_is_refused(office):
    job = await office.make_job()
    slow = office.with_desk(database=TurnByTurn(office.desk.database))

    moves = [edit(slow, job, exit_brake=False), edit(slow, job, create_users=True)]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ChangedMeanwhile", "Edited"]


async def test_an_ended_or_unknown_job_cannot_be_changed(office):
    job = await office.make_job()
    await kill_job(office.desk, ANNA, job.id)

    with pytest.raises(Conflict):
        await edit(office, job, name="New")
    with pytest.raises(NotFound):
        await edit_job(office.desk, ANNA, "nobody", office.draft())


async def test_another_account_of_mapp_owes_everybody_again_and_the_same_one_does_not(office):
    job = await office.make_job()
    same = await office.add_mapp(integration="int-1")
    other = await office.add_mapp(integration="int-2")

    assert (await edit(office, job, auth_ids=[same])).notes == []
    edited = await edit(office, job, auth_ids=[other, office.lytics])

    assert (edited.job.mapp_auth, edited.job.lytics_auth) == (other, office.lytics)
    assert await office.sweeps() == ["resend"]


async def test_new_authorizations_mend_a_fault_of_the_old_ones(office):
    job = await office.make_job()
    job = await office.put(job, status=Status.FAULT, cause=Cause.MAPP_CREDENTIALS, reason="refused")

    edited = await edit(office, job, auth_ids=[await office.add_mapp()])

    assert (edited.job.status, edited.job.cause, edited.job.reason) == (Status.RUNNABLE, Cause.NONE, "")


@pytest.mark.parametrize("ids", [["nobody"], ["two of mapp"]])
async def test_authorizations_that_make_no_sense_are_refused(office, ids):
    job = await office.make_job()
    named = ids if ids == ["nobody"] else [office.mapp, await office.add_mapp()]

    with pytest.raises(InvalidInput) as caught:
        await edit(office, job, auth_ids=named)
    assert [p.field for p in caught.value.problems] == ["auth_ids"]


async def test_existing_users_switched_on_wants_everybody(office):
    job = await office.put(await office.make_job(reconcile_hours=1), is_baselined=True, scan_wanted="")

    assert (await edit(office, job, withbackfill=True)).job.scan_wanted == "backfill"
    job = await office.put(job, scan_wanted="")
    edited = await edit(office, job, withbackfill=False)
    assert edited.job.scan_wanted == ""
    assert "still sent" in edited.notes[0]


async def test_a_new_interval_starts_anew_and_a_first_comparison_is_silent(office):
    job = await office.put(await office.make_job(), next_reconcile_ms=5)

    edited = await edit(office, job, reconcile_hours=0.5)

    assert (edited.job.next_reconcile_ms, edited.job.scan_wanted) == (None, "baseline")


async def test_a_webhook_comes_and_goes_with_the_need_for_it(office):
    job = await office.make_job()
    assert job.webhook.state == "made"

    once = (await edit(office, job, withbackfill=True, backfill_only=True)).job
    assert (once.webhook.state, office.vendors.webhooks) == ("off", {})

    assert (await edit(office, job, backfill_only=False)).job.webhook.state == "made"
    assert len(office.vendors.webhooks) == 1


async def test_a_new_lytics_account_gets_a_webhook_of_its_own(office):
    job = await office.make_job()
    other = await office.add_lytics()

    edited = await edit(office, job, auth_ids=[office.mapp, other])

    (made,) = office.vendors.webhooks.values()
    assert made["config"]["webhook_url"].endswith(f"/triggers/{other}")
    assert edited.job.webhook.state == "made"


async def test_the_audit_trail_names_what_changed(office):
    job = await office.make_job()
    await edit(office, job, name="New", mapp_attribute_name="vip")

    assert ("anna", "job.edit", job.id) in await office.audit()
    assert "config.mapp_attribute_name, name" in await office.everything_kept()


async def test_create_users_switched_on_says_how_to_reach_those_passed_over(office):
    job = await office.make_job()

    edited = await edit(office, job, create_users=True)

    assert "resend" in edited.notes[0]
    assert await office.sweeps() == []


async def test_members_keep_what_was_accepted_until_they_are_told_anew(office):
    job = await office.make_job()
    await office.see(job, "jo@example.com")
    await office.send(job, Accepted())
    await edit(office, job, mapp_attribute_name="vip")
    await office.sweep()

    row = await office.desk.database.read(lambda txn: member_row(txn, job.key, "jo@example.com"))
    assert (row.accepted, row.due_at is not None) == (True, True)
