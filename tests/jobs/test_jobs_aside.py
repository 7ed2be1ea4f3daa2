"""Those set aside, by reason: every one counted once, and a retry owes exactly those of one reason."""

import pytest
from sqlalchemy import text

from tests.jobs.office import ANNA
from usher.domain.advice import GENERAL
from usher.domain.outcome import Accepted, Rejected
from usher.errors import Conflict, InvalidInput, NotFound
from usher.jobs import aside as jobs_aside
from usher.jobs.aside import MOST_GROUPS, retry_reason, set_aside
from usher.jobs.control import kill_job
from usher.store import aside, notes
from usher.store.database import Txn
from usher.store.members import member_row

GONE, INVALID = "Mapp answered 400: NO_SUCH_USER: no such user.", "Mapp answered 400: INVALID_PARAMETER: not valid."


async def reject(office, job, reason: str, *members: str) -> None:
    await office.see(job, *members)
    await office.send(job, Rejected(reason))
    office.clock.pass_ms(1_000)


async def owed(office, job, *members: str) -> list[str]:
    def work(txn: Txn) -> list[str]:
        rows = [member_row(txn, job.key, member) for member in members]
        return [row.member for row in rows if row is not None and row.due_at is not None]

    return await office.desk.database.read(work)


async def put_aside(office, job, reasons: list[str]) -> None:
    """Set one member aside for each of *reasons*, as of the same moment."""
    at = office.clock.now_ms()
    rows = [{"job": job.key, "member": f"p{n:05}", "at": at, "aside": one} for n, one in enumerate(reasons)]

    def work(txn: Txn) -> None:
        txn.conn.execute(
            text(
                "INSERT INTO ledger (job, member, is_in, version, aside, aside_at)"
                " VALUES (:job, :member, 1, 1, :aside, :at)"
            ),
            rows,
        )
        for name in ("members.total", "members.in", "members.aside"):
            txn.tally[job.key, name] += len(rows)

    await office.write(work)


async def test_they_are_grouped_by_reason_with_advice_the_largest_first(office):
    job = await office.make_job()
    began = office.clock.now_ms()
    await reject(office, job, GONE, "al")
    await reject(office, job, INVALID, "bo", "cy")
    await reject(office, job, INVALID, "di")
    await reject(office, job, "Mapp answered 418, no reason given.", "ed")

    found = await set_aside(office.desk, job.id)

    assert (found.total, found.looked_at, found.left_out, found.is_whole) == (5, 5, 0, True)
    assert (found.groups[0].reason, found.groups[0].count) == (INVALID, 3)
    assert {group.title for group in found.groups} == {
        "Mapp calls a value not valid",
        "Mapp does not know these people",
        GENERAL.title,
    }
    invalid = found.groups[0]
    assert began < invalid.since_ms < invalid.newest_ms < office.clock.now_ms()
    assert invalid.sample in {"bo", "cy", "di"}
    assert "bo" not in repr(found)


async def test_nobody_set_aside_is_no_group(office):
    job = await office.make_job()
    await office.see(job, "jo")
    await office.send(job, Accepted())

    found = await set_aside(office.desk, job.id)

    assert (found.total, found.looked_at, found.groups, found.is_whole) == (0, 0, [], True)


async def test_only_the_newest_are_looked_at_and_it_is_said(office, monkeypatch):
    monkeypatch.setattr(jobs_aside, "NEWEST", 3)
    job = await office.make_job()
    await reject(office, job, GONE, "al", "bo")
    await reject(office, job, INVALID, "cy", "di")

    found = await set_aside(office.desk, job.id)

    assert (found.total, found.looked_at, found.is_whole) == (4, 3, False)
    assert [(group.reason, group.count) for group in found.groups] == [(INVALID, 2), (GONE, 1)]


async def test_reasons_without_number_are_not_all_shown_but_all_counted(office):
    job = await office.make_job()
    await put_aside(office, job, [f"Mapp answered 400: request {n}." for n in range(MOST_GROUPS + 7)])

    found = await set_aside(office.desk, job.id)

    assert len(found.groups) == MOST_GROUPS
    assert sum(group.count for group in found.groups) + found.left_out == found.looked_at == MOST_GROUPS + 7


async def test_a_retry_owes_exactly_those_of_that_reason(office):
    job = await office.make_job()
    await reject(office, job, GONE, "al", "bo")
    await reject(office, job, INVALID, "cy")
    other = await office.make_job("other", mapp_attribute_name="other")
    await reject(office, other, GONE, "al")

    assert await retry_reason(office.desk, ANNA, job.id, GONE) == 2

    assert await owed(office, job, "al", "bo", "cy") == ["al", "bo"]
    assert await owed(office, other, "al") == []
    assert (await set_aside(office.desk, job.id)).total == 1
    assert await retry_reason(office.desk, ANNA, job.id, GONE) == 0


@pytest.mark.parametrize("spare", [-1, 0, 1])
async def test_everybody_of_a_reason_is_reached_piece_by_piece(office, monkeypatch, spare):
    monkeypatch.setattr(aside, "PIECE", 10)
    job = await office.make_job()
    reasons = [GONE if number % 3 else INVALID for number in range(30 + spare)]
    await put_aside(office, job, reasons)

    assert await retry_reason(office.desk, ANNA, job.id, GONE) == reasons.count(GONE)
    assert [(group.reason, group.count) for group in (await set_aside(office.desk, job.id)).groups] == [
        (INVALID, reasons.count(INVALID))
    ]


async def test_who_is_set_aside_after_a_retry_began_is_left_alone(office):
    job = await office.make_job()
    await put_aside(office, job, [GONE])
    until = office.clock.now_ms() - 1

    owed_now, following = await office.write(
        lambda txn: aside.owe_for_reason(txn, office.desk.statements, job.key, GONE, after=aside.START, until_ms=until)
    )

    assert (owed_now, following) == (0, None)


async def test_a_retry_is_audited_logged_and_wakes_the_engine(office):
    job = await office.make_job()
    await reject(office, job, GONE, "al", "bo")
    before = len(office.refreshed)

    await retry_reason(office.desk, ANNA, job.id, GONE)

    assert (await office.audit())[-1] == ("anna", "job.retry", job.id)
    (line, *_) = await office.desk.database.read(lambda txn: notes.logs_of(txn, job.key))
    assert (
        line.message == "anna had those retried who were set aside for one reason (2): Mapp does not know these people."
    )
    assert len(office.refreshed) == before + 1


async def test_a_retry_that_cannot_be_is_refused(office):
    job = await office.make_job()
    await reject(office, job, GONE, "al")
    with pytest.raises(InvalidInput):
        await retry_reason(office.desk, ANNA, job.id, "")
    with pytest.raises(NotFound):
        await retry_reason(office.desk, ANNA, "f" * 32, GONE)
    await kill_job(office.desk, ANNA, job.id)
    with pytest.raises(Conflict):
        await retry_reason(office.desk, ANNA, job.id, GONE)

    assert await owed(office, job, "al") == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_reading_and_retrying_walk_the_index_of_those_set_aside(office):
    def plan(statement, **values):
        return lambda txn: [row[3] for row in txn.conn.execute(text(f"EXPLAIN QUERY PLAN {statement.text}"), values)]

    reading = await office.desk.database.read(plan(aside.REASONS, job=1, newest=9))
    walking = await office.desk.database.read(plan(aside.NEXT_ASIDE, job=1, at=0, member="", until=9, piece=9))
    assert any("INDEX ledger_aside (job=?" in step for step in reading), reading
    assert any("INDEX ledger_aside (job=? AND (aside_at,member)>" in step for step in walking), walking
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in walking)


async def test_what_somebody_calls_a_reason_reaches_neither_log_nor_audit(office):
    job = await office.make_job()
    await retry_reason(office.desk, ANNA, job.id, "jo@example.com said so")
    lines = await office.desk.database.read(lambda txn: notes.logs_of(txn, job.key))
    trail = await office.desk.database.read(lambda txn: notes.page_of_audit(txn, before=None, limit=10))
    assert "jo@example.com" not in str(lines) + str(trail)
