"""A job that is saved without starting: no vendor hears of it, and nothing is scanned, until it is resumed."""

import asyncio
from random import Random

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, OTHER, VIP
from tests.jobs.office import ANNA, Office
from usher.domain.job import SENDING, Cause, Job, Status
from usher.engine.crew import alone
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import Conflict, InvalidInput
from usher.jobs.control import bounce_job, delete_job, kill_job, pause_job, resume_job
from usher.jobs.creating import create_job
from usher.jobs.drafts import draft_of, read_job_draft
from usher.jobs.editing import edit_job
from usher.jobs.endpoint import new_trigger_token
from usher.jobs.looking import job_logs, show_job
from usher.jobs.sources import mind_sources
from usher.jobs.webhooks import remake_webhook
from usher.store.delivery import SqlDelivery
from usher.store.scanning import SqlScans
from usher.store.supervision import SqlJobs


async def save(office: Office, **config) -> Job:
    ids = [office.mapp, office.lytics]
    body = {"name": "VIPs", "auth_ids": ids, "config": office.draft(**config).config, "start": False}
    return (await create_job(office.desk, ANNA, read_job_draft(body))).job


def made_in_lytics(office: Office) -> list[str]:
    return [line for line in office.vendors.lines(LYTICS_HOST) if not line.startswith("GET")]


async def test_a_saved_job_is_paused_by_its_maker_and_lytics_hears_nothing_of_it(office):
    job = await save(office, withbackfill=True)

    assert (job.status, job.cause, job.reason) == (Status.PAUSED, Cause.UNSTARTED, "Saved without starting.")
    assert (job.webhook.state, made_in_lytics(office)) == ("off", [])
    assert job.status not in SENDING  # the engine scans for no other job
    assert (await show_job(office.desk, job.id)).webhook_help is None
    assert "Created by anna. Saved without starting." in [e.message for e in (await job_logs(office.desk, job.id))[0]]


async def test_nothing_else_that_happens_meanwhile_makes_its_webhook(office):
    job = await save(office)

    await mind_sources(office.desk)
    await pause_job(office.desk, ANNA, job.id)
    await mind_sources(office.desk)
    await new_trigger_token(office.desk, ANNA, office.lytics)
    await edit_job(office.desk, ANNA, job.id, read_job_draft({"name": "Renamed", "config": {"withbackfill": True}}))
    with pytest.raises(Conflict):
        await remake_webhook(office.desk, ANNA, job.id)

    job = await office.job(job.id)
    assert (job.name, job.status, job.cause, job.scan_wanted) == ("Renamed", Status.PAUSED, Cause.UNSTARTED, "backfill")
    assert (job.webhook.state, made_in_lytics(office)) == ("off", [])


async def test_another_lytics_account_changes_nothing_about_that(office):
    job, other = await save(office), await office.add_lytics()

    edited = await edit_job(office.desk, ANNA, job.id, read_job_draft({"auth_ids": [office.mapp, other]}))

    assert (edited.job.lytics_auth, edited.job.webhook.state, made_in_lytics(office)) == (other, "off", [])
    assert not any("removed" in entry.message for entry in (await job_logs(office.desk, job.id))[0])


@pytest.mark.parametrize("go_on", [resume_job, bounce_job])
@pytest.mark.parametrize(
    ("config", "scan"), [({"withbackfill": True}, "backfill"), ({"reconcile_hours": 1}, "baseline"), ({}, "")]
)
async def test_resuming_makes_the_webhook_and_wants_the_first_scan(office, go_on, config, scan):
    job = await go_on(office.desk, ANNA, (await save(office, **config)).id)

    assert (job.status, job.cause, job.reason, job.scan_wanted) == (Status.RUNNABLE, Cause.NONE, "", scan)
    assert job.webhook.state == "made"
    assert office.vendors.webhooks[job.webhook.job_id]["config"]["segment_ids"] == [VIP]
    assert office.refreshed  # the engine looks at once


async def test_the_engine_reads_the_audience_only_once_it_is_resumed(office):
    job = await save(office, withbackfill=True)
    store = office.store
    engine = Engine(
        Stores(
            SqlJobs(store.database, store.statements),
            SqlDelivery(store.database, store.statements),
            SqlScans(store.database, store.statements),
        ),
        office.desk.vendors,
        crew=alone(office.clock, send_room_seconds=office.desk.timing.send_room_seconds),
        clock=office.clock,
        rng=Random(1),
        timing=office.desk.timing,
        guard_seconds=120,
        telemetry=Telemetry(),
    )
    office.vendors.asked.clear()

    async def looked() -> list[str]:
        for _ in range(5):
            await engine.look()
            for _ in range(20):
                await asyncio.sleep(0)
        return [asked.line for asked in office.vendors.asked if asked.path.endswith(("/scan", "/event"))]

    assert await looked() == []
    await resume_job(office.desk, ANNA, job.id)
    assert f"GET /api/segment/{VIP}/scan" in await looked()
    await engine.stop(within_seconds=1)


async def test_resuming_once_more_makes_no_second_webhook(office):
    job = await save(office)
    for _ in range(3):
        await resume_job(office.desk, ANNA, job.id)

    assert len(office.vendors.webhooks) == 1


async def test_a_webhook_that_a_crash_kept_from_being_made_is_made_at_the_next_look(office):
    job = await office.put(await save(office), status=Status.RUNNABLE, cause=Cause.NONE, reason="")

    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook.state == "made"


async def test_a_one_time_export_starts_without_a_webhook(office):
    saved = await save(office, withbackfill=True, backfill_only=True)

    job = await resume_job(office.desk, ANNA, saved.id)

    assert (job.status, job.scan_wanted, job.webhook.state) == (Status.RUNNABLE, "backfill", "off")
    assert made_in_lytics(office) == []


async def test_once_started_it_is_paused_as_any_other_and_keeps_its_webhook(office):
    job = await resume_job(office.desk, ANNA, (await save(office)).id)

    paused = await pause_job(office.desk, ANNA, job.id)

    assert (paused.cause, paused.reason) == (Cause.NONE, "Paused by anna.")
    assert paused.webhook == job.webhook


@pytest.mark.parametrize("end", [kill_job, delete_job])
async def test_a_saved_job_can_be_ended_and_lytics_still_hears_nothing(office, end):
    job = await end(office.desk, ANNA, (await save(office)).id)

    assert (job.cause, made_in_lytics(office)) == (Cause.NONE, [])


async def test_a_saved_job_keeps_its_attribute(office):
    await save(office)

    with pytest.raises(Conflict, match="VIPs"):
        await office.make_job("Second")


async def test_a_draft_is_checked_before_it_is_saved(office):
    with pytest.raises(InvalidInput):
        await save(office, group_id="99")


@pytest.mark.parametrize("start", [True, None])
async def test_a_job_is_started_unless_told_otherwise(office, start):
    ids = [office.mapp, office.lytics]
    body = {"name": "n", "auth_ids": ids, "config": office.draft().config, "start": start}

    assert (await create_job(office.desk, ANNA, read_job_draft(body))).job.status is Status.RUNNABLE


@pytest.mark.parametrize("start", ["false", 0, [], {}])
def test_start_is_a_switch_and_nothing_else(start):
    assert [problem.field for problem in read_job_draft({"start": start}).problems] == ["start"]


async def test_a_job_that_exists_is_not_started_by_an_edit(office):
    job = await save(office)

    for start in (True, False):
        with pytest.raises(InvalidInput, match="start: is for new jobs only"):
            await edit_job(office.desk, ANNA, job.id, read_job_draft({"name": "x", "start": start}))


async def test_the_draft_of_a_job_makes_the_same_job_again(office):
    job = await office.make_job("First", segment_id=OTHER, withbackfill=True, mapp_attribute_name="a")
    await kill_job(office.desk, ANNA, job.id)

    again = (await create_job(office.desk, ANNA, draft_of(job))).job

    assert (again.name, again.config, again.target) == (job.name, job.config, job.target)
    assert (again.mapp_auth, again.lytics_auth) == (job.mapp_auth, job.lytics_auth)
