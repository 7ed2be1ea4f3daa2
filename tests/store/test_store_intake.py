"""Triggers into the ledger: every one is counted once, and many exits at once wait for a person."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.stores import JOB, Store, a_job, all_in, names, run, seen
from usher.domain.claim import Settlement
from usher.domain.intake import Intake, JobIntake
from usher.domain.job import Cause, Job, Status
from usher.domain.notes import Unreadable
from usher.domain.observation import NS_PER_MS, Observation, Source
from usher.domain.outcome import Accepted
from usher.domain.removal_brake import PEOPLE, WINDOW_MS
from usher.store import brake, intake, notes, scans
from usher.store.jobs import job_by_key
from usher.store.statements import LANE_HELD

ODD = Unreadable("lytics1", "not an object", b"sealed", 7)
Sort = Callable[[list[Job], int], Intake]


def share(
    *events: tuple[Observation, ...],
    ignored: Counter[str] | None = None,
    unreadable: int = 0,
    clamped: int = 0,
) -> Sort:
    """Sort a message so that it concerns the first live job alone."""

    def sort(jobs: list[Job], _now_ms: int) -> Intake:
        part = JobIntake(jobs[0], events, ignored or Counter(), unreadable, clamped)
        return Intake(shares=(part,), kept=(ODD,) * unreadable)

    return sort


def take_in(store: Store, sort: Sort) -> Intake:
    return run(intake.SqlIntake(store.database, store.sql).take_in("lytics1", sort))


def triggers(store: Store) -> dict[str, int]:
    prefix = "triggers."
    return {name.removeprefix(prefix): n for name, n in store.counters().items() if name.startswith(prefix) and n}


def exits(count: int, version: int = 100) -> list[tuple[Observation, ...]]:
    return [(seen(name, False, version),) for name in names(count)]


def inside(store: Store, count: int) -> None:
    store.tell(*names(count))


def test_only_the_live_jobs_of_that_account_are_asked(store: Store) -> None:
    for status in Status:
        store.add_job(status=status)
    store.add_job(lytics_auth="another")
    asked: list[Job] = []

    def sort(jobs: list[Job], now_ms: int) -> Intake:
        asked.extend(jobs)
        assert now_ms == store.clock.now_ms()
        return Intake()

    take_in(store, sort)

    assert {job.status for job in asked} == {Status.RUNNABLE, Status.SLEEPING, Status.PAUSED, Status.FAULT}
    assert {job.lytics_auth for job in asked} == {"lytics1"}


def told_of(store: Store, member: str) -> list[tuple[str, int | None]]:
    """Return what is written down of a member as (kind, version), oldest first."""
    found = store.read(lambda txn: notes.history_of(txn, JOB, member))
    return [(entry.kind, entry.version) for entry in reversed(found)]


def test_that_a_scan_found_somebody_is_written_down_when_an_exit_replaces_it(store: Store) -> None:
    store.add_job()
    store.observe(*all_in(["jo", "al"], version=5 * NS_PER_MS), source=Source.BACKFILL)
    take_in(store, share((seen("jo", False, 9 * NS_PER_MS),), (seen("al", True, 9 * NS_PER_MS),)))

    assert told_of(store, "jo") == [("seen", 5 * NS_PER_MS), ("exit", 9 * NS_PER_MS)]
    assert told_of(store, "al") == [("enter", 9 * NS_PER_MS)]  # no news: the row is as it was
    found = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))[-1]
    assert (found.at_ms, found.is_in, found.note) == (5, True, "")


def test_nothing_more_is_written_down_of_an_exit_that_replaces_a_trigger_or_nothing(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5),)))
    take_in(store, share((seen("jo", False, 9),), (seen("new", False, 9),)))
    take_in(store, share((seen("jo", False, 10),)))

    assert told_of(store, "jo") == [("enter", 5), ("exit", 9), ("exit", 10)]
    assert told_of(store, "new") == [("exit", 9)]


def test_an_exit_that_is_not_newer_leaves_what_a_scan_said_to_the_row(store: Store) -> None:
    store.add_job()
    store.observe(seen("jo", True, 5), source=Source.BACKFILL)
    take_in(store, share((seen("jo", False, 5),)))

    assert told_of(store, "jo") == [("ignored", 5)]


def test_a_trigger_is_applied_counted_and_written_down(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5),)))

    assert triggers(store) == {"received": 1, "applied": 1}
    assert store.row("jo").due_at == store.clock.now_ms()
    (entry,) = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    assert (entry.kind, entry.version) == ("enter", 5)
    assert store.job().first_trigger_ms == store.job().last_trigger_ms == store.clock.now_ms()


def test_a_trigger_that_is_not_newer_is_ignored_with_its_reason(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5),)))
    take_in(store, share((seen("jo", False, 5),)))

    assert triggers(store) == {"received": 2, "applied": 1, "ignored.not_newer": 1}
    newest, _ = store.read(lambda txn: notes.history_of(txn, JOB, "jo"))
    assert (newest.kind, newest.note) == ("ignored", "not_newer")


def test_within_a_message_the_one_that_lost_is_superseded(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5),), (seen("jo", False, 5),)))

    assert triggers(store) == {"received": 2, "applied": 1, "ignored.superseded": 1}
    assert store.row("jo").is_in is False


def test_a_trigger_with_several_identifiers_counts_once(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5), seen("ann", True, 5))))

    assert triggers(store) == {"received": 1, "applied": 1}
    assert store.counters()["members.in"] == 2


def test_what_was_ignored_unreadable_or_clamped_before_is_counted_too(store: Store) -> None:
    store.add_job()
    take_in(store, share((seen("jo", True, 5),), ignored=Counter(no_identifier=2), unreadable=3, clamped=1))

    assert triggers(store) == {
        "received": 6, "applied": 1, "ignored.no_identifier": 2, "unreadable": 3, "clamped": 1,
    }  # fmt: skip
    assert store.fetch("SELECT COUNT(*) FROM unreadable") == [(3,)]


def test_what_belongs_to_no_job_is_counted_by_reason(store: Store) -> None:
    take_in(store, lambda _jobs, _now: Intake(unrouted=Counter(no_job=4), unreadable=1, kept=(ODD,)))

    assert store.counters(0) == {"triggers.unrouted.no_job": 4, "triggers.unreadable": 1}


def test_a_message_that_fails_leaves_nothing_behind(store: Store) -> None:
    store.add_job()

    def sort(jobs: list[Job], now_ms: int) -> Intake:
        good = share((seen("jo", True, 5),))(jobs, now_ms)
        broken = JobIntake(jobs[0], ((),))
        return Intake(shares=(*good.shares, broken))

    with pytest.raises(IndexError):
        take_in(store, sort)

    assert not store.has("jo")
    assert triggers(store) == {}


EVENTS = st.lists(
    st.lists(st.tuples(st.sampled_from(["al", "bo", "cy"]), st.booleans(), st.integers(1, 6)), min_size=1, max_size=3),
    max_size=5,
)
MESSAGES = st.lists(st.tuples(EVENTS, st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=MESSAGES)
def test_received_is_always_applied_and_ignored_and_unreadable(
    store: Store, messages: list[tuple[list[list[tuple[str, bool, int]]], int, int]]
) -> None:
    store.add_job()
    before = triggers(store)
    for events, ignored, unreadable in messages:
        observed = [tuple(seen(*one) for one in event) for event in events]
        take_in(store, share(*observed, ignored=Counter(no_identifier=ignored), unreadable=unreadable))

    counted = triggers(store)
    parts = sum(n for name, n in counted.items() if name in {"applied", "unreadable"} or name.startswith("ignored."))
    came = sum(len(events) + ignored + unreadable for events, ignored, unreadable in messages)
    assert counted.get("received", 0) == parts
    assert counted.get("received", 0) - before.get("received", 0) == came
    store.assert_counted()


def test_many_exits_at_once_wait_for_a_person_and_entries_go_on(store: Store) -> None:
    store.add_job()
    inside(store, PEOPLE * 2)

    take_in(store, share(*exits(PEOPLE + 1)))
    assert store.job().exits_held
    assert store.job().cause is Cause.REMOVALS
    assert store.job().status is Status.RUNNABLE
    assert store.claim() == []
    assert store.fetch("SELECT COUNT(*) FROM ledger WHERE lane = 2 AND due_at IS NOT NULL") == [(PEOPLE + 1,)]

    take_in(store, share((seen("new", True, 100),), *exits(PEOPLE + 2, version=200)))
    assert [claim.member for claim in store.claim()] == ["new"]
    assert store.row(names(PEOPLE + 2)[-1]).lane == LANE_HELD
    assert [log.code for log in store.read(lambda txn: notes.logs_of(txn, JOB))] == ["JOB-FAULT-022"]


def test_the_brake_says_how_many_left_how_many_mapp_knows_of_and_how_many_wait(store: Store) -> None:
    store.add_job()
    inside(store, PEOPLE * 2)
    store.clock.pass_ms(WINDOW_MS)
    take_in(store, share(*exits(200)))
    claims = store.claim(limit=200)
    store.settle_all([Settlement(claim, Accepted()) for claim in claims[:150]])

    take_in(store, share(*exits(PEOPLE + 1)))

    (log,) = store.read(lambda txn: notes.logs_of(txn, JOB))
    assert log.message.startswith("501 of 1,000 people left the audience: 150 already told, 351 wait for you.")
    assert store.job().reason == log.message

    store.settle_all([Settlement(claim, Accepted()) for claim in claims[150:]])
    shown = store.read(lambda txn: brake.as_it_waits(txn, job_by_key(txn, JOB)))
    assert shown.reason.startswith("501 of 1,000 people left the audience: 200 already told, 301 wait for you.")


@pytest.mark.parametrize("status", [Status.SLEEPING, Status.FAULT, Status.PAUSED])
def test_a_job_that_stands_still_for_another_reason_says_that_first(store: Store, status: Status) -> None:
    store.add_job(status=status, reason="Something else.")
    inside(store, PEOPLE * 2)

    take_in(store, share(*exits(PEOPLE + 1)))

    reason = store.read(lambda txn: brake.as_it_waits(txn, job_by_key(txn, JOB))).reason
    assert reason.startswith("Something else. 501 of 1,000 people left")


@pytest.mark.parametrize(
    ("people", "leaving"),
    [(PEOPLE * 2, PEOPLE), (PEOPLE * 6, PEOPLE + 1)],
    ids=["not more than 500", "not more than 20 %"],
)
def test_fewer_exits_pass_unasked(store: Store, people: int, leaving: int) -> None:
    store.add_job()
    inside(store, people)

    take_in(store, share(*exits(leaving)))

    assert not store.job().exits_held
    assert len(store.claim(limit=leaving + 1)) == leaving


def test_exits_are_added_up_over_fifteen_minutes_and_then_forgotten(store: Store) -> None:
    store.add_job()
    inside(store, PEOPLE * 2)
    take_in(store, share(*exits(PEOPLE - 100)))
    store.clock.pass_ms(WINDOW_MS)
    take_in(store, share(*exits(PEOPLE + 200, version=200)))
    assert not store.job().exits_held

    store.clock.pass_ms(WINDOW_MS - 60_000)
    take_in(store, share(*exits(PEOPLE + 450, version=300)))
    assert store.job().exits_held


def test_exits_that_are_no_news_do_not_count(store: Store) -> None:
    store.add_job()
    inside(store, PEOPLE * 2)
    for version in range(100, 110):
        take_in(store, share(*exits(PEOPLE // 4, version=version)))

    assert not store.job().exits_held
    assert store.fetch("SELECT SUM(exits) FROM exit_minutes") == [(PEOPLE // 4,)]


@pytest.mark.parametrize(("leaving", "is_held"), [(10, False), (11, True)])
def test_a_job_may_set_its_own_limits_for_exits(store: Store, leaving: int, is_held: bool) -> None:
    store.add_job(config=a_job(exit_brake_people=10, exit_brake_percent=5.0).config)
    inside(store, 200)

    take_in(store, share(*exits(leaving)))

    assert store.job().exits_held is is_held


def test_a_job_may_do_without_the_brake(store: Store) -> None:
    store.add_job(config=a_job(exit_brake=False).config)
    inside(store, PEOPLE * 2)

    take_in(store, share(*exits(PEOPLE * 2)))

    assert not store.job().exits_held
    assert store.read(lambda txn: scans.counters_of(txn, JOB))["members.in"] == 0
