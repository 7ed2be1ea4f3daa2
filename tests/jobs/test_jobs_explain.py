"""For each state of a member, the sentences that a person reads."""

import pytest

from tests.clocks import NOON_MS
from tests.jobs.office import ANNA, Office
from usher.clock import iso_from_ms
from usher.domain.job import Cause, Status
from usher.domain.notes import HistoryEntry
from usher.domain.observation import NS_PER_MS, Observation, Source, version_of_scan
from usher.domain.outcome import Accepted, Rejected, RetryLater, Unknown
from usher.errors import NotFound
from usher.jobs.control import discard_removals, resend_job
from usher.jobs.explain import Explanation, explain_member, iso_from_ns
from usher.store import ledger, notes, scans
from usher.store.scanning import SqlScans

JO = "jo+news/1@example.com"


async def explain(office: Office, job, member: str = JO) -> Explanation:
    return await explain_member(office.desk, job.id, member)


async def test_somebody_never_seen_is_unknown_and_the_reason_is_given(office):
    job = await office.make_job()

    found = await explain(office, job)

    assert (found.state, found.wanted, found.accepted, found.due_at) == ("unknown", None, None, None)
    assert "Existing Users is off" in found.why[0]
    assert "until Lytics says" in found.next


@pytest.mark.parametrize(
    ("is_baselined", "word"), [(False, "first scan is not over"), (True, "never seen this person")]
)
async def test_somebody_unknown_may_still_come_with_the_first_scan(office, is_baselined, word):
    job = await office.put(await office.make_job(withbackfill=True), is_baselined=is_baselined)

    assert word in (await explain(office, job)).why[0]


async def test_somebody_owed_is_due(office):
    job = await office.make_job()
    await office.see(job, JO)

    found = await explain(office, job)

    assert (found.state, found.wanted, found.accepted) == ("due", "true", None)
    assert "inside the audience, so 'vip_buyers' is to be 'true'" in found.why[0]
    assert "has not accepted any value" in found.why[1]
    assert found.next == "It is sent as soon as its turn comes."


@pytest.mark.parametrize(("is_lower", "state"), [(True, "due"), (False, "unknown")])
async def test_somebody_is_found_in_any_letter_case_where_the_job_s_members_are_in_lower_case(office, is_lower, state):
    job = await office.make_job(lowercase_identifiers=is_lower)
    await office.see(job, JO)

    assert (await explain(office, job, JO.upper())).state == state


async def test_somebody_told_is_accepted_with_the_moment(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())

    found = await explain(office, job)

    assert (found.state, found.accepted.value, found.due_at) == ("accepted", "true", None)
    assert found.version == iso_from_ns(NOON_MS * 1_000_000)
    assert found.accepted.at in found.why[1]
    assert "Nothing is owed" in found.next
    assert (found.history[0].kind, found.history[0].at) == ("accepted", found.accepted.at)


async def heard(office: Office, job, kind: str, *, is_in: bool = True, at_ms: int | None = None) -> int:
    """Take in a word about JO that was true at *at_ms* and is written down; return when it came."""
    now_ms = office.clock.now_ms()
    version = (at_ms or now_ms) * NS_PER_MS
    seen = [Observation(JO, is_in, version, Source.TRIGGER)]

    def work(txn):
        ledger.observe(txn, office.desk.statements, job.key, seen, source=Source.TRIGGER)
        notes.add_history(txn, [HistoryEntry(job.key, JO, kind, is_in, version)])

    await office.write(work)
    return now_ms


@pytest.mark.parametrize(
    ("kind", "is_in", "ago_ms", "because"),
    [
        ("enter", True, 5_000, "this person entered Vip Buyers in Lytics at {then}"),
        ("exit", False, 5_000, "this person left Vip Buyers in Lytics at {then}"),
        ("enter", True, 0, "this person entered Vip Buyers in Lytics by {then}"),
        ("absent", False, 5_000, "a complete scan did not find this person in Vip Buyers, as was noted at {now}"),
    ],
)
async def test_what_mapp_accepted_is_answered_with_the_word_it_came_by(office, kind, is_in, ago_ms, because):
    job = await office.make_job()
    then_ms = office.clock.now_ms() - ago_ms
    now_ms = await heard(office, job, kind, is_in=is_in, at_ms=then_ms)
    office.clock.pass_ms(24)
    await office.send(job, Accepted())
    value, reason = str(is_in).lower(), because.format(then=iso_from_ms(then_ms), now=iso_from_ms(now_ms))

    assert (await explain(office, job)).why == [
        f"Mapp accepted '{value}' for 'vip_buyers', because {reason}.",
        f"It last accepted that at {iso_from_ms(now_ms + 24)}, 24 ms after Usher heard of it.",
    ]


async def test_a_scan_that_found_somebody_is_named_as_the_reason(office):
    job = await office.make_job(withbackfill=True)
    scan = await office.write(lambda txn: scans.start_scan(txn, job.key, kind="backfill", definition="d", expected=9))
    asked_ms = office.clock.now_ms()
    seen = [Observation(JO, True, version_of_scan(asked_ms, guard_seconds=120), Source.BACKFILL)]
    await office.write(lambda txn: ledger.observe(txn, office.desk.statements, job.key, seen, source=Source.BACKFILL))
    await office.send(job, Accepted())

    began = iso_from_ms(scan.started_ms)
    assert (await explain(office, job)).why[0] == (
        f"Mapp accepted 'true' for 'vip_buyers', because the backfill scan that began at {began} found this person in"
        " Vip Buyers."
    )


async def test_whom_a_reconcile_found_anew_is_told_so_once_and_the_scan_is_named_as_the_reason(office):
    job = await office.make_job(reconcile_hours=1)
    scan = await office.write(lambda txn: scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=9))
    seen = [Observation(JO, True, version_of_scan(office.clock.now_ms(), guard_seconds=120), Source.RECONCILE)]
    page = {"profiles": 1, "without_identifier": 0, "cursor": "", "expected": 9}
    kept = SqlScans(office.desk.database, office.desk.statements)
    await kept.record_page(scan, seen, source=Source.RECONCILE, **page)

    found = await explain(office, job)

    assert [moment.kind for moment in found.history] == ["seen"]
    assert "The reconcile scan that began at" in found.why[0]


async def test_what_mapp_had_accepted_before_is_not_put_down_to_a_later_word(office):
    job = await office.make_job()
    await heard(office, job, "enter")
    await office.send(job, Accepted())
    office.clock.pass_ms(60_000)
    await heard(office, job, "enter")  # newer, and the same: nothing is sent for it

    found = await explain(office, job)

    assert found.state == "accepted"
    assert "because" not in " ".join(found.why)
    assert "is inside the audience, so 'vip_buyers' is to be 'true'" in found.why[0]


@pytest.mark.parametrize(
    ("ms", "said"), [(1_840, ", 1.8 s after"), (300_000, ", 5 min after"), (3_600_000, "Z.")], ids=["s", "min", "h"]
)
async def test_how_long_it_took_is_said_where_it_tells_something(office, ms, said):
    job = await office.make_job()
    await heard(office, job, "enter")
    office.clock.pass_ms(ms)
    await office.send(job, Accepted())

    assert said in (await explain(office, job)).why[1]


async def test_somebody_set_aside_is_shown_with_mapps_reason(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Rejected("no such user"))

    found = await explain(office, job)

    assert (found.state, found.set_aside.reason) == ("set_aside", "no such user")
    assert "no such user" in found.why[2]
    assert "somebody retries it" in found.next
    assert (found.history[0].kind, found.history[0].note) == ("rejected", "no such user")


async def test_somebody_whose_attempts_fail_waits_and_the_failures_are_counted(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, RetryLater("503"), delay_ms=30_000, is_failure=True)

    found = await explain(office, job)

    assert found.state == "due"
    assert "The last attempt failed." in found.why
    assert found.due_at in found.next


async def test_after_a_lost_answer_nothing_is_sent_until_the_named_moment(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Unknown("timeout"))

    found = await explain(office, job)

    assert f"Nothing is sent before {found.due_at}" in found.next
    assert [moment.kind for moment in found.history] == ["waiting", "unknown", "known"]


async def test_whom_a_silent_baseline_knows_is_owed_nothing(office):
    job = await office.make_job(reconcile_hours=1)
    await office.see(job, JO, source=Source.BASELINE)

    found = await explain(office, job)

    assert (found.state, found.wanted) == ("known", "true")
    assert "until this person leaves" in found.next


async def test_a_held_exit_waits_for_a_decision(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    job = await office.put(job, exits_held=True, cause=Cause.REMOVALS)
    await office.see(job, JO, is_in=False)

    found = await explain(office, job)

    assert (found.state, found.wanted) == ("held", "false")
    assert "confirm or discard" in found.next

    await discard_removals(office.desk, ANNA, job.id)
    assert "once more although Mapp took this value" in (await explain(office, job)).why[-1]


async def test_whom_a_person_kept_is_not_said_to_be_inside_by_lytics_word(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    job = await office.put(job, exits_held=True, cause=Cause.REMOVALS)
    await office.see(job, JO, is_in=False)
    decided = await discard_removals(office.desk, ANNA, job.id)
    await office.send(job, Accepted())

    found = await explain(office, job)

    assert "anna kept this person as they are, although Lytics had said that they left" in found.why[0]
    assert "last word" not in found.why[0]
    assert found.is_kept
    (kept,) = [moment for moment in found.history if moment.kind == "kept"]
    assert (kept.value, kept.version) == ("true", found.version)

    office.clock.pass_ms(1)
    await office.see(decided.job, JO, is_in=False)
    later = await explain(office, job)
    assert "outside the audience" in later.why[0]
    assert not later.is_kept


async def missed(office: Office):
    """A job whose scan did not find a person that Mapp was told of, and which the brake stopped."""
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, Accepted())
    office.clock.pass_ms(600_000)
    scan = await office.write(lambda txn: scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=9))
    await office.write(lambda txn: scans.end_scan(txn, scan.id, state="held", reason="7 of 9 would go", leaving=7))
    await office.see(job, "found@example.com")
    return await office.put(job, status=Status.FAULT, cause=Cause.REMOVALS, reason="7 of 9 would go")


async def test_whom_a_held_scan_did_not_find_waits_for_a_decision(office):
    job = await missed(office)

    found = await explain(office, job)

    assert (found.state, found.wanted) == ("held", "true")
    assert "did not find this person" in found.why[0]
    assert "all 7 whom the scan did not find" in found.next
    assert (await explain(office, job, "found@example.com")).state == "due"


async def test_whom_a_scan_did_not_find_and_a_person_kept_is_said_to_be_that(office):
    job = await missed(office)
    await discard_removals(office.desk, ANNA, job.id)

    found = await explain(office, job)

    assert found.state == "accepted"
    assert "did not find this person" in found.why[0]
    assert "anna kept those whom it did not find" in found.why[0]
    assert found.is_kept
    assert not (await explain(office, job, "found@example.com")).is_kept
    assert "last word" not in found.why[0]


async def test_somebody_told_again_because_everybody_is_learns_who_asked(office):
    job = await office.make_job()
    await office.see(job, JO)
    await office.send(job, RetryLater("503"), delay_ms=1, is_failure=True)
    office.clock.pass_ms(1_000)
    await office.send(job, Accepted())
    office.clock.pass_ms(1_000)
    asked = iso_from_ms(office.clock.now_ms())
    await resend_job(office.desk, ANNA, job.id)
    await office.sweep()

    assert f"asked for again at {asked}. anna had everybody told again." in (await explain(office, job)).why[-1]


async def test_a_request_for_everybody_is_not_blamed_for_what_may_have_another_cause(office):
    job = await office.make_job()
    await office.see(job, JO)
    await resend_job(office.desk, ANNA, job.id)
    office.clock.pass_ms(1_000)
    await office.send(job, Accepted())
    await office.sweep()  # accepted after it was asked for, so Mapp may have taken it for that

    assert "it changed meanwhile, or was asked for" in (await explain(office, job)).why[-1]


@pytest.mark.parametrize(
    ("status", "reason", "word"),
    [
        (Status.PAUSED, "", "resumes the job"),
        (Status.FAULT, "refused", "fault is mended: refused"),
        (Status.SLEEPING, "", "when Mapp answers again"),
        (Status.COMPLETED, "", "completed. Restart it"),
        (Status.FAILED, "", "the job failed"),
        (Status.KILLED, "", "the job was killed"),
        (Status.DELETED, "", "the job was deleted"),
    ],
)
async def test_what_comes_next_depends_on_the_job(office, status, reason, word):
    job = await office.make_job()
    await office.see(job, JO)
    await office.put(job, status=status, reason=reason)

    assert word in (await explain(office, job)).next


async def test_a_member_is_found_however_it_is_typed_and_shown_in_no_repr(office):
    job = await office.make_job()
    await office.see(job, "josé@example.com")

    found = await explain(office, job, "  jose\u0301@example.com ")

    assert (found.member, found.state) == ("josé@example.com", "due")
    assert "example.com" not in repr(found)


async def test_an_unknown_job_is_not_an_unknown_member(office):
    with pytest.raises(NotFound):
        await explain_member(office.desk, "nobody", JO)


def test_versions_are_written_to_the_nanosecond():
    assert iso_from_ns(1_763_633_702_100_200_300) == "2025-11-20T10:15:02.100200300Z"
    assert iso_from_ns(1_763_633_702_000_000_001) == "2025-11-20T10:15:02.000000001Z"
