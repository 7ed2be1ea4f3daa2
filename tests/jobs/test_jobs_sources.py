"""A job whose triggers can no longer come says so, and mends what can be mended."""

import asyncio
from dataclasses import replace

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, VIP
from tests.jobs.office import ANNA, TOKEN
from usher.domain.job import Cause, Status, Webhook
from usher.jobs import sources
from usher.jobs.authorizations import create_authorization
from usher.jobs.drafts import read_auth_draft
from usher.jobs.looking import job_logs
from usher.jobs.sources import LOOK_SECONDS, MOST_UNANSWERED, TURN_SECONDS, by_turns, mind_sources


async def test_a_webhook_that_ended_in_lytics_is_made_anew_and_what_was_missed_is_looked_for(office):
    job = await office.make_job(withbackfill=True)
    job = await office.put(job, is_baselined=True, scan_wanted="")
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"

    await mind_sources(office.desk)

    after = await office.job(job.id)
    assert after.webhook.state == "made"
    assert after.webhook.job_id != job.webhook.job_id
    assert after.scan_wanted == "reconcile"
    assert any("had ended (failed)" in entry.message for entry in (await job_logs(office.desk, job.id))[0])


async def test_of_two_that_look_at_once_one_makes_the_webhook_and_nothing_is_left_in_lytics(office):
    job = await office.make_job(withbackfill=True)
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"
    both_saw_it_ended = asyncio.Barrier(2)

    async def wait_for_both(asked) -> None:
        if asked.line == f"GET /v2/job/{job.webhook.job_id}":
            await both_saw_it_ended.wait()

    office.vendors.before_answer = wait_for_both

    await asyncio.gather(mind_sources(office.desk), mind_sources(office.desk))

    after = await office.job(job.id)
    assert list(office.vendors.webhooks) == [after.webhook.job_id]
    assert list(office.vendors.webhook_auths) == [after.webhook.auth_id]
    logs = (await job_logs(office.desk, job.id))[0]
    assert sum("had ended" in entry.message for entry in logs) == 1


async def test_who_may_not_look_asks_soon_whether_it_may_and_leaves_the_looking_to_others(office):
    job = await office.make_job()
    asked_at, looks, turns = [], [], [False, False, True]
    began = office.clock.monotonic()

    async def may_watch() -> bool:
        asked_at.append(office.clock.monotonic() - began)
        looks.append(sum(asked.line == f"GET /v2/job/{job.webhook.job_id}" for asked in office.vendors.asked))
        if not turns:
            raise asyncio.CancelledError
        return turns.pop(0)

    with pytest.raises(asyncio.CancelledError):  # at its fourth turn
        await by_turns(office.desk, mind_sources, every_seconds=LOOK_SECONDS, may_watch=may_watch)

    assert asked_at == pytest.approx([0, TURN_SECONDS, 2 * TURN_SECONDS, 2 * TURN_SECONDS + LOOK_SECONDS])
    assert looks == [0, 0, 0, 1]


async def test_a_webhook_that_somebody_removed_is_made_anew(office):
    job = await office.make_job()
    del office.vendors.webhooks[job.webhook.job_id]

    await mind_sources(office.desk)

    after = await office.job(job.id)
    assert after.webhook.state == "made"
    assert after.webhook.job_id in office.vendors.webhooks


async def test_a_webhook_at_work_is_left_alone(office):
    job = await office.make_job()
    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook == job.webhook
    assert list(office.vendors.webhooks) == [job.webhook.job_id]


async def test_a_webhook_that_lytics_had_no_time_to_make_is_made_later(office):
    office.vendors.refusing = {"POST /v2/job/webhook-triggers": 503}
    job = await office.make_job()
    assert (job.webhook.state, job.webhook.is_tried_again) == ("manual", True)
    office.vendors.refusing = {}

    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook.state == "made"


async def test_a_crash_between_job_and_webhook_is_healed(office):
    job = await office.make_job()
    office.vendors.webhooks.clear()
    await office.put(job, webhook=Webhook())

    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook.state == "made"


async def test_a_webhook_that_the_token_may_not_make_is_left_to_a_person(office):
    office.vendors.refusing = {"POST /v2/auth/header-param-auth": 403}
    job = await office.make_job()
    office.vendors.refusing = {}

    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook == job.webhook


async def test_a_job_whose_audience_is_gone_stops_and_says_so(office):
    job = await office.make_job()
    office.vendors.segments = [found for found in office.vendors.segments if found["id"] != VIP]

    await mind_sources(office.desk)

    after = await office.job(job.id)
    assert (after.status, after.cause) == (Status.FAULT, Cause.AUDIENCE)
    assert "no longer in Lytics" in after.reason


async def test_lytics_not_answering_changes_nothing(office):
    job = await office.make_job()
    office.vendors.down = {LYTICS_HOST}

    await mind_sources(office.desk)

    assert replace(await office.job(job.id), updated_ms=0) == replace(job, updated_ms=0)


async def other_lytics(office, host: str) -> str:
    body = {"type": "lytics-token", "label": host, "config": {"api_url": f"https://{host}", "token": TOKEN}}
    return (await create_authorization(office.desk, ANNA, read_auth_draft(body))).id


async def test_a_lytics_account_that_hangs_keeps_the_sources_of_another_from_nothing(office):
    first = await office.make_job()
    await office.put(first, lytics_auth=await other_lytics(office, "hanging.example.net"))
    job = await office.make_job(name="Next", mapp_attribute_name="next")
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"
    asks_hanging, is_made = asyncio.Event(), asyncio.Event()

    async def hang(asked) -> None:
        if asked.host == "hanging.example.net":
            asks_hanging.set()
            await asyncio.Event().wait()
        if asks_hanging.is_set() and asked.line == "POST /v2/job/webhook-triggers":
            is_made.set()

    office.vendors.before_answer = hang
    looking = asyncio.create_task(mind_sources(office.desk))
    async with asyncio.timeout(10):
        await is_made.wait()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_an_account_that_does_not_answer_is_not_waited_for_once_for_each_of_its_jobs(office):
    for number in range(8):
        await office.make_job(name=f"Job {number}", mapp_attribute_name=f"attribute_{number}")
    office.vendors.down = {LYTICS_HOST}
    before = len(office.vendors.asked)

    await mind_sources(office.desk)

    assert len(office.vendors.asked) - before == 1 + MOST_UNANSWERED


async def test_a_fault_of_ours_about_one_job_keeps_nobody_else_from_being_looked_after(office, monkeypatch):
    bad, job = await office.make_job(), await office.make_job(name="Next", mapp_attribute_name="next")
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"

    async def mind_silence(_desk, one) -> None:
        assert one.id != bad.id, "a fault of ours"

    monkeypatch.setattr(sources, "mind_silence", mind_silence)
    await mind_sources(office.desk)

    assert (await office.job(job.id)).webhook.job_id != job.webhook.job_id
