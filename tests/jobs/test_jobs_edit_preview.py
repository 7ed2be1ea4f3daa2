"""What a change of a job would mean, shown before it is made: the same plan, and nothing is changed."""

import pytest

from tests.jobs.fake_vendors import GROUP, MAPP_HOST, OTHER
from tests.jobs.office import ANNA, Office
from usher.domain.job import Job
from usher.domain.outcome import Accepted, Rejected
from usher.errors import NotFound
from usher.jobs.control import kill_job
from usher.jobs.drafts import read_job_draft
from usher.jobs.edit_plan import mark_of
from usher.jobs.editing import EditPreview, edit_job, preview_edit


async def preview(office: Office, job: Job, **body) -> EditPreview:
    return await preview_edit(office.desk, job.id, read_job_draft(body))


async def test_nothing_changes_by_looking(office):
    job = await office.make_job()
    before = (await office.job(job.id), await office.actions(), await office.sweeps())

    await preview(office, job, name="Other", config={"mapp_attribute_name": "b", "withbackfill": True})

    assert (await office.job(job.id), await office.actions(), await office.sweeps()) == before


async def test_each_thing_that_would_differ_is_named_with_what_it_is_and_what_it_becomes(office):
    job = await office.make_job()
    config = {"mapp_attribute_name": "b", "withbackfill": True, "group_id": GROUP}

    seen = await preview(office, job, name="Other", description=job.description, config=config)

    assert [(change.field, change.old, change.new) for change in seen.changes] == [
        ("config.mapp_attribute_name", "", "b"),
        ("config.withbackfill", False, True),
        ("name", "VIPs", "Other"),
    ]
    assert seen.problems == []


async def test_it_says_what_the_edit_then_says_and_how_many_are_told_again(office):
    job = await office.make_job()
    await office.see(job, "told@example.com")
    await office.send(job, Accepted())
    await office.see(job, "aside@example.com")
    await office.send(job, Rejected("bad"))
    await office.see(job, "due@example.com")
    body = {"config": {"mapp_attribute_name": "b"}}

    seen = await preview(office, job, **body)
    edited = await edit_job(office.desk, ANNA, job.id, read_job_draft(body))
    await office.sweep()

    assert seen.owed == 3 == len(await office.claim(edited.job))
    assert edited.notes == seen.notes[: len(edited.notes)]
    assert "Everybody who was told is owed again" in seen.notes[0]


async def test_nobody_is_told_again_where_nothing_moves(office):
    job = await office.make_job()
    await office.see(job, "told@example.com")

    assert (await preview(office, job, name="Other", config={"create_users": True})).owed == 0


async def test_nothing_asked_for_is_nothing_changed(office):
    job = await office.make_job()

    assert await preview(office, job) == EditPreview([], [], [], 0, mark_of(job))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"config": {"segment_id": OTHER}}, "config.segment_id"),
        ({"config": {"uid_field": "city"}}, "config.uid_field"),
        ({"config": {"group_id": "99"}}, "config.group_id"),
        ({"config": {"dynamic_attribute_prefix": "x"}}, "config.dynamic_attribute_prefix"),
        ({"config": {"nonsense": 1}}, "config.nonsense"),
        ({"auth_ids": ["nobody"]}, "auth_ids"),
        ({"name": ""}, "name"),
        ({"start": True}, "start"),
    ],
)
async def test_what_an_edit_would_be_refused_for_is_a_problem(office, body, field):
    seen = await preview(office, await office.make_job(), **body)

    assert [problem.field for problem in seen.problems] == [field]


async def test_a_job_in_the_way_and_a_vendor_that_is_silent_are_problems_too(office):
    job = await office.make_job()
    await office.make_job("Taken", mapp_attribute_name="b")

    assert "Taken" in str((await preview(office, job, config={"mapp_attribute_name": "b"})).problems)
    office.vendors.down = {MAPP_HOST}
    assert "cannot be reached" in str((await preview(office, job, config={"mapp_attribute_name": "c"})).problems)
    assert (await preview(office, job, name="A name needs no vendor")).problems == []


async def test_an_ended_job_says_that_it_cannot_change(office):
    job = await office.make_job()
    await kill_job(office.desk, ANNA, job.id)

    assert [p.field for p in (await preview(office, job, name="x")).problems] == ["status"]
    with pytest.raises(NotFound):
        await preview_edit(office.desk, "nobody", read_job_draft({}))
