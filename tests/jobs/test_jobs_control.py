"""Stopping, starting and ending jobs, owing people again, and deciding about removals."""

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, MAPP_HOST, OTHER, VIP
from tests.jobs.office import ANNA, Office
from usher.domain.job import Cause, Event, Status
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, Rejected
from usher.errors import Conflict, InvalidInput, NotFound, Unavailable
from usher.jobs import control
from usher.jobs.authorizations import delete_authorization, show_authorization
from usher.jobs.looking import job_progress, list_jobs, show_job
from usher.store import scans
from usher.store.database import Txn
from usher.store.members import member_row
from usher.store.tables import exit_minutes

MOVES = {
    Event.PAUSE: control.pause_job,
    Event.RESUME: control.resume_job,
    Event.BOUNCE: control.bounce_job,
    Event.KILL: control.kill_job,
    Event.DELETE: control.delete_job,
}
R, S, P, C, F, X, K, D = (
    Status.RUNNABLE,
    Status.SLEEPING,
    Status.PAUSED,
    Status.COMPLETED,
    Status.FAULT,
    Status.FAILED,
    Status.KILLED,
    Status.DELETED,
)
LEADS_TO = {
    Event.PAUSE: {R: P, S: P, P: P, F: P},
    Event.RESUME: {R: R, P: R},
    Event.BOUNCE: {R: R, S: R, P: R, F: R, X: R, C: R},
    Event.KILL: {R: K, S: K, P: K, F: K, X: K, C: K, K: K},
    Event.DELETE: dict.fromkeys((R, S, P, C, F, X, K, D), D),
}


@pytest.mark.parametrize("status", [R, S, P, C, F, X, K, D])
@pytest.mark.parametrize("event", MOVES)
async def test_each_service_moves_a_job_as_the_one_table_says(office, event, status):
    job = await office.put(await office.make_job(), status=status, cause=Cause.OUTAGE, reason="because")
    move = MOVES[event]

    if status in LEADS_TO[event]:
        moved = await move(office.desk, ANNA, job.id)
        assert moved.status is LEADS_TO[event][status]
        assert ("anna", f"job.{event}", job.id) in await office.audit()
    else:
        with pytest.raises(Conflict):
            await move(office.desk, ANNA, job.id)
        assert (await office.job(job.id)).status is status


@pytest.mark.parametrize("move", MOVES.values())
async def test_an_unknown_job_is_said_to_be_unknown(office, move):
    with pytest.raises(NotFound):
        await move(office.desk, ANNA, "nobody")


async def test_a_job_that_goes_on_has_no_old_reason(office):
    job = await office.put(await office.make_job(), status=F, cause=Cause.MAPP_CREDENTIALS, reason="refused")

    moved = await control.bounce_job(office.desk, ANNA, job.id)

    assert (moved.cause, moved.reason, moved.sleep_until_ms) == (Cause.NONE, "", None)


@pytest.mark.parametrize(
    ("change", "kind", "word"),
    [
        ({"refusing": {MAPP_HOST: 401}}, Conflict, "Mapp still refuses"),
        ({"refusing": {LYTICS_HOST: 401}}, Conflict, "Lytics still refuses"),
        ({"down": {MAPP_HOST}}, Unavailable, "Mapp cannot be reached"),
        ({"down": {LYTICS_HOST}}, Unavailable, "Lytics cannot be reached"),
        ({"segments": []}, Conflict, "still has no audience"),
        ({"fields": []}, Conflict, "still has no field 'email'"),
    ],
)
async def test_a_restart_asks_first_and_is_refused_while_what_stopped_the_job_is_so(office, change, kind, word):
    job = await office.put(await office.make_job(), status=F, cause=Cause.AUDIENCE, reason="gone")
    for name, value in change.items():
        setattr(office.vendors, name, value)

    with pytest.raises(kind, match=word):
        await control.bounce_job(office.desk, ANNA, job.id)
    assert (await office.job(job.id)).status is F


async def test_a_restart_notes_how_healthy_the_authorizations_are(office):
    job = await office.make_job()
    await control.bounce_job(office.desk, ANNA, job.id)
    office.vendors.refusing = {MAPP_HOST: 401}

    with pytest.raises(Conflict):
        await control.bounce_job(office.desk, ANNA, job.id)
    assert (await show_authorization(office.desk, office.mapp)).status == "unhealthy"
    assert (await show_authorization(office.desk, office.lytics)).status == "healthy"


async def test_a_restart_is_refused_while_lytics_takes_the_token_but_withholds_the_people(office):
    job = await office.put(await office.make_job(), status=F, cause=Cause.LYTICS_CREDENTIALS, reason="withheld")
    office.vendors.refusing = {f"GET /api/segment/{VIP}/scan": 403}

    with pytest.raises(Conflict, match="takes the token, but still refuses it the people in the audience 'Vip Buyers'"):
        await control.bounce_job(office.desk, ANNA, job.id)
    assert (await office.job(job.id)).status is F
    assert (await show_authorization(office.desk, office.lytics)).status != "unhealthy"

    office.vendors.refusing = {}
    assert (await control.bounce_job(office.desk, ANNA, job.id)).status is R


async def test_a_job_that_lives_on_triggers_alone_restarts_with_a_token_that_may_not_read_people(office):
    job = await office.put(await office.make_job(), status=F, cause=Cause.MAPP_CREDENTIALS, reason="refused")
    office.vendors.refusing = {f"GET /api/segment/{VIP}/scan": 403}

    assert (await control.bounce_job(office.desk, ANNA, job.id)).status is R


async def test_a_completed_one_time_export_scans_again_when_restarted(office):
    job = await office.make_job(withbackfill=True, backfill_only=True)
    await office.put(job, status=C, scan_wanted="", is_baselined=True)

    assert (await control.bounce_job(office.desk, ANNA, job.id)).scan_wanted == "backfill"


async def test_a_job_cannot_come_back_to_an_attribute_that_another_has_taken(office):
    first = await office.put(await office.make_job("First", mapp_attribute_name="vip"), status=X)
    await office.make_job("Second", segment_id=OTHER, mapp_attribute_name="vip")

    with pytest.raises(Conflict, match="Second"):
        await control.bounce_job(office.desk, ANNA, first.id)


async def test_a_job_whose_authorization_is_gone_says_so_when_restarted(office):
    job = await office.put(await office.make_job(), status=X)
    await delete_authorization(office.desk, ANNA, office.mapp)

    with pytest.raises(Conflict, match="Edit the job"):
        await control.bounce_job(office.desk, ANNA, job.id)


@pytest.mark.parametrize("end", [control.kill_job, control.delete_job])
async def test_an_ended_job_takes_its_webhook_with_it(office, end):
    job = await office.make_job()
    assert len(office.vendors.webhooks) == len(office.vendors.webhook_auths) == 1

    ended = await end(office.desk, ANNA, job.id)

    assert (office.vendors.webhooks, office.vendors.webhook_auths) == ({}, {})
    assert ended.webhook.state == "off"


async def test_a_webhook_that_cannot_be_removed_stops_no_end_and_is_tried_again(office):
    job = await office.make_job()
    office.vendors.down = {LYTICS_HOST}

    killed = await control.kill_job(office.desk, ANNA, job.id)
    assert killed.status is K
    assert "by hand" in killed.webhook.note

    office.vendors.down = set()
    deleted = await control.delete_job(office.desk, ANNA, job.id)
    assert (deleted.webhook.note, office.vendors.webhooks) == ("", {})


async def test_a_deleted_job_forgets_its_members_and_whatever_was_still_to_be_done(office):
    job = await office.make_job()
    await office.see(job, "jo@example.com")
    await control.resend_job(office.desk, ANNA, job.id)

    deleted = await control.delete_job(office.desk, ANNA, job.id)

    assert (await office.sweeps(), deleted.scan_wanted) == (["forget"], "")
    await office.sweep()
    assert await office.desk.database.read(lambda txn: member_row(txn, job.key, "jo@example.com")) is None


async def set_aside(office: Office, job, *members: str) -> None:
    await office.see(job, *members)
    await office.send(job, Rejected("no such user"))


async def test_a_retry_owes_everybody_again_who_was_set_aside(office):
    job = await office.make_job()
    await set_aside(office, job, "jo@example.com", "ana@example.com")
    await office.see(job, "told@example.com")
    await office.send(job, Accepted())

    assert await control.retry_members(office.desk, ANNA, job.id) == 2
    await office.sweep()

    assert {claim.member for claim in await office.claim(job)} == {"jo@example.com", "ana@example.com"}


async def test_a_retry_of_some_leaves_the_others_alone(office):
    job = await office.make_job()
    await set_aside(office, job, "jo@example.com", "ana@example.com")
    await office.see(job, "told@example.com")
    await office.send(job, Accepted())
    named = [" jo@example.com", "told@example.com", "nobody@example.com", ""]

    assert await control.retry_members(office.desk, ANNA, job.id, named) == 1
    assert [claim.member for claim in await office.claim(job)] == ["jo@example.com"]
    assert await control.retry_members(office.desk, ANNA, job.id, named) == 0


@pytest.mark.parametrize(("is_lower", "owed"), [(True, 1), (False, 0)])
async def test_a_retry_finds_people_in_any_letter_case_where_the_job_s_members_are_in_lower_case(
    office, is_lower, owed
):
    job = await office.make_job(lowercase_identifiers=is_lower)
    await set_aside(office, job, "jo@example.com")

    assert await control.retry_members(office.desk, ANNA, job.id, ["Jo@Example.com", "JO@example.com"]) == owed


async def test_a_retry_names_no_member_where_others_can_read_it(office):
    job = await office.make_job()
    await set_aside(office, job, "jo@example.com")
    await control.retry_members(office.desk, ANNA, job.id, ["jo@example.com"])

    kept = (await office.everything_kept()).splitlines()
    assert all("owed" in line or "rejected" in line for line in kept if "jo@example.com" in line)
    assert any("jo@example.com" in line for line in kept)


async def test_too_many_named_members_are_refused(office):
    job = await office.make_job()

    with pytest.raises(InvalidInput):
        await control.retry_members(office.desk, ANNA, job.id, ["x"] * 1001)


async def test_a_resend_owes_everybody_again_who_was_ever_told(office):
    job = await office.make_job()
    await office.see(job, "told@example.com")
    await office.send(job, Accepted())
    await office.see(job, "known@example.com", source=Source.BASELINE)

    await control.resend_job(office.desk, ANNA, job.id)
    await office.sweep()

    assert [claim.member for claim in await office.claim(job)] == ["told@example.com"]


@pytest.mark.parametrize(
    "ask", [control.retry_members, control.resend_job, control.reconcile_job, control.confirm_removals]
)
async def test_nobody_is_owed_by_a_job_that_has_ended(office, ask):
    job = await office.put(await office.make_job(), status=C)

    with pytest.raises(Conflict):
        await ask(office.desk, ANNA, job.id)


async def test_a_comparison_is_wanted_once(office):
    job = await office.make_job()

    assert (await control.reconcile_job(office.desk, ANNA, job.id)).scan_wanted == "reconcile"
    with pytest.raises(Conflict, match="under way or about to begin"):
        await control.reconcile_job(office.desk, ANNA, job.id)


async def test_no_comparison_starts_beside_a_running_or_held_one(office):
    job = await office.make_job()
    scan = await begin_scan(office, job)
    with pytest.raises(Conflict, match="under way"):
        await control.reconcile_job(office.desk, ANNA, job.id)

    await office.write(lambda txn: scans.end_scan(txn, scan.id, state="held", leaving=1))
    with pytest.raises(Conflict, match="decision"):
        await control.reconcile_job(office.desk, ANNA, job.id)


async def begin_scan(office: Office, job):
    return await office.write(lambda txn: scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=10))


async def held_job(office: Office):
    """A job that told two people, whose scan then found neither of them, and which the brake stopped."""
    job = await office.make_job()
    await office.see(job, "jo@example.com", "ana@example.com")
    await office.send(job, Accepted())
    office.clock.pass_ms(600_000)
    scan = await begin_scan(office, job)
    await office.write(lambda txn: scans.end_scan(txn, scan.id, state="held", reason="2 of 2 would go", leaving=2))
    return await office.put(job, status=F, cause=Cause.REMOVALS, reason="2 of 2 would go")


async def test_confirmed_removals_set_to_false_whom_the_scan_did_not_find_and_nobody_seen_since(office):
    job = await held_job(office)
    await office.see(job, "ana@example.com")

    moved = (await control.confirm_removals(office.desk, ANNA, job.id)).job
    await office.sweep()

    assert (moved.status, moved.cause, moved.reason) == (R, Cause.NONE, "")
    assert [(c.member, c.is_in) for c in await office.claim(job)] == [("jo@example.com", False)]


async def test_an_entry_within_the_guard_before_the_scan_outlives_a_confirmation(office):
    job = await office.make_job()
    await office.see(job, "late@example.com")
    await office.send(job, Accepted())
    office.clock.pass_ms(60_000)  # the guard is 120 s, so the scan may not have known of this person
    scan = await begin_scan(office, job)
    await office.write(lambda txn: scans.end_scan(txn, scan.id, state="held", leaving=1))

    await control.confirm_removals(office.desk, ANNA, job.id)
    await office.sweep()

    assert await office.claim(job) == []


async def test_discarded_removals_keep_everybody_and_let_the_job_go_on(office):
    job = await held_job(office)

    moved = (await control.discard_removals(office.desk, ANNA, job.id)).job
    await office.sweep()

    assert (moved.status, moved.cause) == (R, Cause.NONE)
    assert await office.claim(job) == []
    with pytest.raises(Conflict, match="Nobody is held back"):
        await control.discard_removals(office.desk, ANNA, job.id)


async def job_with_held_exits(office: Office):
    job = await office.make_job()
    await office.see(job, "jo@example.com")
    await office.send(job, Accepted())
    job = await office.put(job, exits_held=True, cause=Cause.REMOVALS, reason="many left")
    await office.see(job, "jo@example.com", is_in=False)

    def count_exits(txn: Txn) -> None:
        txn.conn.execute(exit_minutes.insert().values(job=job.key, minute=txn.now_ms // 60_000, exits=600))

    await office.write(count_exits)
    assert await office.claim(job) == []
    return job


@pytest.mark.parametrize(("decide", "is_in"), [(control.confirm_removals, False), (control.discard_removals, True)])
async def test_held_exits_go_on_or_are_taken_back_as_somebody_decides(office, decide, is_in):
    job = await job_with_held_exits(office)

    moved = (await decide(office.desk, ANNA, job.id)).job

    assert (moved.exits_held, moved.status, moved.cause) == (False, R, Cause.NONE)
    assert [(c.member, c.is_in) for c in await office.claim(job)] == [("jo@example.com", is_in)]


@pytest.mark.parametrize("decide", [control.confirm_removals, control.discard_removals])
async def test_a_decision_that_names_a_hold_is_for_nothing_that_is_held_besides(office, decide):
    job = await held_job(office)
    scan_alone = (await job_progress(office.desk, job.id)).hold
    await office.put(job, exits_held=True)
    both = (await job_progress(office.desk, job.id)).hold

    with pytest.raises(Conflict, match="look again"):
        await decide(office.desk, ANNA, job.id, hold=scan_alone)
    await decide(office.desk, ANNA, job.id, hold=both)

    assert (await job_progress(office.desk, job.id)).hold == ""


async def test_after_a_decision_exits_are_counted_anew(office):
    job = await job_with_held_exits(office)

    await control.confirm_removals(office.desk, ANNA, job.id)

    counted = await office.desk.database.read(lambda txn: txn.conn.execute(exit_minutes.select()).all())
    assert counted == []


async def test_a_restart_does_not_stand_in_for_a_decision(office):
    job = await held_job(office)

    with pytest.raises(Conflict, match="waits for a decision"):
        await control.bounce_job(office.desk, ANNA, job.id)


async def test_a_decision_still_waits_after_a_pause_and_is_shown_again(office):
    job = await held_job(office)

    paused = await control.pause_job(office.desk, ANNA, job.id)
    assert (paused.status, paused.cause) == (P, Cause.REMOVALS)
    resumed = await control.resume_job(office.desk, ANNA, job.id)
    assert (resumed.status, resumed.cause, resumed.reason) == (F, Cause.REMOVALS, "2 of 2 would go")

    assert (await control.confirm_removals(office.desk, ANNA, job.id)).job.cause is Cause.NONE


@pytest.mark.parametrize("go_on", [control.resume_job, control.bounce_job])
async def test_a_held_scan_stops_a_job_that_is_paused_until_somebody_decides(office, go_on):
    job = await held_job(office)
    paused = await control.pause_job(office.desk, ANNA, job.id)
    assert paused.reason == "Paused by anna. 2 of 2 would go"

    moved = await go_on(office.desk, ANNA, job.id)

    assert (moved.status, moved.cause, moved.reason) == (F, Cause.REMOVALS, "2 of 2 would go")


async def test_held_exits_are_said_whole_again_after_a_pause_and_after_an_outage(office):
    job = await job_with_held_exits(office)
    whole = "people left the audience: none told yet, 1 waits for you."

    assert whole in (await control.pause_job(office.desk, ANNA, job.id)).reason
    resumed = await control.resume_job(office.desk, ANNA, job.id)
    assert (resumed.status, whole in resumed.reason) == (R, True)

    await office.put(job, cause=Cause.NONE, reason="")  # as one that was asleep wakes up
    shown = (await show_job(office.desk, job.id)).job
    assert (shown.cause, shown.reason) == (Cause.REMOVALS, resumed.reason)
    assert (await list_jobs(office.desk))[0][0].reason == resumed.reason
    assert (await job_progress(office.desk, job.id)).reason == resumed.reason


@pytest.mark.parametrize(
    ("decide", "said"),
    [
        (control.confirm_removals, ["Being set to false: 2 whom a scan did not find and 1 who exited."]),
        (control.discard_removals, ["Kept as they are: 2 whom a scan did not find and 1 who exited."]),
    ],
)
async def test_a_decision_says_for_how_many_it_is(office, decide, said):
    job = await held_job(office)
    await office.see(job, "bo@example.com")
    await office.see(await office.put(job, exits_held=True), "bo@example.com", is_in=False)

    assert (await decide(office.desk, ANNA, job.id)).notes == said


async def test_a_discard_says_how_many_it_cannot_bring_back(office):
    job = await job_with_held_exits(office)
    await office.see(await office.put(job, exits_held=False), "gone@example.com", is_in=False)
    await office.send(job, Accepted())
    await office.put(job, exits_held=True)

    notes = (await control.discard_removals(office.desk, ANNA, job.id)).notes

    assert notes == ["Kept as they are: 1 who exited.", "1 of whom Mapp had been told before stay false."]


async def test_a_decision_may_be_made_while_the_job_is_paused(office):
    job = await held_job(office)
    await control.pause_job(office.desk, ANNA, job.id)

    moved = (await control.discard_removals(office.desk, ANNA, job.id)).job

    assert (moved.status, moved.cause) == (P, Cause.NONE)


async def test_a_pause_is_named_in_its_reason(office):
    job = await office.make_job()

    assert (await control.pause_job(office.desk, ANNA, job.id)).reason == "Paused by anna."


async def test_the_engine_is_told_of_every_move(office):
    job = await office.make_job()
    for move in (control.pause_job, control.resume_job, control.resend_job, control.kill_job):
        before = len(office.refreshed)
        await move(office.desk, ANNA, job.id)
        assert len(office.refreshed) > before
