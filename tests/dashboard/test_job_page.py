"""The page of one job: what it says in each state, to whom, and that it is live."""

import gzip
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from tests.dashboard.settled import put, settle
from tests.dashboard.visiting import House, Visitor
from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.domain.notes import LogCode, LogEntry
from usher.domain.outcome import Accepted, Rejected
from usher.jobs.activity import Activity, Figures
from usher.store import ledger, scans
from usher.store.database import Txn
from usher.store.jobs import job_by_id
from usher.web.dashboard.job_figures import DROPPED, charts_of
from usher.web.dashboard.job_page import feed_line
from usher.web.dashboard.rendering import icon

EVIL = "<script>alert(1)</script>\"'&"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


async def a_job(house: House, **config: Any) -> str:
    return str((await house.running.create_job(**config))["id"])


async def enter(house: House, *members: str, is_in: bool = True) -> None:
    for member in members:
        assert (await house.running.trigger(house.running.event(member, is_in=is_in))).status == 200


async def words_of(visitor: Visitor, job_id: str, more: str = "") -> str:
    found = await visitor.get(f"/jobs/{job_id}{more}")
    assert found.status == 200, found.words
    return found.words


async def test_a_new_job_says_that_no_change_ever_came_and_what_to_enter_in_lytics(house: House) -> None:
    job_id = await a_job(house)
    words = await words_of(await house.visitor(), job_id)
    assert "Waiting for the first change: none has ever arrived from Lytics." in words
    assert "Lytics does not send changes here yet" in words
    assert f"/triggers/{house.running.made['lytics']}" in words
    assert house.running.world.audiences.by_slug["vip_shoppers"].id in words
    assert "Export Fields email" in words
    assert "On, 10 at most Existing Users Off" in words
    assert await house.running.trigger_token() not in words


async def read(house: House, job_id: str, *, kind: str = "backfill", state: str = "completed", **figures: int) -> None:
    """Put down one reading of the audience as the engine would."""

    def work(txn: Txn) -> None:
        key = job_by_id(txn, job_id).key
        scan = scans.start_scan(txn, key, kind=kind, definition="d", expected=None)
        scans.change_scan(txn, scan.id, **figures)
        if state != "running":
            scans.end_scan(txn, scan.id, state=state)

    await house.running.deps.desk.database.write(work)


async def test_a_job_that_just_began_says_that_it_reads_and_waits_for_no_change(house: House) -> None:
    words = await words_of(await house.visitor(), await a_job(house, withbackfill=True))
    assert "Reading the audience from Lytics." in words
    assert "Waiting for the first change" not in words


async def test_who_has_no_identifier_is_not_lost_from_view(house: House) -> None:
    job_id = await a_job(house)
    assert "nobody is left out" in await words_of(await house.visitor(), job_id)
    await read(house, job_id, seen=494, profiles=500, without_identifier=6)
    words = await words_of(await house.visitor(), job_id)
    assert "in the last hour 6 have no email in Lytics" in words
    assert "nobody is left out" not in words
    await read(house, job_id, seen=494, profiles=494)
    assert "nobody is left out" in await words_of(await house.visitor(), job_id)


async def test_before_the_first_change_the_delivery_begins_with_whom_lytics_named(house: House) -> None:
    job_id = await a_job(house)
    await read(house, job_id, seen=494, profiles=500, without_identifier=6)
    words = await words_of(await house.visitor(), job_id)
    assert "Read from Lytics 494 Read without an identifier 6" in words
    assert "Changes received" not in words
    await enter(house, "jo@example.com")
    words = await words_of(await house.visitor(), job_id)
    assert "Changes received 100 % 1 People read last time 494 Read without an identifier 6 Applied 100 % 1" in words
    assert "Read from Lytics" not in words


async def test_after_a_retry_the_page_says_who_is_set_aside_now_and_not_that_mapp_rejected_nobody(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    await settle(house, job_id, Rejected("INVALID"))
    admin = await house.visitor()
    assert "0 of 1 person is in step. Mapp rejected 1: see what to do" in await words_of(admin, job_id)
    assert '<a href="#aside">see what to do</a>' in (await admin.get(f"/jobs/{job_id}")).text
    key = await house.running.deps.desk.database.read(lambda txn: job_by_id(txn, job_id).key)
    await house.running.deps.desk.database.write(lambda txn: _take_up_again(txn, key, house))
    words = await words_of(admin, job_id)
    assert "Nobody is set aside." in words
    assert "rejected nobody" not in words
    assert "Rejected by Mapp 1" in words


def _take_up_again(txn: Txn, key: int, house: House) -> None:
    ledger.owe_member_again(txn, house.running.deps.desk.statements, key, "jo@example.com")


async def test_a_job_that_was_ended_is_terminated_wherever_people_read_of_it(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    admin = await house.visitor()
    assert "The last hour before it ended" not in await words_of(admin, job_id)
    await admin.act(f"/jobs/{job_id}/kill")
    for more in ("", "/log"):
        words = await words_of(admin, job_id, more)
        assert "Terminated by" in words
        assert "Killed" not in words
    assert (await house.running.ask("GET", f"/v2/job/{job_id}")).data["status"] == "killed"


@pytest.mark.parametrize(
    ("span", "title", "rows"),
    [
        ("hour", "The last hour before it ended", 60),
        ("day", "The last 24 hours before it ended", 24),
        ("week", "The last 7 days before it ended", 168),
    ],
)
async def test_charts_of_an_ended_job_are_of_the_time_before_it_ended(
    house: House, span: str, title: str, rows: int
) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    admin = await house.visitor()
    await admin.act(f"/jobs/{job_id}/kill")
    page = await admin.get(f"/jobs/{job_id}?span={span}")
    assert title in page.words
    assert "+1 and −0 in its last hour" in page.words
    assert page.text.count("<td data-v=") == rows, "one chart has something to draw"


def test_charts_say_that_they_are_not_kept_rather_than_that_nothing_happened() -> None:
    nothing = Figures(0, 0, 0, 0, None, None)
    kept = Activity("hour", 60, [], nothing, ended_ms=1)
    assert "Nobody entered or left." in [chart.missing for chart in charts_of(kept)]
    dropped = charts_of(replace(kept, is_kept=False))
    assert {chart.missing for chart in dropped} == {DROPPED}
    assert {total for chart in dropped for _, _, total in chart.series} == {"unknown"}


async def test_the_page_says_change_and_comparison_where_the_log_says_trigger_and_scan(house: House) -> None:
    job_id = await a_job(house)
    await put(house, job_id, said="Started a reconcile scan of the audience.", code=LogCode.SCAN_BEGUN)
    await read(house, job_id, kind="reconcile", seen=5, profiles=6, without_identifier=1)
    await enter(house, "jo@example.com")
    words = (await words_of(await house.visitor(), job_id)).lower()
    assert words.count("began to compare the whole audience") == 2, "in the feed and in the log"
    assert "1 change received" in words
    assert " scan" not in words
    assert " trigger" not in words


async def test_once_a_trigger_came_nothing_is_to_be_entered_any_more(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    words = await words_of(await house.visitor(), job_id)
    assert "Lytics does not send changes here yet" not in words
    assert "No change has ever arrived" not in words
    assert "Last change heard" in words


async def test_the_page_shows_how_everything_adds_up(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com", "max@example.com", "jo@example.com")
    await settle(house, job_id, Accepted())
    await enter(house, "ann@example.com")
    words = await words_of(await house.visitor(), job_id)
    assert "Everything adds up: 4 changes received = 3 applied + 1 ignored + 0 unreadable" in words
    assert "Ignored: known already, or older than known 1" in words
    assert "Waiting to be sent 1" in words
    assert "People in step 66 %" in words
    assert "In the audience 3 +3 and −0 in the last hour" in words


async def test_a_trigger_that_is_lost_is_called_a_fault_on_both_pages(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    lose_one = "UPDATE counters SET value = value + 1 WHERE name = 'triggers.received'"
    await house.running.deps.desk.database.write(lambda txn: txn.conn.execute(text(lose_one)))
    for path in (f"/jobs/{job_id}", "/jobs"):
        page = await (await house.visitor()).get(path)
        said = "Does not add up : 2 changes received, but 1 applied + 0 ignored + 0 unreadable."
        assert said in page.words, path
        assert "Everything adds up" not in page.words


async def test_what_is_not_known_is_said_so(house: House) -> None:
    words = await words_of(await house.visitor(), await a_job(house))
    assert "no live change in the last hour" in words
    assert "Nobody entered or left." in words
    assert "No live change was accepted." in words
    assert "Median unknown" in words
    assert "Confirmed" not in words, "nothing is read back yet, so nothing is shown of it"


async def test_charts_are_tables_first_with_a_row_for_every_bucket(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    await settle(house, job_id, Accepted())
    for span, rows in (("hour", 60), ("day", 96), ("week", 168), ("nonsense", 60)):
        page = await (await house.visitor()).get(f"/jobs/{job_id}?span={span}")
        assert page.text.count("<td data-v=") == 3 * rows, span
        assert page.text.count('<figure class="card" data-chart=') == 3


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            {"status": Status.FAULT, "cause": Cause.MAPP_CREDENTIALS, "reason": f"Mapp answered 401: {EVIL}"},
            ["Mapp refuses the credentials of mapp", "Enter the new secret", "Test again", "1 person waits"],
        ),
        (
            {"status": Status.FAULT, "cause": Cause.LYTICS_CREDENTIALS, "reason": "No."},
            ["Lytics refuses the credentials of lytics", "Enter the new secret"],
        ),
        (
            {"status": Status.FAULT, "cause": Cause.REJECTIONS, "reason": "Half."},
            ["Mapp rejects most people of this job", "See who is set aside", "Restart"],
        ),
        (
            {"status": Status.FAULT, "cause": Cause.AUDIENCE, "reason": "It is gone."},
            ["The audience VIP shoppers cannot be read", "Duplicate", "It is gone."],
        ),
        ({"status": Status.FAILED, "reason": "It ended."}, ["The job failed", "It ended.", "Restart"]),
        ({"status": Status.SLEEPING, "cause": Cause.OUTAGE, "reason": "Mapp is away."}, ["Mapp is away.", "Try now"]),
        ({"status": Status.COMPLETED}, ["Nothing more is sent.", "Restart"]),
        ({"status": Status.KILLED, "reason": "Killed by anna."}, ["Terminated by anna.", "Duplicate"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else "-".join(str(v) for v in list(value.values())[:2]),
)
async def test_each_state_says_what_happened_and_offers_what_helps(
    house: House, columns: dict[str, Any], expected: list[str]
) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    await put(house, job_id, said="Stopped.", code=LogCode.FAULT, level="error", **columns)
    page = await (await house.visitor()).get(f"/jobs/{job_id}")
    for said in expected:
        assert said in page.words
    assert "<script>alert" not in page.text


def look(level: str, code: str, said: str = "The backfill scan stopped (it was paused); so.") -> tuple[str, str]:
    found = feed_line(LogEntry(1, level, said, code))
    return found.icon, found.style


def test_a_warning_and_an_error_look_like_one_whatever_they_are_about() -> None:
    warnings, errors = ({look(level, code) for code in LogCode} for level in ("warn", "error"))
    assert (len(warnings), len(errors)) == (1, 1)
    assert not (warnings | errors) & {look("info", code) for code in LogCode}


def test_good_news_looks_unlike_a_doubt_and_words_change_nothing() -> None:
    assert look("info", LogCode.SCAN_DONE) == look("info", LogCode.SCAN_DONE, "It failed.")
    assert look("info", LogCode.SCAN_DONE) != look("info", LogCode.SCAN_DOUBTED)
    assert look("info", LogCode.PAUSED) != look("info", LogCode.RESUMED)


def test_a_line_of_a_code_that_is_gone_is_a_plain_one() -> None:
    assert look("info", "a code that is gone") == look("info", "") == look("info", LogCode.SCAN_DOUBTED)


@pytest.mark.parametrize("code", ["", *LogCode])
def test_every_icon_of_the_feed_is_there(code: str) -> None:
    assert all("<svg" in icon(*look(level, code)) for level in ("info", "warn", "error"))


async def test_the_moment_of_the_fault_is_told(house: House) -> None:
    job_id = await a_job(house)
    fault = {"status": Status.FAULT, "cause": Cause.MAPP_CREDENTIALS, "reason": "No."}
    await put(house, job_id, said="Mapp answered 401.", code=LogCode.FAULT, level="error", **fault)
    assert "Since" in await words_of(await house.visitor(), job_id)


async def test_a_job_saved_without_starting_offers_to_start_and_then_starts(house: House) -> None:
    body = house.running.job() | {"start": False}
    job_id = (await house.running.ask("POST", "/v2/job/mapp-trigger-export", body)).data["id"]
    admin = await house.visitor()
    words = await words_of(admin, job_id)
    assert "Saved without starting Nothing is read from Lytics" in words
    assert words.count("Start Export") == 1
    assert "Lytics does not send changes here yet" not in words
    started = await admin.act(f"/jobs/{job_id}/resume")
    assert "Running" in started.words
    assert "USHER_BASE_URL is not set" in started.words, "that Lytics could not be told is said with the start"


async def test_held_exits_stand_above_everything_and_lead_to_the_decision(house: House) -> None:
    job_id = await a_job(house, exit_brake_people=1, exit_brake_percent=1)
    await enter(house, "jo@example.com", "max@example.com", "ann@example.com")
    await settle(house, job_id, Accepted())
    moved = {"max@example.com": 2, "ann@example.com": 3, "jo@example.com": 4}
    for member, minute in moved.items():
        event = house.running.event(member, is_in=False)
        event["data"]["segment_events"][0]["exit"] = f"2026-11-20T10:1{minute + 4}:02.1Z"
        await house.running.trigger(event)
    admin = await house.visitor()
    page = await admin.get(f"/jobs/{job_id}")
    assert "wait for your decision" in page.words
    assert f'href="/jobs/{job_id}/removals"' in page.text
    assert "confirm-removals" not in page.words, "commands are for the command line"
    assert "Needs attention" in page.words


async def test_those_set_aside_are_shown_by_reason_with_what_to_do(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com", "max@example.com")
    await settle(house, job_id, Rejected(f"INVALID_PARAMETER: {EVIL}"))
    page = await (await house.visitor()).get(f"/jobs/{job_id}")
    assert "Set aside: 2 people" in page.words
    assert "Mapp calls a value not valid" in page.words
    assert "Retry 2" in page.words
    assert ESCAPED in page.text
    assert "<script>alert" not in page.text


async def test_what_somebody_named_a_job_cannot_run(house: House) -> None:
    body = house.running.job() | {"name": EVIL, "description": EVIL}
    job_id = (await house.running.ask("POST", "/v2/job/mapp-trigger-export", body)).data["id"]
    for path in ("", "/edit", "/log", "/people", "/ask/kill"):
        page = await (await house.visitor()).get(f"/jobs/{job_id}{path}")
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert ESCAPED in page.text


async def test_a_viewer_sees_no_identifier_and_is_told_who_may_act(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo.public@example.com")
    await settle(house, job_id, Rejected("jo.public@example.com is not valid"))
    page = await (await house.visitor(Role.VIEWER)).get(f"/jobs/{job_id}")
    assert page.status == 200
    assert "jo.public" not in page.text
    assert "j***@e***.com is not valid" in page.words
    assert "(operators and administrators may do this)" in page.words
    assert f'action="/jobs/{job_id}' not in page.text, "no form that would only be refused"
    assert "jo.public@example.com" in (await (await house.visitor(Role.OPERATOR)).get(f"/jobs/{job_id}")).text


async def test_a_job_that_there_is_not_is_a_page_that_says_so(house: House) -> None:
    for path in (
        "/jobs/nothing",
        "/jobs/nothing/edit",
        "/jobs/nothing/people",
        "/jobs/nothing/log",
        "/jobs/nothing/log.txt",
    ):
        page = await (await house.visitor()).get(path)
        assert page.status == 404, path
        assert "There is nothing here" in page.words


async def test_every_part_is_live_and_the_same_as_on_the_page(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    admin = await house.visitor()
    page = await admin.get(f"/jobs/{job_id}")
    parts = (
        "status",
        "actions",
        "tabs",
        "now",
        "stats",
        "span_title",
        "charts_live",
        "delivery",
        "aside",
        "feed",
        "config",
        "log",
    )
    found = await admin.live(f"/live/jobs/{job_id}", *parts)
    assert set(parts) == set(found)
    for part in parts:
        assert f'data-part="{part}"' in page.text
    assert found["stats"].strip() in page.text
    assert found["delivery"].strip() in page.text


async def test_the_stream_is_of_the_span_and_level_that_the_page_shows(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, "jo@example.com")
    admin = await house.visitor()
    page = await admin.get(f"/jobs/{job_id}?span=week&level=error")
    assert f'data-live="/live/jobs/{job_id}?span=week&amp;level=error"' in page.text
    found = await admin.live(f"/live/jobs/{job_id}?span=week&level=error", "charts_live", "log")
    assert found["charts_live"].count("<td data-v=") == 168, "one chart has something to draw"
    assert "No line of this kind." in found["log"]


async def test_the_log_is_told_by_level_page_by_page(house: House) -> None:
    job_id = await a_job(house)
    for number in range(230):
        await put(house, job_id, said=f"Line {number} of many.", level="error" if number % 100 == 0 else "info")
    admin = await house.visitor()
    tail = await words_of(admin, job_id, "?level=error")
    assert [f"Line {n} of many." in tail.split("Log All")[1] for n in (0, 100, 200, 229)] == [True, True, True, False]
    first = await admin.get(f"/jobs/{job_id}/log")
    assert "Line 229" in first.words
    assert "Line 10 of" not in first.words
    older = first.text.split('class="btn" href="')[-1].split('"')[0].replace("&amp;", "&")
    assert "Line 10 of many." in (await admin.get(older)).words
    text = await admin.get(f"/jobs/{job_id}/log.txt")
    assert text.headers["Content-Disposition"] == 'attachment; filename="vip-log.txt"'
    assert len([one for one in text.text.splitlines() if " of many." in one]) == 230


async def test_the_page_is_small(house: House) -> None:
    job_id = await a_job(house)
    await enter(house, *(f"member{n}@example.com" for n in range(30)))
    await settle(house, job_id, Rejected("INVALID"))
    page = await (await house.visitor()).get(f"/jobs/{job_id}?span=week")
    assert len(gzip.compress(page.text.encode())) < 20_000
