"""Nobody new begins where something that was sent before may still land, however the job that sent it went away."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.jobs.fake_vendors import OTHER
from tests.jobs.office import ANNA, Office
from usher.domain.job import Job, Status
from usher.domain.outcome import Accepted, RetryLater
from usher.errors import Conflict
from usher.jobs.authorizations import change_authorization, delete_authorization
from usher.jobs.control import bounce_job, delete_job, kill_job, resume_job
from usher.jobs.creating import create_job
from usher.jobs.drafts import read_auth_draft, read_job_draft
from usher.jobs.editing import edit_job, preview_edit
from usher.jobs.preview import preview_job
from usher.jobs.trial import send_one

JO = "jo.public@example.com"
HOLD_MS = 60_000  # of an office's claims

Ending = Callable[[Office, Job], Awaitable[object]]


async def kill(office: Office, job: Job) -> None:
    await kill_job(office.desk, ANNA, job.id)


async def delete(office: Office, job: Job) -> None:
    await delete_job(office.desk, ANNA, job.id)


async def delete_and_forget(office: Office, job: Job) -> None:
    await delete(office, job)
    await office.sweep()


async def kill_and_delete(office: Office, job: Job) -> None:
    await kill(office, job)
    await delete_and_forget(office, job)


async def complete(office: Office, job: Job) -> None:
    await office.put(job, status=Status.COMPLETED)


async def move(office: Office, job: Job) -> None:
    await edit_job(office.desk, ANNA, job.id, read_job_draft({"config": {"mapp_attribute_name": "elsewhere"}}))


async def complete_and_move(office: Office, job: Job) -> None:
    await complete(office, job)
    await move(office, job)


async def move_account(office: Office, job: Job) -> None:
    other = await office.add_mapp(integration="int-2")
    await edit_job(office.desk, ANNA, job.id, read_job_draft({"auth_ids": [other, office.lytics]}))


async def change_integration(office: Office, job: Job) -> None:
    draft = read_auth_draft({"config": {"integration_id": "int-2"}})
    await change_authorization(office.desk, ANNA, office.mapp, draft)
    office.mapp = await office.add_mapp()


async def end_and_drop_authorization(office: Office, job: Job) -> None:
    await kill(office, job)
    await delete_authorization(office.desk, ANNA, office.mapp)
    office.mapp = await office.add_mapp()


async def complete_and_drop_authorization(office: Office, job: Job) -> None:
    await complete(office, job)
    await delete_authorization(office.desk, ANNA, office.mapp)
    office.mapp = await office.add_mapp()


ENDINGS = (
    kill,
    delete,
    delete_and_forget,
    kill_and_delete,
    complete,
    move,
    complete_and_move,
    move_account,
    change_integration,
    end_and_drop_authorization,
    complete_and_drop_authorization,
)
WAIT = r"may still land: .* at most \d+ seconds"


async def in_flight(office: Office) -> Job:
    """Return a job one of whose requests is alive."""
    job = await office.make_job()
    await office.see(job, JO)
    assert len(await office.claim(job)) == 1
    return job


async def begin_there(office: Office) -> Job:
    return await office.make_job("Second")


async def try_there(office: Office) -> object:
    return await send_one(office.desk, ANNA, office.draft())


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
async def test_no_job_and_no_trial_begins_where_a_request_of_a_job_that_went_may_still_land(
    office: Office, end: Ending
) -> None:
    await end(office, await in_flight(office))

    office.clock.pass_ms(HOLD_MS - 100)
    for begin in (begin_there, try_there):
        with pytest.raises(Conflict, match=WAIT):
            await begin(office)
    problems = (await preview_job(office.desk, office.draft(), may_see_people=True)).problems
    assert any("may still land" in str(problem) for problem in problems)
    office.clock.pass_ms(200)
    assert await try_there(office)
    assert (await begin_there(office)).is_live


@pytest.mark.parametrize("end", [kill, delete, complete, move], ids=lambda end: end.__name__)
async def test_where_nothing_is_in_flight_another_begins_at_once(office: Office, end: Ending) -> None:
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    await end(office, job)

    assert (await begin_there(office)).is_live


async def test_an_answer_that_comes_after_the_end_frees_the_place_of_a_killed_job(office: Office) -> None:
    job = await office.make_job()
    await office.see(job, JO)
    await kill(office, job)
    assert await office.send(job, Accepted()) == 1

    assert (await begin_there(office)).is_live


async def test_a_long_backoff_of_a_killed_job_holds_nobody_up(office: Office) -> None:
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, RetryLater("later"), delay_ms=300_000)
    await kill(office, job)

    assert (await begin_there(office)).is_live


async def test_a_completed_job_may_go_on_at_once_for_its_own_rows_keep_its_own_requests_apart(office: Office) -> None:
    job = await in_flight(office)
    await complete(office, job)

    assert (await bounce_job(office.desk, ANNA, job.id)).status is Status.RUNNABLE
    assert await office.claim(job) == []


async def test_no_job_comes_back_to_a_place_where_anothers_request_may_still_land(office: Office) -> None:
    ended = await office.put(await office.make_job("Ended"), status=Status.FAILED)
    saved = (await create_job(office.desk, ANNA, replace(office.draft("Saved"), start=False))).job
    await office.put(saved, status=Status.KILLED)
    await delete(office, await in_flight(office))
    await office.put(saved, status=Status.PAUSED)

    for go_on in (resume_job, bounce_job):
        with pytest.raises(Conflict, match=WAIT):
            await go_on(office.desk, ANNA, saved.id)
    await office.put(saved, status=Status.KILLED)
    with pytest.raises(Conflict, match=WAIT):
        await bounce_job(office.desk, ANNA, ended.id)
    office.clock.pass_ms(HOLD_MS)
    assert (await bounce_job(office.desk, ANNA, ended.id)).is_live


async def test_no_job_moves_to_a_place_where_anothers_request_may_still_land(office: Office) -> None:
    moving = await office.make_job("Moving", segment_id=OTHER, mapp_attribute_name="elsewhere")
    await delete_and_forget(office, await in_flight(office))
    there = read_job_draft({"config": {"mapp_attribute_name": "vip_buyers"}})

    with pytest.raises(Conflict, match=WAIT):
        await edit_job(office.desk, ANNA, moving.id, there)
    assert any("may still land" in str(p) for p in (await preview_edit(office.desk, moving.id, there)).problems)
    office.clock.pass_ms(HOLD_MS)
    assert (await edit_job(office.desk, ANNA, moving.id, there)).job.is_live


async def test_a_second_deletion_shortens_no_wait(office: Office) -> None:
    job = await in_flight(office)
    await delete_and_forget(office, job)
    await delete(office, job)

    with pytest.raises(Conflict, match="at most 60 seconds"):
        await begin_there(office)


async def test_who_may_not_be_told_yet_is_waited_for_as_long_as_a_claim_made_now_lives(office: Office) -> None:
    await office.make_job()  # nothing of it is in flight, but its sender still has the old integration
    await change_integration(office, await office.put(await office.make_job("B", mapp_attribute_name="b")))

    with pytest.raises(Conflict, match="at most 60 seconds"):
        await begin_there(office)
