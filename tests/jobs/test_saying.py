"""What a job's page says first: one pure function from how the job stands."""

from dataclasses import replace
from typing import Any

import pytest

from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.notes import LogCode, LogEntry
from usher.jobs.activity import Activity, Figures, Point
from usher.jobs.offers import Offer, offer_words, offers
from usher.jobs.progress import Progress, ScanProgress
from usher.jobs.saying import plain, say, say_held, sentence_of
from usher.jobs.standing import OWED_FROM, Standing, accepted_per_second, owed_since, stopped_at

NOW_MS = 1_790_000_010_000  # half a minute after a full one
NONE = Figures(0, 0, 0, 0, None, None)


def figures(*, live: int = 0, bulk: int = 0, p50_ms: int | None = None) -> Figures:
    return Figures(0, 0, live, bulk, p50_ms, p50_ms)


def hour(*, per_minute: int = 0, p50_ms: int | None = None) -> Activity:
    """The last two minutes of an hour; the newest is half over."""
    newest = NOW_MS // 60_000 * 60
    counts = [(newest - 60, per_minute), (newest, per_minute // 2)]
    points = [Point(at=at, entered=0, exited=0, live=0, bulk=n, p50_ms=None, p99_ms=None) for at, n in counts]
    return Activity("hour", 60, points, figures(p50_ms=p50_ms))


def scan(kind: str = "backfill", state: str = "running", **more: Any) -> ScanProgress:
    base = ScanProgress(kind, state, 0, None, 0, 0, 0, "2026-09-21T12:00:00.000Z", None, None)
    return replace(base, **more)


def job(status: Status = Status.RUNNABLE, cause: Cause = Cause.NONE, reason: str = "", **more: Any) -> Job:
    config = JobConfig("id", "email", "2324000001", withbackfill=more.pop("withbackfill", True))
    base = Job(
        key=1,
        id="j",
        name="VIPs",
        description="",
        mapp_auth="m",
        lytics_auth="l",
        config=config,
        audience_slug="vip",
        audience_name="VIP shoppers",
        status=status,
        cause=cause,
        reason=reason,
        sleep_until_ms=None,
        is_baselined=True,
        scan_wanted="",
        next_reconcile_ms=None,
        exits_held=False,
        webhook=Webhook("made"),
        first_trigger_ms=1,
        last_trigger_ms=1,
        created_ms=1,
        updated_ms=1,
    )
    return replace(base, **more)


def standing(of: Job | None = None, *, kept: ScanProgress | None = None, **more: Any) -> Standing:
    """A job with people: total, in, due, aside, held as named."""
    of = of or job()
    counts = {name: more.pop(name, 0) for name in ("total", "due", "aside", "held")}
    members = {
        "total": counts["total"],
        "in": counts["total"],
        "out": 0,
        "due": counts["due"],
        "set_aside": counts["aside"],
        "held": counts["held"],
    }
    progress = Progress(
        status=of.status,
        reason=of.reason,
        scan=kept,
        members=members,  # type: ignore[arg-type] # its keys are a TypedDict's
        sent={"accepted": 0, "retried": 0, "rejected": 0, "unknown": 0},
        triggers={"received": 0, "applied": 0, "ignored": {}, "unreadable": 0},
        pace={"per_second": None, "in_flight": 0},
        hold="",
    )
    base = Standing(
        job=of,
        progress=progress,
        hour=hour(),
        labels={"m": "Mapp EU", "l": "Our Lytics"},
        log=[],
        sweeps=frozenset(),
        is_bulk_owed=False,
        since_ms=None,
        scan_began_ms=None,
        now_ms=NOW_MS,
    )
    return replace(base, **more)


RUNNING = [
    (standing(total=5), "Everything is in step: Mapp has accepted the newest value of everybody it takes."),
    (standing(total=5, hour=hour(p50_ms=1_840)), "A change reaches Mapp in about 2 seconds."),
    (standing(total=5, due=1), "Sending changes as they come: 1 person waits to be sent."),
    (standing(total=5, due=3), "3 people wait to be sent."),
    (standing(job(withbackfill=False), total=5), "whoever entered or left since this job began has reached Mapp."),
    (standing(job(exits_held=True), total=5, due=2, held=2), "Everybody else is in step"),
    (standing(job(first_trigger_ms=None)), "Waiting for the first change: none has ever arrived from Lytics."),
    (standing(job(first_trigger_ms=None, is_baselined=False)), "Reading the audience from Lytics."),
    (standing(job(is_baselined=False, scan_wanted="backfill")), "Reading the audience from Lytics."),
    (standing(job(is_baselined=False), due=1), "Reading the audience from Lytics. 1 person waits to be sent."),
    (standing(job(is_baselined=False), kept=scan()), "Reading the audience from Lytics."),
    (standing(job(is_baselined=False), kept=scan(seen=1)), "Sending the people who are already in the audience."),
    (standing(job(is_baselined=False, withbackfill=False)), "Nobody is in the audience yet."),
    (standing(), "Nobody is in the audience yet."),
    (standing(job(scan_wanted="reconcile"), total=5), "About to read the audience from Lytics."),
    (standing(kept=scan("baseline")), "Nothing is sent for them, because Existing Users is off"),
    (standing(kept=scan("reconcile", seen=10, expected=40)), "Comparing the whole audience: 10 of 40 people read."),
    (standing(kept=scan("reconcile", seen=1_000)), "1,000 people read."),
    (standing(kept=scan()), "Sending the people who are already in the audience. Meanwhile, anyone who enters or"),
    (standing(total=9, due=9, sweeps=frozenset({"resend"})), "Telling Mapp everybody again"),
    (standing(total=9, due=9, sweeps=frozenset({"leave"})), "Setting those to false whom the last comparison"),
    (standing(total=9, due=9, sweeps=frozenset({"retry"})), "Trying again those whom Mapp had rejected."),
    (standing(total=9, due=9, is_bulk_owed=True), "Sending everybody who is owed: 9 people wait."),
    (
        standing(total=9, due=9, is_bulk_owed=True, kept=scan(state="completed")),
        "Sending the people who are already in the audience.",
    ),
]


@pytest.mark.parametrize(("now", "said"), RUNNING, ids=range(len(RUNNING)))
def test_a_job_that_runs_says_what_it_is_doing(now: Standing, said: str) -> None:
    found = say(now)
    assert said in found.text
    assert (found.mood, found.title) == ("ok", "")


ASIDE = [
    (standing(total=494, aside=47), "447 of 494 people are in step. Mapp rejected 47: see what to do."),
    (standing(total=1, aside=1), "0 of 1 person is in step. Mapp rejected 1: see what to do."),
    (
        standing(total=5, due=1, aside=1),
        "Sending changes as they come: 1 person waits to be sent. Mapp rejected 1: see what to do.",
    ),
    (
        standing(total=9, due=9, aside=2, sweeps=frozenset({"retry"})),
        "Trying again those whom Mapp had rejected. Mapp rejected 2: see what to do.",
    ),
]


@pytest.mark.parametrize(("now", "said"), ASIDE, ids=range(len(ASIDE)))
def test_a_job_that_leaves_somebody_out_never_says_that_all_is_well(now: Standing, said: str) -> None:
    assert (say(now).text, say(now).mood) == (said, "warn")


def test_a_completed_job_is_all_well_only_where_nobody_is_left_out() -> None:
    assert say(standing(job(Status.COMPLETED), total=9)).mood == "ok"
    assert say(standing(job(Status.COMPLETED), total=9, aside=1)).mood == "warn"


def test_a_backfill_says_how_long_it_takes_and_that_live_changes_go_first() -> None:
    now = standing(
        total=30_000,
        due=20_000,
        is_bulk_owed=True,
        hour=hour(per_minute=600, p50_ms=2_100),
        kept=scan(seen=30_000, expected=30_000),
    )
    assert say(now).text == (
        "Sending the people who are already in the audience. About 33 minutes are left."
        " Meanwhile, anyone who enters or leaves goes first and reaches Mapp in about 2 seconds."
    )


STOPPED = [
    (Cause.MAPP_CREDENTIALS, "Mapp refuses the credentials of Mapp EU", "as soon as the authorization tests well"),
    (Cause.MAPP_INTEGRATION, "Mapp does not know the integration of Mapp EU", "by itself"),
    (Cause.LYTICS_CREDENTIALS, "Lytics refuses the credentials of Our Lytics", "by itself"),
    (Cause.REJECTIONS, "Mapp rejects most people of this job", "Look at who is set aside"),
    (Cause.AUDIENCE, "The audience VIP shoppers cannot be read", "Mend it in Lytics"),
    (Cause.FIELD, "The Identifier Field does not name people any more", "Bring it back"),
    (Cause.NONE, "The job cannot go on", "Mend what is named below"),
]


@pytest.mark.parametrize(("cause", "title", "mend"), STOPPED, ids=[cause.name for cause, *_ in STOPPED])
def test_a_stopped_job_says_what_stopped_it_what_was_not_lost_and_what_helps(
    cause: Cause, title: str, mend: str
) -> None:
    found = say(standing(job(Status.FAULT, cause, "Mapp answered 401."), total=9, due=3))
    assert (found.title, found.mood) == (title, "bad")
    assert "3 people wait to be sent, and nobody is lost." in found.text
    assert mend in found.text


def test_the_words_of_a_vendor_are_kept_apart_from_ours() -> None:
    found = say(standing(job(Status.FAULT, Cause.MAPP_CREDENTIALS, "Mapp answered 401: bad signature.")))
    assert found.quoted == "Mapp answered 401: bad signature."
    assert "401" not in found.text


def test_a_held_scan_says_how_many_would_be_set_to_false() -> None:
    of = job(Status.FAULT, Cause.REMOVALS, "Set them to false (confirm-removals), or keep them (discard-removals).")
    found = say(standing(of, total=9, kept=scan("reconcile", "completed", held=6_204)))
    assert (found.title, found.mood) == ("6,204 people would be set to false", "warn")
    assert found.quoted == "Set them to false, or keep them."


@pytest.mark.parametrize(
    ("held", "title"), [(1, "1 person waits for your decision"), (7, "7 people wait for your decision")]
)
def test_held_exits_ask_for_a_decision_while_the_job_goes_on(held: int, title: str) -> None:
    found = say_held(standing(job(exits_held=True), total=9, due=held, held=held))
    assert found is not None
    assert found.title == title


@pytest.mark.parametrize(
    "of",
    [job(), job(Status.FAULT, Cause.REMOVALS, exits_held=True), job(Status.KILLED, exits_held=True)],
    ids=["nobody held", "said already", "ended"],
)
def test_nothing_is_asked_twice_or_in_vain(of: Job) -> None:
    assert say_held(standing(of)) is None


OTHERS = [
    (job(Status.PAUSED, reason="Paused by anna."), "Paused by anna", "nobody waits to be sent, and nothing is lost."),
    (job(Status.PAUSED, Cause.UNSTARTED, "Saved without starting."), "Saved without starting", "Nothing is read"),
    (job(Status.FAILED, reason="It ended."), "The job failed", "until the job is restarted"),
    (job(Status.SLEEPING, Cause.OUTAGE, "Mapp does not answer."), "", "Mapp does not answer. Nobody"),
    (job(Status.KILLED, reason="Killed by anna."), "", "Terminated by anna. Nothing more is sent or taken in"),
    (job(Status.DELETED, reason="Deleted by anna."), "", "Deleted by anna. Its people are forgotten here"),
]


def test_a_sleeping_job_says_when_it_wakes() -> None:
    found = say(standing(job(Status.SLEEPING, Cause.OUTAGE, "Mapp does not answer.", sleep_until_ms=NOW_MS + 5)))
    assert (found.at_word, found.at_ms, found.mood) == ("Mapp is asked again", NOW_MS + 5, "warn")
    found = say(standing(job(Status.SLEEPING, Cause.LYTICS_OUTAGE, "Lytics does not answer.")))
    assert (found.at_word, found.at_ms) == ("", None)


def test_a_completed_job_says_when_and_how_many() -> None:
    found = say(standing(job(Status.COMPLETED), total=184_220, aside=123, since_ms=5))
    assert found.text == "Mapp has accepted 184,097 of 184,220 people, 123 set aside. Nothing more is sent."
    assert (found.at_word, found.at_ms) == ("Completed", 5)


@pytest.mark.parametrize(("of", "title", "said"), OTHERS, ids=[of.status + of.cause for of, *_ in OTHERS])
def test_every_other_state_has_its_words(of: Job, title: str, said: str) -> None:
    found = say(standing(of))
    assert found.title == title
    assert said.lower() in found.text.lower()


@pytest.mark.parametrize("status", Status)
def test_no_status_is_without_words(status: Status) -> None:
    assert say(standing(job(status))).text.endswith(".")


WHOLE = [
    (standing(total=5), "Everything is in step: Mapp has accepted the newest value of everybody it takes."),
    (
        standing(job(Status.SLEEPING, Cause.OUTAGE, "Mapp does not answer.", sleep_until_ms=NOW_MS)),
        (
            "Mapp does not answer. Nobody waits to be sent, and nothing is lost."
            " Mapp is asked again at 2026-09-21T14:13:30.000Z."
        ),
    ),
    (
        standing(job(Status.PAUSED, reason="Paused by anna.", exits_held=True), total=9, due=2, held=2),
        (
            "Paused by anna. Nothing is sent until somebody resumes the job. Changes from Lytics are still taken in:"
            " nobody waits to be sent, and nothing is lost."
        ),
    ),
    (
        standing(job(exits_held=True), total=9, due=2, held=2),
        (
            "2 people wait for your decision. So many people left the audience at once that Usher holds back those who"
            " leave, because a mistake in Lytics looks just like this. Who enters is still sent. Nothing is lost"
            " meanwhile. Everybody else is in step: Mapp has accepted the newest value of everybody it takes."
        ),
    ),
]


@pytest.mark.parametrize(("now", "said"), WHOLE, ids=["running", "sleeping", "paused", "held"])
def test_one_line_says_all_that_a_page_says_first(now: Standing, said: str) -> None:
    assert sentence_of(now) == said


@pytest.mark.parametrize("status", [Status.FAULT, Status.FAILED])
def test_the_one_line_leaves_out_what_a_vendor_said_of_a_job_that_stands_still(status: Status) -> None:
    of = job(status, Cause.MAPP_CREDENTIALS, "said by a vendor")
    assert say(standing(of)).quoted == "said by a vendor"
    assert "said by a vendor" not in sentence_of(standing(of))


def test_commands_in_brackets_are_left_out_and_nothing_else() -> None:
    said = "Restart it (bounce) to go on; 5 people (all of them) wait (resend)."
    assert plain(said) == "Restart it to go on; 5 people (all of them) wait."


READS = [
    ("Started a backfill scan of the audience.", "Began to read the audience from Lytics."),
    ("Started a reconcile scan of the audience.", "Began to compare the whole audience."),
    (
        "The backfill scan saw 9 people; 0 are no longer in the audience.",
        "The reading of the audience saw 9 people; 0 are no longer in the audience.",
    ),
    ("The reconcile scan stopped before its end (paused); so.", "The comparison stopped before its end (paused); so."),
    (
        "A scan found that 6 of 9 people would be set to false.",
        "A comparison found that 6 of 9 people would be set to false.",
    ),
    (
        "anna had these set to false: 6 whom a scan did not find.",
        "anna had these set to false: 6 whom a comparison did not find.",
    ),
    ("Killed by anna.", "Terminated by anna."),
    ("Mapp answered 400: trigger scan Killed by policy", "Mapp answered 400: trigger scan Killed by policy"),
]


@pytest.mark.parametrize(("written", "shown"), READS, ids=range(len(READS)))
def test_ushers_own_words_are_shown_as_a_marketer_says_them_and_those_of_others_as_they_are(
    written: str, shown: str
) -> None:
    assert plain(written) == shown


def test_a_backfill_under_way_counts_whom_mapp_accepted_of_whom_lytics_announced() -> None:
    now = standing(total=300, due=100, aside=20, kept=scan(seen=300, expected=1_000), hour=hour(per_minute=60))
    found = now.backfill
    assert found is not None
    assert (found.expected, found.accepted, found.read) == (1_000, 180, 300)
    assert found.left_seconds == pytest.approx((1_000 - 180 - 20) / found.per_second)


def test_more_are_never_accepted_than_expected_although_others_came_meanwhile() -> None:
    found = standing(total=1_200, kept=scan(seen=1_000, expected=900)).backfill
    assert found is not None
    assert (found.expected, found.accepted, found.left_seconds) == (1_000, 1_000, None)


def test_what_was_not_announced_is_not_made_up() -> None:
    found = standing(total=300, due=100, kept=scan(seen=300), hour=hour(per_minute=60)).backfill
    assert found is not None
    assert (found.expected, found.left_seconds) == (None, None)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.FAULT, Status.FAILED])
def test_nobody_is_told_how_long_a_backfill_takes_that_stands_still(status: Status) -> None:
    now = standing(total=300, due=100, kept=scan(seen=300, expected=1_000), hour=hour(per_minute=60))
    assert now.backfill is not None
    assert now.backfill.left_seconds is not None
    stopped = replace(now, job=job(status)).backfill
    assert stopped == replace(now.backfill, left_seconds=None)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.KILLED, Status.DELETED])
def test_what_is_over_is_no_backfill_whoever_is_left(status: Status) -> None:
    assert standing(job(status), total=300, due=100, is_bulk_owed=True).backfill is None


def test_nobody_is_backfilled_who_only_has_live_changes() -> None:
    assert standing(total=300, due=100, kept=scan(state="completed")).backfill is None


@pytest.mark.parametrize(("since_ms", "speed"), [(0, 900 / 60), (NOW_MS - 10_000, 900 / 10)])
def test_the_speed_is_measured_from_where_the_scan_began(since_ms: int, speed: float) -> None:
    started = hour(per_minute=600)  # 600 in the minute before, 300 in the one that is half over
    now_ms = started.points[0].at * 1000 + 60_000
    moved = since_ms - NOW_MS + now_ms if since_ms else 0
    assert accepted_per_second(started, since_ms=moved, now_ms=now_ms) == pytest.approx(speed)


def test_what_was_accepted_in_the_minute_before_is_no_part_of_the_speed() -> None:
    now_ms = NOW_MS  # half a minute into the newest minute
    assert accepted_per_second(hour(per_minute=600), since_ms=now_ms - 10_000, now_ms=now_ms) == 300 / 10


@pytest.mark.parametrize(("seconds", "is_told"), [(0, False), (4.9, False), (5, True)])
def test_a_few_seconds_tell_no_speed_and_no_time_left(seconds: float, is_told: bool) -> None:
    since_ms = round(NOW_MS - seconds * 1000)
    assert bool(accepted_per_second(hour(per_minute=600), since_ms=since_ms, now_ms=NOW_MS)) is is_told
    resent = [line("anna had everybody told again.", since_ms, LogCode.RESENT)]
    now = standing(
        total=494, due=400, sweeps=frozenset({"resend"}), hour=hour(per_minute=600), log=resent, scan_began_ms=1
    )
    assert now.backfill is not None
    assert (now.backfill.left_seconds is not None) is is_told
    assert ("left." in say(now).text) is is_told


@pytest.mark.parametrize("code", sorted(OWED_FROM))
def test_a_few_live_changes_before_a_resend_do_not_make_it_look_slow(code: LogCode) -> None:
    few = hour(per_minute=2)
    quick = replace(few, points=[few.points[0], replace(few.points[1], bulk=100)])
    now = standing(
        total=494, due=394, is_bulk_owed=True, hour=quick, log=[line("So.", NOW_MS - 10_000, code)], scan_began_ms=1
    )
    assert now.backfill is not None
    assert now.backfill.left_seconds == pytest.approx(39.4)


def test_lines_that_owe_nobody_anything_do_not_begin_the_measure_anew() -> None:
    log = [line("So.", 9, LogCode.NO_IDENTIFIER), line("So.", 7, LogCode.RESENT), line("So.", 5, LogCode.EDITED)]
    assert owed_since(log) == 7
    assert owed_since(log[:1]) == 0


def test_nothing_accepted_is_no_speed() -> None:
    assert accepted_per_second(hour(), since_ms=0, now_ms=NOW_MS) == 0.0


def line(message: str, at_ms: int, code: str = "") -> LogEntry:
    return LogEntry(1, "info", message, code, at_ms=at_ms)


LOG = [
    line("Paused by nobody: a line from before lines had codes.", 9),
    line("In other words by now.", 8, LogCode.PAUSED),
    line("Mapp answered 401.", 7, LogCode.FAULT),
    line("Everybody was told.", 6, LogCode.COMPLETED),
    line("Terminated by anna.", 5, LogCode.KILLED),
    line("Paused by anna.", 4, LogCode.PAUSED),
]


@pytest.mark.parametrize(
    ("status", "at_ms"),
    [
        (Status.RUNNABLE, None),
        (Status.SLEEPING, None),
        (Status.PAUSED, 8),
        (Status.FAULT, 7),
        (Status.COMPLETED, 6),
        (Status.KILLED, 5),
        (Status.DELETED, None),
    ],
)
def test_when_a_job_stopped_is_read_from_the_codes_of_its_log(status: Status, at_ms: int | None) -> None:
    assert stopped_at(job(status), LOG) == at_ms


FITTING = [
    (standing(total=5), {Offer.PAUSE, Offer.RECONCILE, Offer.RESEND}),
    (standing(total=5, aside=1), {Offer.PAUSE, Offer.RECONCILE, Offer.RESEND, Offer.RETRY}),
    (standing(kept=scan()), {Offer.PAUSE}),
    (standing(job(Status.SLEEPING)), {Offer.PAUSE, Offer.BOUNCE, Offer.RECONCILE}),
    (standing(job(Status.PAUSED)), {Offer.RESUME, Offer.RECONCILE}),
    (standing(job(Status.PAUSED, Cause.UNSTARTED)), {Offer.START}),
    (standing(job(Status.FAULT, Cause.MAPP_CREDENTIALS)), {Offer.PAUSE, Offer.BOUNCE, Offer.RECONCILE}),
    (standing(job(Status.FAULT, Cause.REMOVALS), kept=scan(state="completed", held=9)), {Offer.PAUSE, Offer.DECIDE}),
    (standing(job(exits_held=True)), {Offer.PAUSE, Offer.DECIDE, Offer.RECONCILE}),
    (standing(job(Status.FAILED)), {Offer.BOUNCE}),
    (standing(job(Status.COMPLETED), aside=5, total=5), {Offer.BOUNCE}),
]
ALWAYS = {Offer.CLONE, Offer.EDIT, Offer.KILL, Offer.DELETE}


@pytest.mark.parametrize(("now", "fitting"), FITTING, ids=range(len(FITTING)))
def test_only_what_fits_is_offered(now: Standing, fitting: set[Offer]) -> None:
    assert offers(now) == fitting | ALWAYS


def test_what_fits_is_put_in_words_always_in_one_order() -> None:
    assert offer_words(standing(total=5)) == ["pause", "reconcile", "resend", "edit", "clone", "kill", "delete"]
    assert offer_words(standing(job(Status.DELETED))) == ["clone"]


def test_what_has_ended_is_only_duplicated_or_deleted() -> None:
    assert offers(standing(job(Status.KILLED), total=5, aside=5)) == {Offer.CLONE, Offer.DELETE}
    assert offers(standing(job(Status.DELETED), total=5, aside=5)) == {Offer.CLONE}
