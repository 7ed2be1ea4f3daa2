"""Lists, progress, pages of members, logs, and what Lytics itself says."""

from dataclasses import asdict, replace

import pytest

from tests.jobs.fake_vendors import VIP
from tests.jobs.office import ANNA
from usher.domain.job import Status
from usher.domain.notes import LogEntry
from usher.domain.outcome import Accepted, Rejected
from usher.domain.scan import Scan
from usher.errors import InvalidInput, NotFound, RemoteMissing
from usher.jobs import looking, records
from usher.jobs.control import delete_job, kill_job
from usher.jobs.looking import JOBS, LOGS, JobFilters
from usher.jobs.progress import scan_progress
from usher.jobs.reading import read_fields, read_segment, read_segments
from usher.store import brake, members, scans
from usher.store.jobs import add_job
from usher.store.members import PAGE
from usher.store.notes import add_log


async def names(office, **filters) -> list[str]:
    return [job.name for job in (await looking.list_jobs(office.desk, JobFilters(**filters)))[0]]


async def test_a_list_shows_what_runs_and_more_when_asked(office):
    for status in (Status.RUNNABLE, Status.PAUSED, Status.FAULT, Status.COMPLETED, Status.FAILED):
        job = await office.make_job(status, mapp_attribute_name=status)
        await office.put(job, status=status)
    await kill_job(office.desk, ANNA, (await office.make_job("killed", mapp_attribute_name="k")).id)
    await delete_job(office.desk, ANNA, (await office.make_job("deleted", mapp_attribute_name="d")).id)

    usual = ["fault", "paused", "runnable"]
    assert await names(office) == usual
    assert await names(office, show_completed=True) == ["completed", *usual]
    assert await names(office, show_deleted=True) == ["deleted", *usual]
    assert await names(office, show_state=("killed", "failed")) == ["killed", "failed"]
    assert len(await names(office, show_all=True)) == 7
    assert await names(office, workflow="mapp-trigger-export") == usual
    assert await names(office, workflow="other") == []
    assert await names(office, auth_ids=(office.lytics,)) == usual
    assert await names(office, auth_ids=("nobody",)) == []


async def test_a_state_that_there_is_not_is_refused_by_name(office):
    with pytest.raises(InvalidInput) as caught:
        await names(office, show_state=("paused", "nonsense"))

    (problem,) = caught.value.problems
    assert problem.field == "show_state"
    assert "nonsense" in problem.problem


async def pages_of(look, *asked) -> list[list]:
    pages, cursor = [], None
    while not pages or cursor:
        page, cursor = await look(*asked, cursor)
        pages.append(page)
    return pages


@pytest.mark.parametrize("beyond", [0, 1, JOBS + 3])
async def test_jobs_are_paged_newest_first_without_gap_or_repetition(office, beyond):
    job = await office.make_job("0")
    count = JOBS + beyond

    def copy(txn) -> None:
        for number in range(1, count):
            add_job(txn, replace(job, id=f"copy{number}", name=str(number)))

    await office.write(copy)

    pages = await pages_of(looking.list_jobs, office.desk, JobFilters(auth_ids=(office.mapp,)))

    assert [job.name for page in pages for job in page] == [str(number) for number in reversed(range(count))]
    assert max(len(page) for page in pages) == JOBS
    assert all(pages)


async def test_a_log_is_paged_newest_first_without_gap_or_repetition(office):
    job, other = await office.make_job(), await office.make_job("Another", mapp_attribute_name="b")

    def write(txn) -> None:
        for number in range(LOGS + 5):
            add_log(txn, LogEntry(job.key, "info", str(number), ""))
            add_log(txn, LogEntry(other.key, "info", "another's", ""))

    await office.write(write)
    first, *_ = pages = await pages_of(looking.job_logs, office.desk, job.id)

    said = [entry.message for page in pages for entry in page]
    assert said[: LOGS + 5] == [str(number) for number in reversed(range(LOGS + 5))]
    assert "another's" not in said
    assert len(first) == LOGS


NUL_WITHIN = "WzEsImpvXHUwMDAwIl0"  # [1, "jo" and NUL], packed as ours are
TOO_LATE = "WzEyMDg5MjU4MTk2MTQ2MjkxNzQ3MDYxNzYsImpvIl0"  # [2 ** 80, "jo"]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "٣", NUL_WITHIN, TOO_LATE])
async def test_a_cursor_of_somebody_else_is_refused(office, cursor):
    job = await office.make_job()
    for look, asked in (
        (looking.list_jobs, (None,)),
        (looking.job_logs, (job.id,)),
        (records.page_of_unreadable, (ANNA,)),
        (records.page_of_audit, ()),
    ):
        with pytest.raises(InvalidInput) as caught:
            await look(office.desk, *asked, cursor)
        assert caught.value.problems[0].field == "cursor"


async def test_progress_has_exactly_the_published_fields(office):
    job = await office.make_job()
    await office.see(job, "jo@example.com", "ana@example.com", "bo@example.com")
    await office.see(job, "bo@example.com", is_in=False)
    await office.write(lambda txn: scans.start_scan(txn, job.key, kind="backfill", definition="d", expected=200))
    paced = office.with_desk(pace_of=lambda auth_id: (12.5, 4))

    progress = asdict(await looking.job_progress(paced.desk, job.id))

    scan = progress.pop("scan")
    assert progress == {
        "status": "runnable",
        "reason": "",
        "members": {"total": 3, "in": 2, "out": 1, "due": 3, "set_aside": 0, "held": 0},
        "sent": {"accepted": 0, "retried": 0, "rejected": 0, "unknown": 0},
        "triggers": {"received": 0, "applied": 0, "ignored": {}, "unreadable": 0},
        "pace": {"per_second": 12.5, "in_flight": 4},
        "hold": "",
    }
    published = {"kind", "state", "seen", "expected", "pages", "started", "finished", "eta_seconds"}
    assert set(scan) == published | {"without_identifier", "held"}


async def test_progress_counts_what_was_sent_and_ignored(office):
    job = await office.make_job()
    await office.see(job, "jo@example.com")
    await office.send(job, Accepted())
    await office.see(job, "ana@example.com")
    await office.send(job, Rejected("no such user"))

    def count(txn) -> None:
        txn.tally[job.key, "triggers.received"] += 3
        txn.tally[job.key, "triggers.applied"] += 2
        txn.tally[job.key, "triggers.ignored.not_newer"] += 1

    await office.write(count)
    progress = await looking.job_progress(office.desk, job.id)

    assert (progress.sent["accepted"], progress.sent["rejected"], progress.members["set_aside"]) == (1, 1, 1)
    assert progress.triggers == {"received": 3, "applied": 2, "ignored": {"not_newer": 1}, "unreadable": 0}
    assert progress.scan is None


def a_scan(**changes) -> Scan:
    values = {"id": 1, "job": 1, "kind": "backfill", "state": "running", "reason": "", "cursor": "", "definition": "d"}
    counts = {"seen": 60, "profiles": 50, "without_identifier": 0, "expected": 200, "pages": 1, "leaving": 0}
    return Scan(**{**values, **counts, "started_ms": 0, "finished_ms": None, **changes})


@pytest.mark.parametrize(
    ("changes", "eta"),
    [
        ({}, 30.0),
        ({"profiles": 300}, 0.0),
        ({"profiles": 0}, None),
        ({"expected": None}, None),
        ({"state": "completed"}, None),
        ({"started_ms": 10_000}, None),
    ],
)
def test_the_time_left_of_a_scan_follows_its_rate(changes, eta):
    assert scan_progress(a_scan(**changes), now_ms=10_000).eta_seconds == eta


def test_a_held_scan_has_read_everything_and_shows_who_waits():
    shown = scan_progress(a_scan(state="held", leaving=7), now_ms=1)

    assert (shown.state, shown.held) == ("completed", 7)
    assert scan_progress(a_scan(state="completed", leaving=7), now_ms=1).held == 0


async def held_both_ways(office):
    """A job in which three exits wait, and two people whom a held scan did not find."""
    job = await office.make_job()
    exits, missed = [f"x{n}@example.com" for n in range(3)], ["a@example.com", "b@example.com"]
    await office.see(job, *exits, *missed)
    await office.send(job, Accepted())
    office.clock.pass_ms(600_000)
    scan = await office.write(lambda txn: scans.start_scan(txn, job.key, kind="reconcile", definition="d", expected=10))
    await office.write(lambda txn: scans.end_scan(txn, scan.id, state="held", reason="2 of 5 would go", leaving=2))
    job = await office.put(job, exits_held=True)
    for member in exits:
        await office.see(job, member, is_in=False)
    await office.see(job, "new@example.com")
    return job, [*reversed(exits), *missed]


async def test_whoever_waits_for_a_decision_is_due_but_counted_apart(office):
    job, _ = await held_both_ways(office)

    progress = await looking.job_progress(office.desk, job.id)

    assert (progress.members["due"], progress.members["held"], progress.scan.held) == (4, 3, 2)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
async def test_everybody_held_is_on_one_page_exits_first(office, size):
    job, expected = await held_both_ways(office)
    found, cursor = [], None
    for _ in range(7):
        rows = await office.desk.database.read(
            lambda txn, cursor=cursor: members.page_of_held(
                txn,
                job.key,
                leaves_before=brake.leaves_before(txn, job.key, guard_seconds=120),
                before=cursor,
                limit=size,
            )
        )
        assert len(rows) <= size
        found += [row.member for _, row in rows]
        if len(rows) < size:
            break
        cursor = (rows[-1][0], rows[-1][1].member)

    assert found == expected
    lines, following = await looking.page_of_members(office.desk, job.id, "held")
    assert ([line.member for line in lines], {line.state for line in lines}, following) == (expected, {"held"}, None)


async def test_members_are_paged_newest_first_without_gap_or_repetition(office):
    job = await office.make_job()
    for number in range(PAGE + 5):
        await office.see(job, f"m{number:03}@example.com")

    first, cursor = await looking.page_of_members(office.desk, job.id, "due")
    second, end = await looking.page_of_members(office.desk, job.id, "due", cursor)

    members = [line.member for line in first + second]
    assert members == [f"m{number:03}@example.com" for number in reversed(range(PAGE + 5))]
    assert end is None
    assert first[0].wanted == "true"


@pytest.mark.parametrize("state", ["accepted", "set_aside", "confirmed", "held"])
async def test_states_without_members_have_empty_pages(office, state):
    job = await office.make_job()
    await office.see(job, "jo@example.com")

    assert await looking.page_of_members(office.desk, job.id, state) == ([], None)


@pytest.mark.parametrize(
    ("state", "cursor", "field"), [("odd", None, "state"), ("due", "%%%", "cursor"), ("due", "e30", "cursor")]
)
async def test_a_page_that_cannot_be_named_is_refused(office, state, cursor, field):
    job = await office.make_job()

    with pytest.raises(InvalidInput) as caught:
        await looking.page_of_members(office.desk, job.id, state, cursor)
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize("look", [looking.show_job, looking.job_progress, looking.job_logs, looking.page_of_members])
async def test_looking_at_an_unknown_job_says_so(office, look):
    with pytest.raises(NotFound):
        await look(office.desk, "nobody")


async def test_a_deleted_job_can_still_be_looked_at(office):
    job = await delete_job(office.desk, ANNA, (await office.make_job()).id)

    assert (await looking.show_job(office.desk, job.id)).job.status is Status.DELETED
    (newest, *_), _ = await looking.job_logs(office.desk, job.id)
    assert newest.message


async def test_lytics_own_words_are_passed_on_as_they_are(office):
    assert await read_segments(office.desk) == office.vendors.segments
    assert await read_segment(office.desk, "vip_buyers", office.lytics) == office.vendors.segments[0]
    assert (await read_segment(office.desk, VIP))["id"] == VIP
    assert await read_fields(office.desk) == office.vendors.fields
    with pytest.raises(RemoteMissing):
        await read_segment(office.desk, "nothing")


async def test_which_lytics_is_asked_must_be_clear(office, bare_office):
    await office.add_lytics()

    for auth_id in (None, office.mapp, "nobody"):
        with pytest.raises(InvalidInput) as caught:
            await read_segments(office.desk, auth_id)
        assert caught.value.problems[0].field == "auth_id"
