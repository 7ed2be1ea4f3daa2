"""What each condition says, word for word: what happened, to what, the next step, and the page that helps."""

from dataclasses import replace
from typing import Any

import pytest

from tests.store.stores import a_job
from usher.domain.alert import Condition, Kind, Level
from usher.domain.alert_rules import AuthFacts, Facts, JobFacts, conditions
from usher.domain.job import Cause, Job, Status

NOW = 1_667 * 60_000
MINUTE = 60_000


def job(status: Status = Status.RUNNABLE, cause: Cause = Cause.NONE, **changes: Any) -> Job:
    return replace(a_job(), name="VIP", status=status, cause=cause, **changes)


def said_of(*jobs: JobFacts, auth: AuthFacts | None = None) -> list[Condition]:
    return conditions(Facts(NOW, jobs, () if auth is None else (auth,)))


def test_an_authorization_is_named_with_whoever_refuses_it_and_how_many_jobs_stopped() -> None:
    mapp = AuthFacts("mapp1", "Ours", "mapp", is_refused=True)
    lytics = AuthFacts("lytics1", "Theirs", "lytics", is_refused=True)
    stopped = JobFacts(job(Status.FAULT, Cause.LYTICS_CREDENTIALS))

    assert said_of(auth=mapp) == [
        Condition(
            Kind.CREDENTIALS,
            "mapp1",
            Level.CRITICAL,
            "Mapp refuses the authorization “Ours”",
            "Mapp does not accept the credentials. Change the authorization; jobs go on by themselves.",
            "/authorizations/mapp1",
        )
    ]
    assert [one.title for one in said_of(auth=lytics)] == ["Lytics refuses the authorization “Theirs”"]
    assert [one.text for one in said_of(auth=lytics)] == [
        "Lytics does not accept the credentials. Change the authorization; jobs go on by themselves."
    ]
    for count, words in ((1, "1 job has"), (1_200, "1,200 jobs have")):
        (one,) = said_of(*[stopped] * count, auth=lytics)
        assert one.text == (
            f"Lytics does not accept the credentials. {words} stopped."
            " Change the authorization; jobs go on by themselves."
        )


def test_a_token_that_is_taken_though_something_is_refused_to_it_is_not_called_unaccepted() -> None:
    (one,) = said_of(JobFacts(job(Status.FAULT, Cause.LYTICS_CREDENTIALS)), auth=AuthFacts("lytics1", "Ours", "lytics"))
    assert one.text == (
        "Lytics refuses something that is asked with the credentials; the job's page says what. 1 job has stopped."
        " Change the authorization; jobs go on by themselves."
    )


def test_messages_that_make_no_sense_are_counted_and_kept_to_be_looked_at() -> None:
    assert said_of(auth=AuthFacts("lytics1", "Ours", "lytics", unreadable=1_200)) == [
        Condition(
            Kind.UNREADABLE,
            "lytics1",
            Level.WARNING,
            "Messages for “Ours” make no sense",
            "1,200 within the last 15 minutes. They are kept: look at one in the settings, under Health and retention,"
            " and compare the webhook's Export Fields with what the job's page says.",
            "/settings/about",
        )
    ]


def test_messages_that_are_too_large_were_lost_and_can_be_made_smaller() -> None:
    assert said_of(auth=AuthFacts("lytics1", "Ours", "lytics", is_too_large=True)) == [
        Condition(
            Kind.TOO_LARGE,
            "lytics1",
            Level.CRITICAL,
            "Messages for “Ours” are too large and were lost",
            "Usher takes messages of up to 16 MiB, and Lytics does not send a larger one again. Lower the webhook's"
            " batch size to 10 and its Export Fields to the identifier, then reconcile the jobs of this authorization.",
            "/authorizations/lytics1",
        )
    ]


OF_JOBS = {
    "brake": (
        JobFacts(job(), is_held=True),
        Level.WARNING,
        "“VIP” waits for a decision about people who left",
        "More people left at once than the removal brake lets pass. Confirm that they left, or keep them as they are.",
        "/jobs/job1/removals",
    ),
    "attention": (
        JobFacts(job(Status.FAULT, Cause.FIELD, reason="The field is gone.")),
        Level.CRITICAL,
        "“VIP” needs attention",
        "The field is gone.",
        "/jobs/job1",
    ),
    "attention, failed without a reason": (
        JobFacts(job(Status.FAILED)),
        Level.CRITICAL,
        "“VIP” has failed",
        "The job's page says what would mend it.",
        "/jobs/job1",
    ),
    "trigger_gap": (
        JobFacts(job(), gap="None came."),
        Level.WARNING,
        "Triggers of “VIP” do not come",
        "None came.",
        "/jobs/job1",
    ),
    "set_aside": (
        JobFacts(job(), members=12_000, set_aside=1_199),
        Level.WARNING,
        "“VIP”: many people are set aside",
        "Mapp rejected 1,199 of 12,000 people (9 %). Look at the reasons on the job's page, mend them, then retry.",
        "/jobs/job1/people",
    ),
    "waiting": (
        JobFacts(job(reason="Not asleep."), oldest_ms=NOW - 1_200 * MINUTE),
        Level.CRITICAL,
        "A change of “VIP” has waited for 1,200 min",
        "It should have reached Mapp within seconds. Nothing is lost. The job's page shows what is owed.",
        "/jobs/job1",
    ),
    "waiting, asleep": (
        JobFacts(job(Status.SLEEPING, Cause.OUTAGE, reason="Mapp is down."), oldest_ms=NOW - 20 * MINUTE),
        Level.CRITICAL,
        "A change of “VIP” has waited for 20 min",
        "It should have reached Mapp within seconds. Nothing is lost. Mapp is down. The job's page shows what is owed.",
        "/jobs/job1",
    ),
    "waiting, since a pause was over": (
        JobFacts(job(), oldest_ms=0, resumed_ms=NOW - 16 * MINUTE),
        Level.CRITICAL,
        "A change of “VIP” has waited for 16 min",
        "It should have reached Mapp within seconds. Nothing is lost. The job's page shows what is owed.",
        "/jobs/job1",
    ),
    "waiting, since the clock's beginning": (
        JobFacts(job(), oldest_ms=0),
        Level.CRITICAL,
        "A change of “VIP” has waited for 1,667 min",
        "It should have reached Mapp within seconds. Nothing is lost. The job's page shows what is owed.",
        "/jobs/job1",
    ),
}


@pytest.mark.parametrize("case", OF_JOBS)
def test_what_is_said_of_a_job(case: str) -> None:
    known, level, title, text, path = OF_JOBS[case]
    kind = Kind(case.partition(",")[0])
    assert said_of(known) == [Condition(kind, "job1", level, title, text, path)]


def test_a_name_is_one_line_of_bounded_length_between_its_marks() -> None:
    (long,) = said_of(JobFacts(replace(job(), name="a\tb" + "c" * 200), gap="x"))
    assert long.title == f"Triggers of “a b{'c' * 117}” do not come"


def test_of_nobody_no_share_is_set_aside() -> None:
    assert said_of(JobFacts(job())) == []


def test_kinds_keep_the_names_under_which_they_are_stored_and_sent() -> None:
    assert [str(kind) for kind in Kind] == [
        *("attention", "brake", "credentials", "trigger_gap"),
        *("set_aside", "waiting", "unreadable", "too_large"),
    ]
