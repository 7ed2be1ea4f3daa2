"""Several trigger messages as one: a share for each job, nothing lost, everything in the order it came."""

from collections import Counter
from dataclasses import replace

from tests.domain.test_records import job
from usher.domain.intake import Intake, JobIntake, shares_of_all
from usher.domain.observation import Observation, Source

FIRST, SECOND = replace(job(), key=1), replace(job(), key=2)


def seen(member: str) -> Observation:
    return Observation(member, is_in=True, version=1, source=Source.TRIGGER)


JO, AL, BO = ((seen(name),) for name in ("jo", "al", "bo"))


def test_each_job_has_one_share_with_its_events_in_the_order_they_came():
    messages = [
        Intake(shares=(JobIntake(SECOND, (JO, AL)), JobIntake(FIRST, (JO,)))),
        Intake(),
        Intake(shares=(JobIntake(SECOND, (BO,)),)),
    ]
    assert shares_of_all(messages) == [JobIntake(FIRST, (JO,)), JobIntake(SECOND, (JO, AL, BO))]


def test_what_was_counted_before_is_added_up():
    counts = [
        JobIntake(FIRST, (), Counter(change=1, too_many=2), unreadable=3, clamped=4),
        JobIntake(FIRST, (), Counter(change=10), unreadable=30, clamped=40),
    ]
    (share,) = shares_of_all(Intake(shares=(one,)) for one in counts)
    assert share == JobIntake(FIRST, (), Counter(change=11, too_many=2), unreadable=33, clamped=44)


def test_nothing_is_made_of_nothing():
    assert shares_of_all([]) == []
    assert shares_of_all([Intake(unreadable=1)]) == []


def test_everybody_is_named_whatever_the_job():
    message = Intake(shares=(JobIntake(FIRST, (JO, (*AL, *BO))), JobIntake(SECOND, (JO,))))
    assert message.members == {"jo", "al", "bo"}
    assert Intake().members == set()
