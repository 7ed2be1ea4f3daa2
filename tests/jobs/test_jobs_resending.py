"""One person is sent again because somebody asks, and never sooner than a lost request can have landed."""

import pytest

from tests.jobs.office import ANNA, Office
from usher.domain.claim import Settlement
from usher.domain.identifier import LONGEST_BYTES
from usher.domain.job import Cause, Status
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, Rejected, Unknown
from usher.errors import Conflict, InvalidInput
from usher.jobs.explain import explain_member
from usher.jobs.owing import MOST_MEMBERS, resend_members
from usher.store import delivery

JO, EVE = "jo@example.com", "eve@example.com"


async def resend(office: Office, job, *members: str) -> int:
    return await resend_members(office.desk, ANNA, job.id, list(members))


async def test_who_was_told_is_sent_again_and_nobody_else(office):
    job = await office.make_job()
    await office.see(job, JO, EVE)
    await office.send(job, Accepted())

    assert await resend(office, job, JO) == 1

    (claim,) = await office.claim(job)
    assert claim.member == JO
    assert "job.resend" in await office.actions()
    assert (await office.everything_kept()).count(JO) == 1  # only the history of that person names them


async def test_the_person_s_page_says_who_asked(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    await resend(office, job, JO)

    found = await explain_member(office.desk, job.id, JO)

    assert "anna asked for it to be sent again" in found.why[-1]
    assert found.history[0].kind == "owed"


async def test_who_is_set_aside_is_owed_again(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Rejected("no such user"))

    assert await resend(office, job, JO) == 1
    assert (await explain_member(office.desk, job.id, JO)).state == "due"


async def test_asking_never_shortens_the_wait_after_a_lost_answer(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Unknown("timeout"))
    before = (await explain_member(office.desk, job.id, JO)).due_at

    await resend(office, job, JO)

    assert (await explain_member(office.desk, job.id, JO)).due_at == before
    assert await office.claim(job) == []


async def test_an_answer_to_the_request_before_does_not_count_for_the_one_asked_for(office):
    job = await office.make_job()
    await office.see(job, JO)
    (claim,) = await office.claim(job)
    await resend(office, job, JO)
    settled = [Settlement(claim, Accepted())]
    await office.write(lambda txn: delivery.settle(txn, office.desk.statements, settled))

    assert (await explain_member(office.desk, job.id, JO)).state == "due"


async def test_who_waits_for_a_decision_or_was_never_seen_is_left_alone(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    job = await office.put(job, exits_held=True, cause=Cause.REMOVALS)
    await office.see(job, JO, is_in=False)

    assert await resend(office, job, JO, "nobody@example.com", "\x00") == 0
    assert (await explain_member(office.desk, job.id, JO)).state == "held"


async def test_whom_only_a_silent_baseline_knows_is_sent_where_somebody_names_them(office):
    job = await office.make_job(reconcile_hours=1)
    await office.see(job, JO, source=Source.BASELINE)

    assert await resend(office, job, JO) == 1
    assert (await explain_member(office.desk, job.id, JO)).state == "due"


async def test_an_ended_job_sends_nobody_again_and_too_many_names_are_refused(office):
    job = await office.make_job()
    with pytest.raises(InvalidInput):
        await resend(office, job, *["x" * LONGEST_BYTES] * (MOST_MEMBERS + 1))
    await office.put(job, status=Status.KILLED)
    with pytest.raises(Conflict):
        await resend(office, job, JO)
