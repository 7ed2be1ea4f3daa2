"""Which conditions hold: a table of what is known and what must be said of it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.store.stores import a_job
from usher.domain.alert import PATIENCE, Kind, Level, Patience, Thresholds, takes
from usher.domain.alert_rules import AuthFacts, Facts, JobFacts, conditions
from usher.domain.job import LIVE, Cause, Status

NOW = 1_000_000_000
MINUTE = 60_000
MAPP = AuthFacts("mapp1", "Our Mapp", "mapp")
LYTICS = AuthFacts("lytics1", "Our Lytics", "lytics")


def facts(*jobs: JobFacts, auths: tuple[AuthFacts, ...] = (MAPP, LYTICS)) -> Facts:
    return Facts(NOW, jobs, auths, Thresholds())


def of(status: Status = Status.RUNNABLE, cause: Cause = Cause.NONE, **known: Any) -> JobFacts:
    return JobFacts(replace(a_job(), status=status, cause=cause, reason="Mend this."), **known)


def found(known: Facts, are_open: tuple[str, ...] = ()) -> list[str]:
    return [one.slot for one in conditions(known, are_open=are_open)]


CASES = {
    "a job that runs": (of(), []),
    "a job that sleeps": (of(Status.SLEEPING, Cause.OUTAGE), []),
    "a job that somebody paused": (of(Status.PAUSED), []),
    "a job that is completed": (of(Status.COMPLETED), []),
    "a job whose audience is gone": (of(Status.FAULT, Cause.AUDIENCE), ["attention/job1"]),
    "a job whose field is gone": (of(Status.FAULT, Cause.FIELD), ["attention/job1"]),
    "a job whose people Mapp rejects": (of(Status.FAULT, Cause.REJECTIONS), ["attention/job1"]),
    "a job that has failed": (of(Status.FAILED), ["attention/job1"]),
    "a job at the brake": (of(Status.FAULT, Cause.REMOVALS, is_held=True), ["brake/job1"]),
    "a running job whose exits wait": (of(is_held=True), ["brake/job1"]),
    "a paused job whose exits wait": (of(Status.PAUSED, is_held=True), ["brake/job1"]),
    "a job that Mapp refuses": (of(Status.FAULT, Cause.MAPP_CREDENTIALS), ["credentials/mapp1"]),
    "a job whose integration is unknown": (of(Status.FAULT, Cause.MAPP_INTEGRATION), ["credentials/mapp1"]),
    "a job that Lytics refuses": (of(Status.FAULT, Cause.LYTICS_CREDENTIALS), ["credentials/lytics1"]),
    "a refused job at the brake": (
        of(Status.FAULT, Cause.MAPP_CREDENTIALS, is_held=True),
        ["credentials/mapp1", "brake/job1"],
    ),
    "a job without triggers": (of(gap="None came."), ["trigger_gap/job1"]),
    "a failed job without triggers": (of(Status.FAILED, gap="None came."), ["attention/job1"]),
    "19 people aside of 19": (of(members=19, set_aside=19), []),
    "20 people aside of 400": (of(members=400, set_aside=20), ["set_aside/job1"]),
    "20 people aside of 401": (of(members=401, set_aside=20), []),
    "people aside of a job that ended": (of(Status.COMPLETED, members=400, set_aside=400), []),
    "a change that waits 14 min": (of(oldest_ms=NOW - 15 * MINUTE + 1), []),
    "a change that waits 15 min": (of(oldest_ms=NOW - 15 * MINUTE), ["waiting/job1"]),
    "a change of long ago, 14 min after a pause": (of(oldest_ms=1, resumed_ms=NOW - 15 * MINUTE + 1), []),
    "a change of long ago, 15 min after a pause": (of(oldest_ms=1, resumed_ms=NOW - 15 * MINUTE), ["waiting/job1"]),
    "a change of 15 min ago, long after a pause": (of(oldest_ms=NOW - 15 * MINUTE, resumed_ms=1), ["waiting/job1"]),
    "nothing owed, long after a pause": (of(resumed_ms=1), []),
    "a change that waits for a paused job": (of(Status.PAUSED, oldest_ms=0), []),
    "a change that waits for a sleeping job": (of(Status.SLEEPING, Cause.OUTAGE, oldest_ms=0), ["waiting/job1"]),
    "a change that waits for a fault": (of(Status.FAULT, Cause.FIELD, oldest_ms=0), ["attention/job1"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_known_makes_exactly_these_conditions(case: str) -> None:
    known, expected = CASES[case]
    assert found(facts(known)) == expected


def test_ten_jobs_stopped_by_one_authorization_are_one_alert() -> None:
    job = of(Status.FAULT, Cause.MAPP_CREDENTIALS)
    ten = [replace(job, job=replace(job.job, id=f"job{number}")) for number in range(10)]
    (one,) = conditions(facts(*ten))
    assert (one.slot, one.level) == ("credentials/mapp1", Level.CRITICAL)
    assert "10 jobs have stopped" in one.text


def test_an_authorization_that_no_job_uses_is_told_when_it_is_refused() -> None:
    assert found(facts(auths=(replace(LYTICS, is_refused=True), MAPP))) == ["credentials/lytics1"]


def test_messages_that_make_no_sense_are_told_by_their_authorization() -> None:
    assert found(facts(auths=(MAPP, replace(LYTICS, unreadable=1)))) == ["unreadable/lytics1"]


@pytest.mark.parametrize(("aside", "is_there"), [(20, True), (17, True), (16, True), (15, False)])
def test_a_share_at_its_threshold_does_not_flap(aside: int, is_there: bool) -> None:
    known = facts(of(members=400, set_aside=aside))
    assert bool(found(known, are_open=("set_aside/job1",))) == is_there


def test_no_condition_is_ever_said_twice_in_one_look() -> None:
    everything = [
        replace(of(status, cause, is_held=held, members=400, set_aside=99, oldest_ms=0, gap="None."), job=job)
        for number, (status, cause, held) in enumerate(
            (status, cause, held) for status in Status for cause in Cause for held in (False, True)
        )
        for job in [replace(a_job(), id=f"job{number}", status=status, cause=cause)]
    ]
    slots = found(facts(*everything))
    assert len(slots) == len(set(slots))
    assert {slot.partition("/")[0] for slot in slots} == set(Kind) - {Kind.UNREADABLE, Kind.TOO_LARGE}


def test_every_job_that_lives_or_failed_can_be_spoken_of_and_no_other() -> None:
    for status in Status:
        told = found(facts(of(status, members=400, set_aside=400, is_held=True)))
        assert bool(told) == (status in LIVE or status is Status.FAILED), status


def test_a_name_that_somebody_typed_stays_one_line_of_bounded_length() -> None:
    hostile = "VIP\r\nBcc: everybody@example.com\x00" + "x" * 5_000
    job = replace(a_job(), name=hostile, status=Status.FAILED, reason="")
    (one,) = conditions(facts(JobFacts(job)))
    assert one.title.isprintable()
    assert len(one.title) < 200


@pytest.mark.parametrize("channel", Level)
def test_a_channel_takes_its_level_and_what_is_graver(channel: Level) -> None:
    order = [Level.INFO, Level.WARNING, Level.CRITICAL]
    assert [takes(channel, alert) for alert in order] == [order.index(alert) >= order.index(channel) for alert in order]


def test_every_kind_has_its_patience_and_what_is_noisy_must_last() -> None:
    assert set(PATIENCE) == set(Kind)
    assert all(one.ends_after > 0 for one in PATIENCE.values())
    assert PATIENCE[Kind.WAITING] == PATIENCE[Kind.SET_ASIDE] == Patience(60, 60)
