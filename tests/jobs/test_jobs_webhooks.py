"""How Lytics comes to send a job's triggers: made, pasted, renewed, taken away."""

import asyncio

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, VIP
from tests.jobs.office import ANNA
from usher.domain.job import Status
from usher.errors import Conflict
from usher.jobs.control import kill_job
from usher.jobs.endpoint import new_trigger_token, trigger_endpoint
from usher.jobs.looking import job_logs, show_job
from usher.jobs.webhooks import in_step, paste_help, remake_webhook


async def test_a_new_job_has_its_webhook_made_with_the_trigger_token_in_its_header(office):
    job = await office.make_job()
    endpoint = await trigger_endpoint(office.desk, ANNA, office.lytics)

    assert (job.webhook.state, job.webhook.note) == ("made", "")
    made = office.vendors.webhooks[job.webhook.job_id]
    assert made["config"]["segment_ids"] == [VIP]
    assert made["config"]["webhook_url"] == f"https://usher.example.net/triggers/{office.lytics}" == endpoint.url
    assert made["config"]["user_fields"] == ["email"]
    assert office.vendors.webhook_auths[job.webhook.auth_id]["config"]["webhook_request_headers"] == endpoint.header
    assert paste_help(office.desk, job) is None


@pytest.mark.parametrize(
    ("desk", "vendors", "word"),
    [
        ({"base_url": ""}, {}, "USHER_BASE_URL is not set"),
        ({"base_url": "http://usher.example.net"}, {}, "not an https address"),
        ({}, {"refusing": {"POST /v2/auth/header-param-auth": 403}}, "could not make the webhook"),
        ({}, {"refusing": {"POST /v2/job/webhook-triggers": 500}}, "could not make the webhook"),
    ],
)
async def test_a_webhook_that_cannot_be_made_fails_no_job_and_says_what_to_paste(office, desk, vendors, word):
    for name, value in vendors.items():
        setattr(office.vendors, name, value)

    job = await office.with_desk(**desk).make_job()
    view = await show_job(office.desk, job.id)

    assert (job.status, job.webhook.state) == (Status.RUNNABLE, "manual")
    assert word in job.webhook.note
    assert view.webhook_help is not None
    expected = {"segment_id": VIP, "export_fields": "email", "batch_size": 10, "existing_users": False}
    assert expected.items() <= view.webhook_help.items()
    assert view.heard == "No trigger has ever arrived."
    assert any(word in entry.message for entry in (await job_logs(office.desk, job.id))[0])


async def test_plain_http_will_do_for_sandboxes(office):
    job = await office.with_desk(base_url="http://localhost:8080/", allow_http=True).make_job()

    assert job.webhook.state == "made"
    (made,) = office.vendors.webhooks.values()
    assert made["config"]["webhook_url"] == f"http://localhost:8080/triggers/{office.lytics}"


async def test_what_to_paste_names_no_token(office):
    job = await office.with_desk(base_url="").make_job()
    token = (await trigger_endpoint(office.desk, ANNA, office.lytics)).header.rpartition(" ")[2]

    assert token not in repr(paste_help(office.desk, job))


async def test_a_one_time_export_has_no_webhook(office):
    job = await office.make_job(withbackfill=True, backfill_only=True)

    assert (job.webhook.state, office.vendors.webhooks) == ("off", {})
    assert (await show_job(office.desk, job.id)).webhook_help is None
    with pytest.raises(Conflict):
        await remake_webhook(office.desk, ANNA, job.id)


async def test_a_job_that_is_ended_while_its_webhook_is_being_made_keeps_none(office):
    ended = []

    async def end_it(asked) -> None:
        if asked.line == "POST /v2/job/webhook-triggers" and not ended:
            ended.append(await office.desk.database.read(lambda txn: txn.now_ms))
            (job,) = await all_jobs_of(office)
            await kill_job(office.desk, ANNA, job.id)

    office.vendors.before_answer = end_it

    job = await office.make_job()

    assert ended
    assert (job.status, job.webhook.state, office.vendors.webhooks) == (Status.KILLED, "off", {})


async def all_jobs_of(office):
    from usher.store.jobs import all_jobs

    return await office.desk.database.read(all_jobs)


async def test_a_webhook_can_be_made_later_when_lytics_can_reach_this_service(office):
    job = await office.with_desk(base_url="").make_job()

    made = await remake_webhook(office.desk, ANNA, job.id)

    assert (made.webhook.state, made.webhook.note) == ("made", "")
    assert await in_step(office.desk, made) == made
    assert len(office.vendors.webhooks) == 1


async def test_a_new_token_reaches_the_webhooks_that_usher_made(office):
    job = await office.make_job()

    endpoint = await new_trigger_token(office.desk, ANNA, office.lytics)

    (made,) = office.vendors.webhook_auths.values()
    assert made["config"]["webhook_request_headers"] == endpoint.header
    assert (await office.job(job.id)).webhook.job_id in office.vendors.webhooks
    assert len(office.vendors.webhooks) == 1
    assert endpoint.notes == []


async def test_a_webhook_that_another_made_meanwhile_with_the_older_token_is_made_anew_and_one_is_left(office):
    job = await office.make_job()
    renewing, has_begun, other_is_kept = [], asyncio.Event(), asyncio.Event()

    async def before_answer(asked) -> None:
        if asked.line == "POST /v2/job/webhook-triggers" and not renewing:
            renewing.append(asyncio.create_task(new_trigger_token(office.desk, ANNA, office.lytics)))
            await has_begun.wait()
        elif asked.line == "POST /v2/job/webhook-triggers":
            has_begun.set()
            await other_is_kept.wait()

    office.vendors.before_answer = before_answer
    await remake_webhook(office.desk, ANNA, job.id)
    other_is_kept.set()
    endpoint = await renewing[0]

    kept = (await office.job(job.id)).webhook
    assert list(office.vendors.webhooks) == [kept.job_id]
    (made,) = office.vendors.webhook_auths.values()
    assert made["config"]["webhook_request_headers"] == endpoint.header


async def test_a_webhook_made_in_vain_that_cannot_be_taken_away_is_named(office):
    job = await office.with_desk(base_url="").make_job()

    async def make_one_that_stays() -> None:
        await in_step(office.desk, job)
        office.vendors.refusing = {f"POST /v2/job/made-{office.vendors.made + 1}/kill": 500}

    meanwhile(office, make_one_that_stays)

    after = await in_step(office.desk, job)

    (in_vain,) = set(office.vendors.webhooks) - {after.webhook.job_id}
    (said,) = [entry for entry in (await job_logs(office.desk, job.id))[0] if "by hand: " in entry.message]
    assert (said.level, f"Remove the webhook job {in_vain} in Lytics by hand" in said.message) == ("warn", True)


def meanwhile(office, act) -> None:
    """Do *act* once, while Lytics is asked to make a webhook."""
    done = []

    async def before_answer(asked) -> None:
        if asked.line == "POST /v2/job/webhook-triggers" and not done:
            done.append(asked)
            await act()

    office.vendors.before_answer = before_answer


async def test_a_webhook_that_cannot_be_renewed_goes_on_with_the_older_token_and_says_so(office):
    job = await office.make_job()
    office.vendors.refusing = {"POST /v2/job/webhook-triggers": 400}

    endpoint = await new_trigger_token(office.desk, ANNA, office.lytics)

    kept = (await office.job(job.id)).webhook
    assert (kept.state, kept.job_id) == ("made", job.webhook.job_id)
    assert "older trigger token" in kept.note
    assert "'VIPs'" in endpoint.notes[0]
    assert kept.job_id in office.vendors.webhooks


async def test_lytics_silence_leaves_the_job_as_it_is(office):
    job = await office.make_job()
    office.vendors.down = {LYTICS_HOST}

    assert (await remake_webhook(office.desk, ANNA, job.id)).status is Status.RUNNABLE
