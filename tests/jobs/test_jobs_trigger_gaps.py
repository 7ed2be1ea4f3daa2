"""A gap in triggers is noticed, said, and made good by a comparison of the whole audience that starts by itself."""

import asyncio
from random import Random

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, VIP
from usher.domain.job import Cause, Status, Webhook
from usher.domain.trigger_gap import GapKind
from usher.engine.scanner import JobAtFault, Scanner
from usher.engine.telemetry import Telemetry
from usher.jobs.looking import job_logs
from usher.jobs.overview import overview
from usher.jobs.progress import job_progress
from usher.jobs.saying import say_gap
from usher.jobs.sources import mind_sources
from usher.jobs.standing import standing_of
from usher.jobs.trigger_gaps import DOWN_MS, note_alive
from usher.sandbox.audiences import Change, SegmentEvent
from usher.sandbox.emitter import EmissionQuirks, Emitter
from usher.sandbox.people import make_people
from usher.sandbox.trigger_body import WebhookConfig
from usher.store.database import ADD_TO_ACTIVITY, HOUR, MINUTE
from usher.store.gaps import gap_of, gaps_of_jobs
from usher.store.jobs import count_needing_attention, note_trigger
from usher.store.scanning import SqlScans
from usher.store.source_facts import beat

HOUR_MS, MINUTE_MS, DAY = 3_600_000, 60_000, 86_400


async def compare(office, job) -> None:
    """Scan as the engine would, over the real client and store."""

    async def tell(_trouble: str | None) -> None:
        raise AssertionError("Lytics answers here")

    scanner = Scanner(
        await office.desk.vendors.lytics(job.lytics_auth),
        store=SqlScans(office.desk.database, office.desk.statements),
        clock=office.clock,
        rng=Random(1),
        guard_seconds=0,
        telemetry=Telemetry(),
        ring=lambda: None,
        tell=tell,
    )
    assert await scanner.scan(await office.job(job.id))
    await office.sweep()


async def begun(office, **config):
    """A job whose first scan is done, and that has heard triggers."""
    job = await office.make_job(withbackfill=True, **config)
    await compare(office, job)
    await office.write(lambda txn: note_trigger(txn, job.key))
    await office.put(job, scan_wanted="")
    await mind_sources(office.desk)
    await note_alive(office.desk)
    return await office.job(job.id)


async def gap(office, job):
    return await office.desk.database.read(lambda txn: gap_of(txn, job.key))


async def messages(office, job) -> list[str]:
    return [entry.message for entry in (await job_logs(office.desk, job.id))[0]]


async def needing_attention(office) -> int:
    return await office.desk.database.read(count_needing_attention)


async def test_after_an_hour_of_not_running_triggers_are_taken_to_be_missing_and_the_audience_is_compared(office):
    job = await begun(office)
    office.clock.pass_ms(DOWN_MS)

    await note_alive(office.desk)

    assert (await gap(office, job)).kind is GapKind.DOWN
    assert (await office.job(job.id)).scan_wanted == "reconcile"
    assert await needing_attention(office) == 1
    assert "could not take in triggers" in (await job_progress(office.desk, job.id)).reason

    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)

    assert await gap(office, job) is None
    assert await needing_attention(office) == 0
    assert (await job_progress(office.desk, job.id)).reason == ""
    assert any("nobody had changed without a trigger" in said for said in await messages(office, job))


async def test_a_short_stop_is_no_gap(office):
    job = await begun(office)
    office.clock.pass_ms(DOWN_MS - 1)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_database_that_was_away_for_long_counts_as_not_running(office):
    job = await begun(office)
    for _ in range(3):  # the receiver answers 503 meanwhile, and the minute's beat fails
        office.clock.pass_ms(HOUR_MS)
    await note_alive(office.desk)
    assert (await gap(office, job)).kind is GapKind.DOWN


async def test_a_gap_is_found_wherever_jobs_that_need_a_person_are(office):
    job = await begun(office)
    office.clock.pass_ms(DOWN_MS)
    await note_alive(office.desk)

    seen = await overview(office.desk, show="attention")

    assert [row.id for row in seen.rows] == [job.id]
    said = say_gap(await standing_of(office.desk, job.id))
    assert said is not None
    assert "compares the whole audience by itself" in said.text
    assert set(await office.desk.database.read(gaps_of_jobs)) == {job.key}


async def test_a_paused_job_is_not_called_short_of_triggers_until_it_goes_on(office):
    job = await begun(office)
    await office.put(job, status=Status.PAUSED)
    office.clock.pass_ms(DOWN_MS)
    await note_alive(office.desk)
    assert await needing_attention(office) == 0
    assert await office.desk.database.read(gaps_of_jobs) == {}

    await office.put(job, status=Status.RUNNABLE)
    assert await needing_attention(office) == 1


async def test_a_webhook_that_cannot_be_made_anew_is_said_once_and_compared_once(office):
    job = await begun(office)
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"
    office.vendors.refusing = {"POST /v2/auth/header-param-auth": 403}

    for _ in range(3):
        await mind_sources(office.desk)
        office.clock.pass_ms(5 * MINUTE_MS)
        await compare(office, job)
        await note_alive(office.desk)

    after = await office.job(job.id)
    assert after.scan_wanted == ""
    assert (await gap(office, job)).kind is GapKind.ENDED  # compared, but triggers cannot come yet
    assert sum("had ended (failed)" in said for said in await messages(office, job)) == 1
    assert "has ended (failed), and no new webhook could be made" in after.webhook.note

    office.vendors.refusing = {}
    await mind_sources(office.desk)
    assert (await office.job(job.id)).scan_wanted == "reconcile"
    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_webhook_that_sleeps_at_two_looks_is_said_and_what_it_lost_is_looked_for_when_it_works_again(office):
    job = await begun(office)
    made = office.vendors.webhooks[job.webhook.job_id]
    made["status"] = "sleeping"
    await mind_sources(office.desk)
    assert await gap(office, job) is None  # one refusal makes it sleep for a moment
    office.clock.pass_ms(5 * MINUTE_MS)
    await mind_sources(office.desk)
    assert (await gap(office, job)).kind is GapKind.STALLED
    assert (await office.job(job.id)).scan_wanted == "reconcile"

    made["status"] = "runnable"
    await office.put(job, scan_wanted="")
    await mind_sources(office.desk)
    await note_alive(office.desk)

    assert await gap(office, job) is None
    assert (await office.job(job.id)).scan_wanted == "reconcile"


async def busy_for_a_week(office, job) -> None:
    """Somebody enters every minute for eight days; the last trigger came just now."""
    await office.write(lambda txn: note_trigger(txn, job.key))
    start = office.clock.now_ms() // 1000
    end = start + 8 * DAY
    rows = [(HOUR, at - at % HOUR) for at in range(start, end, HOUR)]
    rows += [(MINUTE, at - at % MINUTE) for at in range(end - DAY, end, MINUTE)]
    counted = [{"job": job.key, "step": step, "at": at, "name": "entered", "value": 1} for step, at in rows]
    office.clock.at_ms = end * 1000

    def work(txn) -> None:
        txn.conn.execute(ADD_TO_ACTIVITY, counted)
        note_trigger(txn, job.key)
        beat(txn)

    await office.write(work)


async def test_a_webhook_made_by_hand_that_falls_silent_is_noticed_and_said_to_work_when_triggers_come_again(office):
    job = await begun(office)
    job = await office.put(job, webhook=Webhook("manual", note="A person pastes it."))
    await busy_for_a_week(office, job)
    office.clock.pass_ms(40 * MINUTE_MS)

    await mind_sources(office.desk)
    await mind_sources(office.desk)

    assert (await gap(office, job)).kind is GapKind.SILENT
    assert (await office.job(job.id)).scan_wanted == "reconcile"
    assert sum("unusually long" in said for said in await messages(office, job)) == 1

    office.clock.pass_ms(MINUTE_MS)
    office.vendors.values.append("new@example.org")
    await compare(office, job)
    await note_alive(office.desk)
    assert any("A comparison found 1 who had changed" in said for said in await messages(office, job))

    await office.write(lambda txn: note_trigger(txn, job.key))
    await note_alive(office.desk)
    assert await gap(office, job) is None
    assert (await messages(office, job))[0] == "Triggers come again."


async def test_a_silence_in_which_nobody_was_missed_is_called_quiet_and_asked_about_more_seldom(office):
    job = await begun(office)
    await busy_for_a_week(office, job)
    office.clock.pass_ms(40 * MINUTE_MS)
    await mind_sources(office.desk)
    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None
    assert "only quiet" in (await messages(office, job))[0]

    office.clock.pass_ms(39 * MINUTE_MS)
    await mind_sources(office.desk)
    assert await gap(office, job) is None


async def test_a_silence_is_over_once_a_trigger_comes_though_the_clock_was_set_back_meanwhile(office):
    job = await begun(office)
    await busy_for_a_week(office, job)
    office.clock.pass_ms(40 * MINUTE_MS)
    await mind_sources(office.desk)
    office.clock.set_by(-5 * HOUR_MS)
    await note_alive(office.desk)
    assert (await gap(office, job)).kind is GapKind.SILENT, "nothing came: a set clock is no trigger"

    await office.write(lambda txn: note_trigger(txn, job.key))
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_comparison_after_the_clock_was_set_back_ends_a_gap_and_one_from_before_it_does_not(office):
    job = await begun(office)
    office.clock.set_by(3 * HOUR_MS)
    await note_alive(office.desk)
    assert (await gap(office, job)).kind is GapKind.DOWN
    office.clock.set_by(-3 * HOUR_MS)
    await note_alive(office.desk)
    assert (await gap(office, job)).kind is GapKind.DOWN

    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_redefinition_that_no_scan_saw_is_said_and_compared_and_the_webhook_made_anew(office):
    job = await begun(office)
    office.vendors.segments[0]["segment_ql"] = "FILTER orders > 50 FROM user ALIAS vip_buyers"

    await mind_sources(office.desk)
    await mind_sources(office.desk)

    after = await office.job(job.id)
    assert after.status is Status.RUNNABLE
    assert after.scan_wanted == "reconcile"
    assert after.webhook.job_id != job.webhook.job_id
    assert sum("was redefined in Lytics" in said for said in await messages(office, job)) == 1
    assert (await gap(office, job)).kind is GapKind.REDEFINED

    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_redefinition_that_happened_while_usher_was_down_is_seen_by_the_last_scan_s_definition(office):
    job = await office.make_job(withbackfill=True)
    await compare(office, job)
    office.vendors.segments[0]["segment_ql"] = "FILTER orders > 50 FROM user ALIAS vip_buyers"
    await mind_sources(office.desk)
    assert (await gap(office, job)).kind is GapKind.REDEFINED


async def test_a_redefinition_that_empties_an_audience_removes_nobody_and_goes_on_needing_a_person(office):
    job = await begun(office)
    office.vendors.segments[0]["segment_ql"] = "FILTER orders > 5000 FROM user ALIAS vip_buyers"
    office.vendors.values.clear()
    await mind_sources(office.desk)
    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)

    assert (await job_progress(office.desk, job.id)).members["in"] == 2
    assert (await gap(office, job)).kind is GapKind.REDEFINED
    assert await needing_attention(office) == 1


GONE = [
    ("deleted", lambda found: found.update(deleted=True), "no longer in Lytics"),
    ("invalid", lambda found: found.update(invalid=True, invalid_reason="field x is gone"), "field x is gone"),
    ("missing", lambda found: found.update(id="other", slug_name="other"), "has expired"),
]


@pytest.mark.parametrize(("lose", "said"), [one[1:] for one in GONE], ids=[one[0] for one in GONE])
async def test_a_lost_audience_stops_the_job_and_it_goes_on_by_itself_once_lytics_has_it_again(office, lose, said):
    job = await begun(office)
    whole = dict(office.vendors.segments[0])
    lose(office.vendors.segments[0])
    await mind_sources(office.desk)
    stopped = await office.job(job.id)
    assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.AUDIENCE)
    assert said in stopped.reason
    assert "goes on by itself" in stopped.reason

    office.vendors.segments[0] = whole
    await mind_sources(office.desk)
    after = await office.job(job.id)
    assert (after.status, after.cause, after.scan_wanted) == (Status.RUNNABLE, Cause.NONE, "reconcile")


async def test_an_audience_that_the_token_may_not_read_any_more_stops_the_job(office):
    job = await begun(office)
    office.vendors.refusing = {f"GET /v2/segment/{VIP}": 403}
    await mind_sources(office.desk)
    assert "may have become private" in (await office.job(job.id)).reason


async def test_a_refused_token_says_nothing_of_the_audience(office):
    job = await begun(office)
    office.vendors.refusing = {LYTICS_HOST: 401}
    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE


async def test_an_identifier_field_that_left_the_schema_stops_the_job_until_it_is_back(office):
    job = await begun(office)
    email = office.vendors.fields.pop(0)
    await mind_sources(office.desk)
    stopped = await office.job(job.id)
    assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.FIELD)
    assert "'email' is no longer in Lytics' schema" in stopped.reason

    office.vendors.fields.append(email)
    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE


@pytest.mark.parametrize("answer", ["empty", "refused"])
async def test_a_schema_that_lytics_does_not_tell_stops_nobody(office, answer):
    job = await begun(office)
    if answer == "empty":
        office.vendors.fields.clear()
    else:
        office.vendors.refusing = {"GET /v2/schema/user/field": 503}
    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE


async def take(office, job, *, named: int = 0, unnamed: int = 0) -> None:
    def work(txn) -> None:
        txn.tally[job.key, "triggers.received"] += named + unnamed
        txn.tally[job.key, "triggers.applied"] += named
        txn.tally[job.key, "triggers.ignored.no_identifier"] += unnamed

    await office.write(work)


async def test_triggers_that_cease_to_carry_the_identifier_stop_the_job_and_those_that_carry_it_let_it_go_on(office):
    job = await begun(office)
    await take(office, job, named=500, unnamed=5)
    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE

    await take(office, job, named=30, unnamed=20)
    await mind_sources(office.desk)
    stopped = await office.job(job.id)
    assert (stopped.status, stopped.cause) == (Status.FAULT, Cause.FIELD)
    assert "carry no 'email'" in stopped.reason

    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.FAULT  # nothing has shown that they carry it again
    await take(office, job, named=50)
    await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE


async def test_a_person_who_restarts_the_job_is_believed_about_triggers_without_identifier(office):
    job = await begun(office)
    await take(office, job, named=20, unnamed=30)
    await mind_sources(office.desk)
    await office.put(job, status=Status.RUNNABLE, cause=Cause.NONE, reason="")
    for _ in range(3):
        await take(office, job, named=20, unnamed=30)
        await mind_sources(office.desk)
    assert (await office.job(job.id)).status is Status.RUNNABLE
    assert any("taken to be usual" in said for said in await messages(office, job))


async def test_what_was_known_of_a_deleted_job_is_dropped(office):
    job = await begun(office)
    office.clock.pass_ms(DOWN_MS)
    await note_alive(office.desk)
    await office.put(job, status=Status.DELETED)
    await mind_sources(office.desk)
    assert await gap(office, job) is None


class Receiver:
    """Where Lytics sends: down, or taking in; time passes by itself while it is down."""

    def __init__(self) -> None:
        self.is_down = True
        self.taken = 0

    async def post(self, _config: WebhookConfig, _body: bytes) -> tuple[int, float | None]:
        self.taken += not self.is_down
        return (0, None) if self.is_down else (200, None)


async def test_three_hours_of_being_down_fail_lytics_job_and_end_with_everybody_in_step(office, measured):
    job = await begun(office)
    receiver, start_ms = Receiver(), office.clock.now_ms()
    config = WebhookConfig(segment_ids=[VIP], webhook_url="https://usher.example.net", worker_count=1)
    emitter = Emitter(
        config, lambda _change: {}, receiver.post, lambda *_: None, office.clock, Random(1), EmissionQuirks()
    )
    emitter.start()
    office.vendors.values = ["stayed@example.org", "entered@example.org"]  # meanwhile two left and two entered
    emitter.put(Change(make_people(1, seed=1)[0], (SegmentEvent(VIP, "vip_buyers", "enter", 1),)))
    async with asyncio.timeout(10):
        while emitter.status != "failed":  # noqa: ASYNC110 - its clock passes while others run, and tells nobody
            await asyncio.sleep(0)
    await emitter.aclose()
    office.clock.at_ms = max(office.clock.at_ms, start_ms + 3 * HOUR_MS)
    failed_hours = (office.clock.now_ms() - start_ms) / HOUR_MS
    office.vendors.webhooks[job.webhook.job_id]["status"] = emitter.status

    up_ms = office.clock.now_ms()
    await note_alive(office.desk)  # as at every start
    await mind_sources(office.desk)
    seen_minutes = (office.clock.now_ms() - up_ms) / MINUTE_MS
    assert await needing_attention(office) == 1
    assert "had ended (failed)" in (await job_progress(office.desk, job.id)).reason
    assert (await office.job(job.id)).webhook.job_id != job.webhook.job_id

    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)

    progress = await job_progress(office.desk, job.id)
    assert (progress.members["in"], progress.members["out"]) == (2, 2)
    assert await gap(office, job) is None
    assert failed_hours >= 3
    assert seen_minutes <= 10
    measured("gaps.drill.hours_down", round(failed_hours, 1))
    measured("gaps.drill.minutes_until_seen", seen_minutes)


async def test_a_webhook_that_ended_is_said_once_where_another_that_a_person_made_sends_the_triggers(office):
    job = await begun(office)
    office.vendors.webhooks[job.webhook.job_id]["status"] = "failed"
    office.vendors.refusing = {"POST /v2/auth/header-param-auth": 403}

    for _ in range(3):
        await mind_sources(office.desk)
        office.clock.pass_ms(5 * MINUTE_MS)
        await compare(office, job)
        await office.write(lambda txn: note_trigger(txn, job.key))
        await note_alive(office.desk)

    assert await gap(office, job) is None
    assert (await office.job(job.id)).scan_wanted == ""
    assert sum("had ended (failed)" in said for said in await messages(office, job)) == 1


async def test_a_first_scan_that_an_outage_interrupted_is_followed_by_a_comparison(office):
    job = await office.make_job(withbackfill=True)
    scan_store = SqlScans(office.desk.database, office.desk.statements)
    await scan_store.begin_scan(job.key, definition="", expected=2)
    await note_alive(office.desk)
    office.clock.pass_ms(3 * HOUR_MS)
    await note_alive(office.desk)
    assert (await gap(office, job)).kind is GapKind.DOWN

    await compare(office, job)  # to the end of the scan that began before
    await note_alive(office.desk)
    assert (await office.job(job.id)).scan_wanted == "reconcile"

    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_a_redefinition_that_empties_an_audience_is_compared_again_once_somebody_is_inside(office):
    job = await begun(office)
    office.vendors.segments[0].update(segment_ql="FILTER orders > 5000 FROM user ALIAS vip_buyers", size=0)
    office.vendors.values.clear()
    await mind_sources(office.desk)
    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    office.clock.pass_ms(5 * MINUTE_MS)
    await mind_sources(office.desk)
    assert (await office.job(job.id)).scan_wanted == ""

    office.vendors.segments[0]["size"] = 1
    office.vendors.values.append("new@example.org")
    await mind_sources(office.desk)
    assert (await office.job(job.id)).scan_wanted == "reconcile"
    office.clock.pass_ms(MINUTE_MS)
    await compare(office, job)
    await note_alive(office.desk)
    assert await gap(office, job) is None


async def test_an_audience_whose_people_cannot_be_read_keeps_the_job_stopped_though_lytics_lists_it(office):
    job = await begun(office)
    office.vendors.refusing = {f"GET /api/segment/{VIP}/scan": 404}
    with pytest.raises(JobAtFault) as stopped:
        await compare(office, job)
    await office.put(job, status=Status.FAULT, cause=stopped.value.cause, reason=stopped.value.message)

    for _ in range(3):
        office.clock.pass_ms(5 * MINUTE_MS)
        await mind_sources(office.desk)
        assert (await office.job(job.id)).status is Status.FAULT

    office.vendors.refusing = {}
    await mind_sources(office.desk)
    after = await office.job(job.id)
    assert (after.status, after.scan_wanted) == (Status.RUNNABLE, "reconcile")
