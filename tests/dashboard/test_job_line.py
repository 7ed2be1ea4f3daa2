"""One job on the list: what is said of it, and which steps are offered."""

from dataclasses import replace

import pytest

from usher.domain.job import Cause, Status
from usher.jobs.overview_rows import Connection, Group, Row, ScanLine
from usher.web.dashboard.job_line import first_step, further_steps, line_of, why

ROW = Row(
    id="j1",
    name="VIP",
    description="",
    group=Group.RUNNING,
    status=Status.RUNNABLE,
    cause=Cause.NONE,
    reason="",
    audience_name="VIP shoppers",
    audience_slug="vip_shoppers",
    group_id="1",
    attribute_key="vip_shoppers",
    mapp=Connection("m1", "Mapp"),
    lytics=Connection("l1", "Lytics"),
    people_in=10,
    total=12,
    due=0,
    held=0,
    set_aside=0,
    is_waiting=False,
    to_decide=0,
    last_change_ms=1,
    spark=[(0, 0)] * 24,
    scan=None,
    sleep_until_ms=None,
    created_ms=0,
    webhook="made",
)
HELD = {"is_waiting": True, "held": 40, "due": 40, "to_decide": 40, "cause": Cause.REMOVALS}


def row(**changes) -> Row:
    return replace(ROW, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"scan": ScanLine("backfill", "running", 64, 240.0)}, "Backfill 64 %, 4 min left"),
        ({"scan": ScanLine("reconcile", "running", None, None)}, "Comparing"),
        ({"scan": ScanLine("backfill", "completed", 100, None)}, ""),
        ({"webhook": "manual", "last_change_ms": None}, "Paste the webhook into Lytics"),
        ({"webhook": "manual"}, ""),
        (HELD, "40 people wait for a decision"),
        (HELD | {"to_decide": 1}, "1 person waits for a decision"),
        (HELD | {"status": Status.FAULT}, "40 people wait for a decision"),
        (HELD | {"status": Status.FAULT, "cause": Cause.MAPP_CREDENTIALS}, "Mapp refuses the credentials"),
        (HELD | {"status": Status.PAUSED}, "40 people wait for a decision"),
        ({"status": Status.FAULT, "cause": Cause.LYTICS_CREDENTIALS}, "Lytics refuses the token"),
        ({"status": Status.FAULT, "reason": "The disk is full. Call somebody."}, "The disk is full"),
        ({"status": Status.SLEEPING, "cause": Cause.OUTAGE}, "Mapp does not answer"),
        ({"status": Status.PAUSED, "cause": Cause.UNSTARTED}, "Saved, not started"),
        ({"status": Status.PAUSED, "reason": "Paused by jo@example.org."}, "by jo@example.org"),
        ({"status": Status.KILLED, "reason": "Killed by jo@example.org."}, "by jo@example.org"),
        ({"status": Status.FAILED, "reason": "x" * 200}, "x" * 69 + "…"),
    ],
)
def test_the_second_line_says_what_the_status_does_not(changes, said):
    assert why(row(**changes)) == said


@pytest.mark.parametrize(
    ("changes", "word", "path"),
    [
        ({}, "Pause", "/jobs/j1/pause"),
        ({"status": Status.SLEEPING}, "Pause", "/jobs/j1/pause"),
        ({"status": Status.PAUSED}, "Resume", "/jobs/j1/resume"),
        ({"status": Status.PAUSED, "cause": Cause.UNSTARTED}, "Start", "/jobs/j1/resume"),
        (HELD, "Decide", "/jobs/j1/removals"),
        (HELD | {"status": Status.FAULT}, "Decide", "/jobs/j1/removals"),
        (HELD | {"status": Status.PAUSED}, "Resume", "/jobs/j1/resume"),
        (HELD | {"status": Status.FAULT, "cause": Cause.MAPP_CREDENTIALS}, "Fix", "/authorizations/m1"),
        ({"status": Status.FAULT, "cause": Cause.LYTICS_CREDENTIALS}, "Fix", "/authorizations/l1"),
        ({"status": Status.FAULT, "cause": Cause.AUDIENCE}, "Fix", "/jobs/j1"),
        ({"status": Status.FAILED}, "Restart", "/jobs/j1/bounce"),
        ({"status": Status.COMPLETED}, "Restart", "/jobs/j1/ask/bounce"),
        ({"status": Status.KILLED}, "Duplicate", "/jobs/j1/clone"),
    ],
)
def test_the_first_step_is_the_one_that_helps(changes, word, path):
    step = first_step(row(**changes))

    assert (step.word, step.path) == (word, path)


@pytest.mark.parametrize(
    ("changes", "offered", "not_offered"),
    [
        ({}, {"Compare now", "Terminate", "Edit"}, {"Pause", "Resume", "See who is set aside"}),
        ({"set_aside": 3}, {"See who is set aside"}, set()),
        ({"scan": ScanLine("backfill", "running", 1, None)}, {"Terminate"}, {"Compare now"}),
        (HELD, {"Pause"}, {"Decide"}),
        (HELD | {"status": Status.FAULT}, {"Pause"}, {"Restart"}),
        (HELD | {"status": Status.PAUSED}, {"Decide"}, {"Resume"}),
        ({"status": Status.PAUSED, "cause": Cause.UNSTARTED, "total": 0}, {"Edit"}, {"Compare now", "Pause"}),
        ({"total": 0}, {"Compare now"}, {"Send to everybody again"}),
        ({"status": Status.COMPLETED}, {"Duplicate", "Delete"}, {"Restart", "Compare now"}),
        ({"status": Status.KILLED}, {"Delete"}, {"Edit", "Terminate", "Duplicate", "Compare now", "Pause"}),
    ],
)
def test_the_menu_offers_what_fits_and_nothing_twice(changes, offered, not_offered):
    words = {step.word for step in further_steps(row(**changes))}

    assert offered <= words
    assert not words & not_offered


def test_whatever_ends_or_repeats_much_asks_first():
    steps = {step.word: step for step in further_steps(ROW)}

    for word in ("Terminate", "Delete", "Send to everybody again"):
        assert "/ask/" in steps[word].path
        assert not steps[word].is_change


@pytest.mark.parametrize(
    ("changes", "is_moving"),
    [({}, False), ({"due": 5}, True), (HELD, False), ({"due": 5, "status": Status.PAUSED}, False)],
)
def test_a_line_moves_only_while_something_is_on_its_way(changes, is_moving):
    assert line_of(row(**changes)).is_moving is is_moving
