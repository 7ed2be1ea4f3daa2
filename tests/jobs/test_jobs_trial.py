"""One person sent before a job exists: what is checked, what is sent, and that two requests never live at once."""

import asyncio
import base64
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.crossing import TurnByTurn
from tests.jobs.fake_vendors import GROUP, LYTICS_HOST, MAPP_HOST, OTHER
from tests.jobs.office import ANNA, Office
from usher.domain.attribute import Target
from usher.domain.job import Status
from usher.domain.outcome import Accepted, Late, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.errors import Conflict, InvalidInput, RemoteUnknown, RemoteUnreachable, Unavailable
from usher.jobs.authorizations import change_authorization
from usher.jobs.control import bounce_job, kill_job, resume_job
from usher.jobs.creating import create_job
from usher.jobs.drafts import read_auth_draft, read_job_draft
from usher.jobs.editing import edit_job, preview_edit
from usher.jobs.looking import list_jobs
from usher.jobs.preview import preview_job
from usher.jobs.trial import KINDS, Trial, read_trial, send_one, sentence_of
from usher.store.database import Database, Work
from usher.store.tables import trials

EVENT = "POST /charon/api/v1/integration/int-1/event"
JO, ANA = "jo.public@example.com", "ana@example.org"


async def try_out(office: Office, member: str | None = None, **config: Any) -> Trial:
    return await send_one(office.desk, ANNA, office.draft(**config), member)


async def held(office: Office) -> list[int]:
    """Until when (ms) each place is held."""
    return list(
        await office.desk.database.read(lambda txn: txn.conn.execute(select(trials.c.until_ms)).scalars().all())
    )


def events(office: Office) -> list[Any]:
    return [asked for asked in office.vendors.asked if asked.line == EVENT]


def expiry_ms(asked: Any) -> int:
    claims = asked.headers["auth-token"].split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]) * 1000


async def test_the_first_person_that_lytics_shows_is_sent_once_and_no_job_is_made(office):
    done = await try_out(office)

    (sent,) = events(office)
    assert sent.body == {
        "email": JO,
        "group": GROUP,
        "vip_buyers": "true",
        "updateonly": "true",
        "skipUnsubscribers": "true",
    }
    assert (done.member, done.outcome, done.answer) == (JO, "accepted", "")
    assert json.loads(done.request.body) == sent.body
    assert done.request.headers["auth-token"] == "***"
    assert "'vip_buyers'" in done.sentence
    assert await list_jobs(office.desk) == ([], None)


async def test_what_is_sent_is_what_the_preview_showed(office):
    shown = (await preview_job(office.desk, office.draft(), may_see_people=True)).request

    assert (await try_out(office)).request == shown


async def test_who_may_not_see_people_sees_nobody_and_the_person_goes_out_in_full(office):
    done = await send_one(office.desk, ANNA, office.draft(), may_see_people=False)

    assert events(office)[0].body["email"] == JO
    assert "jo.public" not in f"{done.member}{done.request.body}{done.answer}{done.sentence}{done!r}"


async def test_a_named_person_is_sent_as_the_job_would_name_them(office):
    office.vendors.values = [JO, "Ana@Example.ORG"]

    assert (await try_out(office, "  ANA@example.org ", lowercase_identifiers=True)).member == ANA


@pytest.mark.parametrize("member", ["nobody@example.com", "", "   ", "x" * 2_000, "jo"])
async def test_nobody_is_sent_whom_lytics_does_not_show_inside_the_audience(office, member):
    with pytest.raises(InvalidInput, match="member: is not among the first 2 people"):
        await try_out(office, member)
    assert events(office) == []
    assert await held(office) == []


async def test_nobody_made_up_is_ever_sent(office):
    office.vendors.values = []

    with pytest.raises(InvalidInput, match="Lytics shows nobody"):
        await try_out(office)
    assert events(office) == []


@pytest.mark.parametrize(
    ("change", "config", "kind"),
    [
        ({}, {"group_id": "99"}, InvalidInput),
        ({"segments": []}, {}, InvalidInput),
        ({"values": ["***", "***"]}, {}, InvalidInput),
        ({"refusing": {LYTICS_HOST: 401}}, {}, InvalidInput),
        ({"down": {MAPP_HOST}}, {}, Unavailable),
    ],
)
async def test_what_would_be_refused_as_a_job_is_refused_as_a_trial(office, change, config, kind):
    for name, value in change.items():
        setattr(office.vendors, name, value)

    with pytest.raises(kind):
        await try_out(office, **config)
    assert events(office) == []
    assert "job.trial" not in await office.actions()


async def test_an_attribute_that_a_live_job_writes_is_not_for_trials(office):
    await office.make_job("First")

    with pytest.raises(Conflict, match="First"):
        await try_out(office)
    assert events(office) == []


async def test_it_is_written_down_and_audited_before_it_is_sent_and_no_identifier_with_it(office):
    seen = []

    async def look(asked: Any) -> None:
        if asked.line == EVENT:
            seen.append((await held(office), await office.actions()))

    office.vendors.before_answer = look
    await try_out(office)

    ((places, actions),) = seen
    assert places == [office.clock.now_ms() + office.desk.timing.hold_ms]
    assert actions[-1] == "job.trial"
    assert "jo.public" not in await office.everything_kept()


async def test_mapp_refuses_the_request_long_before_anybody_else_may_send(office):
    office.vendors.refusing = {EVENT: 502}
    await try_out(office)
    timing = office.desk.timing

    may_land = timing.request_timeout_seconds + timing.quarantine_seconds + timing.clock_margin_seconds
    assert expiry_ms(events(office)[0]) <= (await held(office))[0] - may_land * 1000


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "accepted"), (400, "rejected"), (401, "stop_job"), (404, "stop_job"), (429, "retry_later")],
)
async def test_after_an_answer_that_is_known_the_attribute_is_free_at_once(office, status, kind):
    office.vendors.refusing = {EVENT: status} if status != 200 else {}

    done = await try_out(office)

    assert (done.outcome, bool(done.answer)) == (kind, status != 200)
    assert await held(office) == []
    office.vendors.refusing = {}
    assert (await try_out(office)).outcome == "accepted"


async def test_a_request_that_never_left_holds_nothing(office):
    await _fail_the_event(office, RemoteUnreachable("It does not take connections."))

    assert (await try_out(office)).outcome == "retry_later"
    assert await held(office) == []


async def _fail_the_event(office: Office, error: Exception) -> None:
    async def fail(asked: Any) -> None:
        if asked.line == EVENT:
            raise error

    office.vendors.before_answer = fail


async def lose_an_answer(office: Office, **config: Any) -> Trial:
    await _fail_the_event(office, RemoteUnknown("The answer was lost."))
    done = await try_out(office, **config)
    office.vendors.before_answer = None
    office.vendors.asked.clear()
    return done


async def test_after_a_lost_answer_nobody_sends_to_the_attribute_until_it_may_have_landed(office):
    done = await lose_an_answer(office)
    assert (done.outcome, done.answer) == ("unknown", "The answer was lost.")

    for _ in range(2):
        with pytest.raises(Conflict, match=r"its answer was lost. Try again in a moment, at most \d+ seconds"):
            await try_out(office, ANA)
        with pytest.raises(Conflict, match="may still land"):
            await office.make_job()
    assert events(office) == []
    assert any("may still land" in str(problem) for problem in await problems(office))
    assert (await try_out(office, mapp_attribute_name="another")).outcome == "accepted"

    office.clock.pass_ms(office.desk.timing.hold_ms)

    assert (await try_out(office)).outcome == "accepted"
    assert (await office.make_job()).is_live


async def problems(office: Office) -> list[Any]:
    return (await preview_job(office.desk, office.draft(), may_see_people=True)).problems


async def test_it_says_for_how_long_to_wait(office):
    await lose_an_answer(office)
    office.clock.pass_ms(office.desk.timing.hold_ms - 1_500)

    with pytest.raises(Conflict, match="at most 2 seconds from now"):
        await try_out(office)


async def test_a_crash_between_writing_and_answering_leaves_the_attribute_held(office):
    await _fail_the_event(office, ZeroDivisionError("a crash"))

    with pytest.raises(ZeroDivisionError):
        await try_out(office)
    assert len(await held(office)) == 1


async def test_no_job_comes_back_or_moves_to_an_attribute_where_a_trial_may_still_land(office):
    ended = await office.put(await office.make_job("Ended"), status=Status.FAILED)
    moving = await office.make_job("Moving", segment_id=OTHER, mapp_attribute_name="elsewhere")
    move = read_job_draft({"config": {"mapp_attribute_name": "vip_buyers"}})
    await lose_an_answer(office)

    with pytest.raises(Conflict, match="may still land"):
        await bounce_job(office.desk, ANNA, ended.id)
    with pytest.raises(Conflict, match="may still land"):
        await edit_job(office.desk, ANNA, moving.id, move)
    assert any("may still land" in str(p) for p in (await preview_edit(office.desk, moving.id, move)).problems)

    office.clock.pass_ms(office.desk.timing.hold_ms)
    assert (await edit_job(office.desk, ANNA, moving.id, move)).job.is_live


async def test_no_account_moves_to_where_a_trial_may_still_land(office):
    await lose_an_answer(office)
    office.mapp = await office.add_mapp(integration="int-2")
    await office.make_job()

    with pytest.raises(Conflict, match="may still land"):
        await change_authorization(
            office.desk, ANNA, office.mapp, read_auth_draft({"config": {"integration_id": "int-1"}})
        )


async def test_a_saved_job_is_not_resumed_while_a_trial_of_its_attribute_may_still_land(office):
    job = (await create_job(office.desk, ANNA, replace(office.draft(), start=False))).job
    await office.put(job, status=Status.KILLED)
    await lose_an_answer(office)
    await office.put(job, status=Status.PAUSED)

    for go_on in (resume_job, bounce_job):
        with pytest.raises(Conflict, match="may still land"):
            await go_on(office.desk, ANNA, job.id)
    office.clock.pass_ms(office.desk.timing.hold_ms)
    assert (await resume_job(office.desk, ANNA, job.id)).status is Status.RUNNABLE


async def test_what_an_ended_job_has_in_flight_is_waited_for(office):
    job = await office.make_job()
    await office.see(job, JO)
    assert len(await office.claim(job)) == 1
    await kill_job(office.desk, ANNA, job.id)

    for member in (JO, ANA):
        with pytest.raises(Conflict, match="may still land"):
            await try_out(office, member)
    office.clock.pass_ms(60_000)
    assert (await try_out(office)).outcome == "accepted"


@dataclass
class SlowCommit:
    """A database whose commits take longer than the room to send in."""

    inner: Database
    office: Office

    async def read(self, work: Work[Any]) -> Any:
        return await self.inner.read(work)

    async def write(self, work: Work[Any]) -> Any:
        found = await self.inner.write(work)
        self.office.clock.pass_ms(15_000)
        return found

    async def close(self) -> None:
        await self.inner.close()


async def test_nothing_is_sent_once_the_room_to_send_it_in_has_ended(office):
    late = office.with_desk(database=SlowCommit(office.desk.database, office))

    assert (await try_out(late)).outcome == "late"
    assert events(office) == []
    assert await held(office) == []


async def test_an_answer_that_comes_after_all_that_time_lets_go_of_no_later_trial(office):
    async def much_later(asked: Any) -> None:
        if asked.line == EVENT and len(events(office)) == 1:
            office.clock.pass_ms(office.desk.timing.hold_ms)
            await _second(office)

    office.vendors.before_answer = much_later
    await try_out(office)

    assert len(await held(office)) == 1  # the second's, whose answer was lost


async def _second(office: Office) -> None:
    office.vendors.refusing = {EVENT: 502}
    assert (await try_out(office)).outcome == "unknown"
    office.vendors.refusing = {}


async def test_of_two_trials_at_the_same_moment_one_is_sent(office):
    slow = office.with_desk(database=TurnByTurn(office.desk.database))
    await _fail_the_event(office, RemoteUnknown("The answer was lost."))

    outcomes = await asyncio.gather(try_out(slow), try_out(slow, ANA), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Trial"]
    assert len(events(office)) == 1


async def test_who_comes_while_one_is_under_way_is_not_told_that_its_answer_was_lost(office):
    said = []

    async def second(asked: Any) -> None:
        if asked.line == EVENT:
            with pytest.raises(Conflict) as refused:
                await try_out(office, ANA)
            said.append(refused.value.message)

    office.vendors.before_answer = second

    assert (await try_out(office)).outcome == "accepted"
    assert ["it is under way, or its answer was lost" in text for text in said] == [True]


async def test_of_a_trial_and_a_job_at_the_same_moment_one_is_refused(office):
    slow = office.with_desk(database=TurnByTurn(office.desk.database))
    await _fail_the_event(office, RemoteUnknown("The answer was lost."))

    outcomes = await asyncio.gather(slow.make_job(), try_out(slow), return_exceptions=True)

    assert [type(outcome).__name__ for outcome in outcomes].count("Conflict") == 1


async def test_credentials_that_changed_since_they_were_checked_are_not_sent_with(office):
    async def rotate(asked: Any) -> None:
        if asked.path.endswith("/scan"):
            office.vendors.before_answer = None
            draft = read_auth_draft({"config": {"secret": "another"}})
            await change_authorization(office.desk, ANNA, office.mapp, draft)

    office.vendors.before_answer = rotate

    with pytest.raises(Conflict, match="changed the Mapp authorization"):
        await try_out(office)
    assert events(office) == []


@dataclass
class FailingOnceSent:
    """A database that cannot take anything more once Mapp was spoken to."""

    inner: Database
    office: Office

    async def read(self, work: Work[Any]) -> Any:
        return await self.inner.read(work)

    async def write(self, work: Work[Any]) -> Any:
        if events(self.office):
            raise Unavailable
        return await self.inner.write(work)

    async def close(self) -> None:
        await self.inner.close()


async def test_an_answer_that_cannot_be_written_down_is_told_and_holds_the_attribute(office):
    failing = office.with_desk(database=FailingOnceSent(office.desk.database, office))

    assert (await try_out(failing)).outcome == "accepted"
    assert len(await held(office)) == 1


@pytest.mark.parametrize("body", [{"member": 1}, {"member": ["x"]}, {"member": {}}])
def test_a_member_of_another_kind_is_a_problem(body):
    draft, member = read_trial({"name": "x", **body})

    assert [problem.field for problem in draft.problems] == ["member"]
    assert member is None


def test_a_request_without_a_member_leaves_the_choice_open():
    assert read_trial({"name": "x"})[1] is None
    assert read_trial({"name": "x", "member": "jo"}) == (read_job_draft({"name": "x"}), "jo")


TARGET = Target(group_id="7", attribute_name="vip", prefix=None, identifier_type="email", create_users=False)


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Accepted(), "'vip' should become 'true' in group 7"),
        (Unknown("lost"), "before 12:14:20 UTC"),
        (Rejected("bad"), "set them aside"),
        (StopJob(StopCause.CREDENTIALS, "no"), "Mend it first"),
        (RetryLater("later"), "Try again in a moment"),
        (Late("late"), "too late"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "said",
)
def test_each_outcome_has_its_sentence_and_its_name(outcome, word):
    assert word in sentence_of(outcome, TARGET, until_ms=44_060_000)
    assert type(outcome) in KINDS
