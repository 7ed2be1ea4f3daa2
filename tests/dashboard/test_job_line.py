"""One job on the list: what is said of it."""

from dataclasses import replace

import pytest

from usher.domain.attention import Group
from usher.domain.job import Cause, Status
from usher.jobs.overview_rows import Connection, Row, ScanLine
from usher.web.dashboard.job_line import line_of, why

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
    is_scan_near=False,
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
    ("changes", "is_moving"),
    [({}, False), ({"due": 5}, True), (HELD, False), ({"due": 5, "status": Status.PAUSED}, False)],
)
def test_a_line_moves_only_while_something_is_on_its_way(changes, is_moving):
    assert line_of(row(**changes)).is_moving is is_moving
