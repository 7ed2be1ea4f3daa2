"""What people do with a job from its page: asked first where it is large, told what came of it, never led elsewhere."""

from typing import Any

from tests.dashboard.settled import put, settle
from tests.dashboard.visiting import House
from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.domain.outcome import Accepted, Rejected


async def a_job(house: House, **config: Any) -> str:
    return str((await house.running.create_job(**config))["id"])


async def status_of(house: House, job_id: str) -> str:
    return str((await house.running.ask("GET", f"/v2/job/{job_id}")).data["status"])


async def set_aside(house: House, job_id: str) -> int:
    return int((await house.running.ask("GET", f"/v2/job/{job_id}/progress")).data["members"]["set_aside"])


async def reject(house: House, job_id: str, *members: str, reason: str = "INVALID") -> None:
    for member in members:
        await house.running.trigger(house.running.event(member))
    assert await settle(house, job_id, Rejected(reason)) == len(members)


async def test_pause_and_resume_lead_back_with_a_sentence(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    page = await operator.act(f"/jobs/{job_id}/pause")
    assert "Changes from Lytics are still taken in" in page.words
    assert "Paused by operator@example.org" in page.words
    page = await operator.act(f"/jobs/{job_id}/resume")
    assert "The job goes on." in page.words
    assert await status_of(house, job_id) == "runnable"


async def test_a_refused_step_says_why_where_the_person_was(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await put(house, job_id, status=Status.COMPLETED)
    page = await admin.act(f"/jobs/{job_id}/pause", {"back": f"/jobs/{job_id}"})
    assert "A job that is completed cannot pause." in page.words
    assert await status_of(house, job_id) == "completed"


async def test_a_step_leads_back_only_within_this_site(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    for back, leads_to in (
        ("/jobs", "/jobs"),
        ("https://evil.example/", "/jobs"),
        ("//evil.example", "/jobs"),
        ("", f"/jobs/{job_id}"),
    ):
        sent = await admin.post(f"/jobs/{job_id}/pause", {"back": back})
        assert (sent.status, sent.leads_to) == (303, leads_to), back


async def test_a_viewer_changes_nothing_and_looking_changes_nothing(house: House) -> None:
    job_id = await a_job(house)
    viewer, admin = await house.visitor(Role.VIEWER), await house.visitor()
    for action in ("pause", "resume", "bounce", "kill", "delete", "reconcile", "resend", "retry"):
        assert (await viewer.post(f"/jobs/{job_id}/{action}")).status == 403, action
        assert (await admin.get(f"/jobs/{job_id}/{action}")).status in {404, 405}, action
    assert await status_of(house, job_id) == "runnable"


async def test_ending_a_job_names_the_consequence_and_the_people_first(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    for member in ("jo@example.com", "max@example.com"):
        await house.running.trigger(house.running.event(member))
    await settle(house, job_id, Accepted())
    await house.running.trigger(house.running.event("ann@example.com"))
    asked = await operator.get(f"/jobs/{job_id}/ask/kill?back=/jobs")
    assert "1 person who waits to be sent never will be." in asked.words
    assert "Mapp keeps what it holds: 3 people of this audience stay true." in asked.words
    assert "This cannot be undone." in asked.words
    assert 'class="btn danger"' in asked.text
    assert 'name="back" value="/jobs"' in asked.text
    assert await status_of(house, job_id) == "runnable", "asking does nothing"
    page = await operator.act(f"/jobs/{job_id}/kill")
    assert "Terminated by operator@example.org." in page.words
    assert await status_of(house, job_id) == "killed"


async def test_a_deleted_job_leads_to_the_list(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    asked = await operator.get(f"/jobs/{job_id}/ask/delete")
    assert "Usher forgets what it knows of 0 people here" in asked.words
    sent = await operator.post(f"/jobs/{job_id}/delete", {"back": f"/jobs/{job_id}"})
    assert (sent.status, sent.leads_to) == (303, "/jobs")
    assert await status_of(house, job_id) == "deleted"


async def test_telling_everybody_again_says_how_many(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    await house.running.trigger(house.running.event("jo@example.com"))
    asked = await operator.get(f"/jobs/{job_id}/ask/resend")
    assert "Up to 1 person" in asked.words
    assert 'class="btn danger"' not in asked.text
    page = await operator.act(f"/jobs/{job_id}/resend")
    assert "Telling Mapp everybody again, as was asked for." in page.words


async def test_what_does_not_fit_is_neither_offered_nor_asked(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    assert (await admin.get(f"/jobs/{job_id}/ask/retry")).status == 409, "nobody is set aside"
    assert (await admin.get(f"/jobs/{job_id}/ask/nonsense")).status == 404
    await put(house, job_id, status=Status.KILLED)
    for action in ("kill", "resend", "bounce"):
        assert (await admin.get(f"/jobs/{job_id}/ask/{action}")).status == 409
    page = await admin.get(f"/jobs/{job_id}")
    for word in ("Pause", "Resume", "Compare now", "Edit", "Terminate"):
        assert f">{word}<" not in page.text.replace("</svg>", ">"), word
    assert "Duplicate" in page.words


async def test_a_completed_job_asks_before_it_starts_again(house: House) -> None:
    job_id, admin = await a_job(house, withbackfill=True, backfill_only=True), await house.visitor()
    await put(house, job_id, status=Status.COMPLETED, is_baselined=True)
    page = await admin.get(f"/jobs/{job_id}")
    assert f'href="/jobs/{job_id}/ask/bounce"' in page.text
    assert f'action="/jobs/{job_id}/bounce"' not in page.text
    asked = await admin.get(f"/jobs/{job_id}/ask/bounce")
    assert "the whole audience is read again" in asked.words
    assert "the job goes on" in (await admin.act(f"/jobs/{job_id}/bounce")).words
    assert await status_of(house, job_id) == "runnable"


async def test_test_again_asks_the_vendors_and_says_what_they_said(house: House) -> None:
    job_id, admin = await a_job(house), await house.visitor()
    await put(house, job_id, status=Status.FAULT, cause=Cause.MAPP_CREDENTIALS, reason="No.")
    good = await admin.act(f"/jobs/{job_id}/bounce")
    assert "Mapp and Lytics were asked again" in good.words
    await put(house, job_id, status=Status.FAULT, cause=Cause.MAPP_CREDENTIALS, reason="No.")
    secret = {"config": {"secret": "a-secret-that-is-wrong-0001"}}
    await house.running.ask("PUT", f"/v2/auth/integration-secret/{house.running.made['mapp']}", secret)
    bad = await admin.act(f"/jobs/{job_id}/bounce")
    assert "Mapp still refuses" in bad.words
    assert await status_of(house, job_id) == "fault"


async def test_one_reason_is_retried_alone(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    await reject(house, job_id, "jo@example.com", "max@example.com", reason=" INVALID  email ")
    await reject(house, job_id, "ann@example.com", reason="No such group")
    page = await operator.act(f"/jobs/{job_id}/retry", {"reason": " INVALID  email "})
    assert "2 people are sent again." in page.words
    assert await set_aside(house, job_id) == 1


async def test_a_reason_of_several_lines_is_found_as_browsers_send_it(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    await reject(house, job_id, "jo@example.com", reason="one\ntwo")
    assert "1 person is sent again." in (await operator.act(f"/jobs/{job_id}/retry", {"reason": "one\r\ntwo"})).words


async def test_those_who_are_named_are_retried_alone(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    await reject(house, job_id, "jo@example.com", "max@example.com", "ann@example.com")
    page = await operator.act(f"/jobs/{job_id}/retry", {"members": ["jo@example.com", "ann@example.com"]})
    assert "2 people are sent again." in page.words
    assert await set_aside(house, job_id) == 1
    again = await operator.act(f"/jobs/{job_id}/retry", {"members": "jo@example.com"})
    assert "Nobody was set aside any more." in again.words


async def test_everybody_is_retried_after_the_question(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    await reject(house, job_id, "jo@example.com", "max@example.com")
    asked = await operator.get(f"/jobs/{job_id}/ask/retry")
    assert "Retry 2 people?" in asked.words
    assert "2 people are sent again." in (await operator.act(f"/jobs/{job_id}/retry")).words


async def test_a_comparison_is_asked_for_once(house: House) -> None:
    job_id, operator = await a_job(house), await house.visitor(Role.OPERATOR)
    page = await operator.act(f"/jobs/{job_id}/reconcile")
    assert "About to read the audience from Lytics." in page.words
    assert "Compare now" not in page.words
    assert "under way or about to begin" in (await operator.act(f"/jobs/{job_id}/reconcile")).words


async def test_a_large_step_says_which_attribute_of_which_group_it_is_about(house: House) -> None:
    job_id = await a_job(house, mapp_attribute_name="best", enable_dynamic_attributes=True)
    page = await (await house.visitor(Role.OPERATOR)).get(f"/jobs/{job_id}/ask/kill")
    assert "it writes the attribute 2324000001_best of group 2324000001 ." in page.words
