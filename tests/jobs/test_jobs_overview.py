"""Every job at a glance: each where somebody would look for it, every figure as the job's own page tells it."""

from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import event

from tests.jobs.office import ANNA
from usher.domain.job import Cause, Job, Status
from usher.domain.outcome import Accepted, Rejected
from usher.domain.scan import ScanState
from usher.errors import InvalidInput
from usher.jobs.accounts import account_view
from usher.jobs.control import delete_job
from usher.jobs.glance import glance
from usher.jobs.looking import job_progress
from usher.jobs.overview import MOST_ROWS, SHOWN, SORTED_BY, Overview, overview
from usher.store import scans
from usher.store.database import HOUR, Txn
from usher.store.jobs import add_job

EXISTING = [status for status in Status if status is not Status.DELETED]


async def job_as(office, name: str, **columns) -> Job:
    job = await office.make_job(name, mapp_attribute_name=name.lower().replace(" ", "_"))
    return await office.put(job, **columns)


def names(found: Overview) -> list[str]:
    return [row.name for row in found.rows]


async def held_scan(office, job: Job, *, leaving: int) -> None:
    def work(txn: Txn) -> None:
        scan = scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=10)
        scans.end_scan(txn, scan.id, state=ScanState.HELD, leaving=leaving)

    await office.write(work)


async def test_every_page_counts_the_same_jobs_as_needing_attention(office):
    for status, is_held, has_held_scan in product(Status, (False, True), (False, True)):
        job = await job_as(office, f"{status} {is_held} {has_held_scan}", exits_held=is_held)
        if has_held_scan:
            await held_scan(office, job, leaving=3)
        await office.put(job, status=status)

    listed = await overview(office.desk, show="attention")
    waiting = {row.id for row in (await overview(office.desk, show="all")).rows if row.is_waiting}

    assert (await glance(office.desk)).attention == len(listed.rows) == listed.counts["attention"] == 2 * 4 + 3 * 3
    assert (await account_view(office.desk, office.mapp)).at_brake == waiting
    assert len(waiting) == 4 * 3


async def test_a_newer_scan_that_went_well_leaves_nobody_waiting(office):
    job = await job_as(office, "one", status=Status.PAUSED)
    await held_scan(office, job, leaving=3)
    assert (await glance(office.desk)).attention == 1

    await office.write(lambda txn: scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=10))

    assert (await glance(office.desk)).attention == (await overview(office.desk)).counts["attention"] == 0


@pytest.mark.parametrize("show", ["attention", "paused", "current", "all"])
async def test_a_paused_job_whose_people_wait_is_found_under_both(office, show):
    await job_as(office, "held", status=Status.PAUSED, exits_held=True)

    found = await overview(office.desk, show=show)

    assert names(found) == ["held"]
    assert found.counts[show] == 1
    assert found.counts["running"] == 0


async def test_the_counts_say_what_each_word_would_list(office):
    for status in EXISTING:
        await job_as(office, status, status=status)
    await job_as(office, "held", exits_held=True)
    await job_as(office, "paused and held", status=Status.PAUSED, exits_held=True)
    await delete_job(office.desk, ANNA, (await job_as(office, "gone")).id)

    for word in SHOWN:
        found = await overview(office.desk, show=word)
        assert found.counts[word] == found.matching == len(found.rows), word
    assert {word: found.counts[word] for word in ("current", "attention", "paused", "completed", "all")} == {
        "current": 6,
        "attention": 4,
        "paused": 2,
        "completed": 1,
        "all": 9,
    }


async def test_a_deleted_job_is_never_shown_nor_counted(office):
    job = await job_as(office, "gone")
    await office.see(job, "jo")
    await delete_job(office.desk, ANNA, job.id)

    found = await overview(office.desk, show="all")

    assert (found.rows, found.counts["all"], found.changes_last_hour) == ([], 0, 0)


async def test_who_needs_attention_stands_first_and_then_the_newest(office):
    for name, status in (("a", Status.FAULT), ("b", Status.RUNNABLE), ("c", Status.FAILED), ("d", Status.RUNNABLE)):
        await job_as(office, name, status=status)

    assert names(await overview(office.desk)) == ["c", "a", "d", "b"]


async def test_rows_are_sorted_as_asked(office):
    for name, status in (("Beta", Status.SLEEPING), ("alpha", Status.FAULT), ("Gamma", Status.RUNNABLE)):
        job = await job_as(office, name, status=status)
        await office.see(job, *(f"{name}{number}" for number in range(len(name))))
        office.clock.pass_ms(3_600_000)
    beta = next(row for row in (await overview(office.desk)).rows if row.name == "Beta")
    await office.see(await office.job(beta.id), "late")

    expected = {
        "name": ["alpha", "Beta", "Gamma"],
        "status": ["alpha", "Gamma", "Beta"],
        "people": ["Gamma", "alpha", "Beta"],
        "last_change": ["Beta", "Gamma", "alpha"],
        "newest": ["Gamma", "alpha", "Beta"],
        "": ["alpha", "Gamma", "Beta"],
    }
    assert set(expected) == set(SORTED_BY)
    for sort, wanted in expected.items():
        assert names(await overview(office.desk, sort=sort)) == wanted, sort


@pytest.mark.parametrize("search", ["spring", "SPRING", " win-back ", "win_back", "vip shoppers", "2324000001"])
async def test_a_search_finds_name_audience_attribute_and_group(office, search):
    job = await job_as(office, "Win-back Spring", audience_name="VIP shoppers")
    await office.put(job, config=replace(job.config, mapp_attribute_name="win_back", group_id="2324000001"))
    other = await job_as(office, "another", audience_name="Others", audience_slug="others")
    await office.put(other, config=replace(other.config, group_id="2324000002"))

    found = await overview(office.desk, search=search)

    assert names(found) == ["Win-back Spring"]
    assert found.counts["current"] == 2
    assert (await overview(office.desk, search="nothing like it")).rows == []


async def test_figures_are_those_of_the_jobs_own_progress(office):
    job = await job_as(office, "one")
    await office.see(job, "a", "b", "c")
    await office.send(job, Accepted())
    await office.see(job, "d")
    await office.send(job, Rejected("no such user"))
    await office.put(job, exits_held=True)
    await office.see(await office.job(job.id), "a", "b", is_in=False)

    (row,) = (await overview(office.desk)).rows
    members = (await job_progress(office.desk, job.id)).members

    told = {"in": row.people_in, "total": row.total, "due": row.due, "held": row.held, "set_aside": row.set_aside}
    assert told == {name: members[name] for name in told}
    assert (row.held, row.to_decide, row.is_waiting, row.cause) == (2, 2, True, Cause.REMOVALS)
    assert (row.mapp.label, row.lytics.label) == ("Our Mapp", "Our Lytics")


async def test_an_ended_job_s_held_exits_are_counted_but_nobody_decides_about_them(office):
    job = await job_as(office, "one")
    await office.see(job, "a", "b")
    await office.see(await office.put(job, exits_held=True), "a", is_in=False)
    await office.put(job, status=Status.KILLED)

    (row,) = (await overview(office.desk, show="ended")).rows

    assert row.held == (await job_progress(office.desk, job.id)).members["held"] == 1
    assert (row.to_decide, row.is_waiting) == (0, False)


async def test_those_whom_a_held_scan_did_not_find_wait_for_a_decision(office):
    job = await job_as(office, "one", status=Status.FAULT, cause=Cause.REMOVALS)
    await held_scan(office, job, leaving=6_204)
    ended = await job_as(office, "two", status=Status.KILLED)
    await held_scan(office, ended, leaving=9)

    found = await overview(office.desk, show="all")
    waiting = {row.name: (row.to_decide, row.is_waiting, row.held) for row in found.rows}

    assert waiting == {"one": (6_204, True, 0), "two": (0, False, 0)}
    assert found.to_decide == 1


async def test_the_spark_has_24_hours_and_the_newest_is_the_present_one(office):
    job, quiet = await job_as(office, "one"), await job_as(office, "two")
    await office.see(job, "old")
    office.clock.pass_ms(25 * HOUR * 1000)
    await office.see(job, "a", "b")
    office.clock.pass_ms(HOUR * 1000)
    await office.see(job, "a", is_in=False)

    rows = {row.id: row.spark for row in (await overview(office.desk)).rows}

    assert rows[job.id] == [(0, 0)] * 22 + [(2, 0), (0, 1)]
    assert rows[quiet.id] == [(0, 0)] * 24


async def test_the_last_change_is_the_newest_trigger_or_bucket(office):
    job = await job_as(office, "one")
    assert (await overview(office.desk)).rows[0].last_change_ms is None

    await office.see(job, "jo")
    changed = (await overview(office.desk)).rows[0].last_change_ms
    assert changed is not None
    assert 0 <= office.clock.now_ms() - changed < 61_000

    await office.put(job, last_trigger_ms=office.clock.now_ms() + 5)
    assert (await overview(office.desk)).rows[0].last_change_ms == office.clock.now_ms() + 5


async def test_the_changes_of_the_last_hour_are_those_of_every_job(office):
    for name in ("one", "two"):
        job = await job_as(office, name)
        await office.see(job, "a", "b")
        await office.see(job, "a", is_in=False)
    assert (await overview(office.desk, search="one")).changes_last_hour == 6

    office.clock.pass_ms(61 * 60_000)
    assert (await overview(office.desk)).changes_last_hour == 0


async def test_a_running_scan_says_how_far_it_is_and_how_long_it_needs(office):
    job = await job_as(office, "one")
    assert (await overview(office.desk)).rows[0].scan is None

    def read_some(txn: Txn) -> None:
        scans.start_scan(txn, job.key, kind="baseline", definition="d", expected=None)
        scan = scans.start_scan(txn, job.key, kind="backfill", definition="d", expected=1_000)
        scans.change_scan(txn, scan.id, profiles=640)

    await office.write(read_some)
    office.clock.pass_ms(64_000)
    scan = (await overview(office.desk)).rows[0].scan
    assert scan is not None
    assert (scan.kind, scan.state, scan.percent, scan.eta_seconds) == ("backfill", "running", 64, 36.0)


async def test_the_earliest_wake_is_of_those_that_sleep(office):
    now = office.clock.now_ms()
    await job_as(office, "a", status=Status.SLEEPING, sleep_until_ms=now + 9_000)
    await job_as(office, "b", status=Status.SLEEPING, sleep_until_ms=now + 4_000)
    await job_as(office, "c", status=Status.FAULT, sleep_until_ms=now - 9_000)

    found = await overview(office.desk)

    assert found.earliest_wake_ms == now + 4_000
    assert {row.name: row.sleep_until_ms for row in found.rows} == {"a": now + 9_000, "b": now + 4_000, "c": None}


async def test_triggers_of_all_jobs_add_up(office):
    job, other = await job_as(office, "one"), await job_as(office, "two")

    def count(txn: Txn) -> None:
        for key in (job.key, other.key):
            txn.tally[key, "triggers.received"] += 10
            txn.tally[key, "triggers.applied"] += 6
            txn.tally[key, "triggers.ignored.not_newer"] += 2
            txn.tally[key, "triggers.ignored.change"] += 1
            txn.tally[key, "triggers.unreadable"] += 1
        txn.tally[0, "triggers.unreadable"] += 7

    await office.write(count)

    totals = (await overview(office.desk)).totals
    assert (totals.received, totals.applied, totals.ignored, totals.unreadable) == (20, 12, 6, 2)


@pytest.mark.parametrize(
    ("asked", "fields"),
    [({"show": "odd"}, ["show"]), ({"sort": "odd", "show": ""}, ["show", "sort"])],
)
async def test_what_there_is_not_is_refused_by_name(office, asked, fields):
    with pytest.raises(InvalidInput) as caught:
        await overview(office.desk, **asked)

    assert [problem.field for problem in caught.value.problems] == fields


async def test_more_jobs_make_no_more_statements_and_no_endless_page(office):
    engine = office.desk.database._engine
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    job = await job_as(office, "0", exits_held=True)
    asked.clear()
    await overview(office.desk)
    few = len(asked)

    def copy(txn: Txn) -> None:
        for number in range(1, MOST_ROWS + 10):
            add_job(txn, replace(job, id=f"copy{number}", name=str(number)))

    await office.write(copy)
    asked.clear()
    found = await overview(office.desk)

    assert len(asked) == few <= 10
    assert (len(found.rows), found.matching) == (MOST_ROWS, MOST_ROWS + 10)
