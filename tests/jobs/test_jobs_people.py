"""Which people and lines of the log a job's pages are given: of one reason, of some levels, a page at a time."""

from dataclasses import dataclass

import pytest

from tests.jobs.office import ANNA, Office
from usher.domain.job import Job
from usher.domain.notes import LogEntry
from usher.domain.observation import Source
from usher.domain.outcome import Accepted, Rejected
from usher.errors import InvalidInput, NotFound
from usher.jobs import looking
from usher.jobs.control import resend_job
from usher.jobs.saying import say
from usher.jobs.standing import standing_of
from usher.store import members
from usher.store.notes import add_log


async def everybody(office, job, reason: str) -> tuple[list[str], int]:
    """Return who was set aside for *reason*, page by page, and how many pages that took."""
    found, cursor, pages = [], None, 0
    while cursor or not pages:
        lines, cursor = await looking.page_of_members(office.desk, job.id, "set_aside", cursor, reason=reason)
        found += [line.member for line in lines]
        pages += 1
        assert pages < 50
    return found, pages


async def reject(office, job, reason: str, *names: str) -> None:
    await office.see(job, *names)
    await office.send(job, Rejected(reason))


async def test_one_reason_leads_to_all_its_people_once_newest_first(office):
    job = await office.make_job()
    for number in range(6):
        await reject(office, job, "odd" if number % 2 else "even", f"m{number}")
    assert (await everybody(office, job, "even"))[0] == ["m4", "m2", "m0"]
    assert (await everybody(office, job, "nothing"))[0] == []


async def test_a_rare_reason_is_found_although_only_so_many_are_looked_at_in_one_go(office, monkeypatch):
    monkeypatch.setattr(members, "LOOKED_AT", 3)
    job = await office.make_job()
    await reject(office, job, "rare", "old1", "old2")
    await reject(office, job, "usual", *(f"m{number}" for number in range(9)))
    await reject(office, job, "rare", "new")
    found, pages = await everybody(office, job, "rare")
    assert found == ["new", "old1", "old2"]
    assert pages > 1


async def test_full_pages_of_one_reason_go_on_where_they_ended(office):
    job = await office.make_job()
    names = [f"m{number:03d}" for number in range(members.PAGE + 20)]
    for at in range(0, len(names), 60):
        await reject(office, job, "same", *names[at : at + 60])
    found, pages = await everybody(office, job, "same")
    assert (sorted(found), len(found), pages) == (names, len(names), 2)


async def test_a_log_can_be_read_by_level_and_in_small_pages(office):
    job = await office.make_job()
    for number in range(9):
        level = ("info", "warn", "error")[number % 3]
        entry = LogEntry(job.key, level, f"Line {number}.", "")
        await office.write(lambda txn, entry=entry: add_log(txn, entry))
    first, cursor = await looking.job_logs(office.desk, job.id, levels=("warn", "error"), size=4)
    assert [entry.message for entry in first] == ["Line 8.", "Line 7.", "Line 5.", "Line 4."]
    rest, _ = await looking.job_logs(office.desk, job.id, cursor, levels=("warn", "error"), size=4)
    assert [entry.message for entry in rest][:2] == ["Line 2.", "Line 1."]
    with pytest.raises(InvalidInput):
        await looking.job_logs(office.desk, job.id, "x")


async def test_how_a_job_stands_is_read_together(office):
    job = await office.make_job(withbackfill=True)
    await office.see(job, "jo", "max")
    live = await standing_of(office.desk, job.id)
    assert (live.waiting, live.is_bulk_owed, live.backfill) == (2, False, None)
    await office.send(job, Accepted())
    now = await standing_of(office.desk, job.id)
    assert (now.progress.members["total"], now.waiting, now.is_bulk_owed, now.sweeps) == (2, 0, False, frozenset())
    assert (now.label_of_mapp, now.label_of_lytics) == ("Our Mapp", "Our Lytics")
    assert now.log[-1].message == "Created by anna."
    assert (now.since_ms, now.scan_began_ms) == (None, None)
    await resend_job(office.desk, ANNA, job.id)
    assert (await standing_of(office.desk, job.id)).sweeps == {"resend"}
    await office.sweep()
    again = await standing_of(office.desk, job.id)
    assert (again.is_bulk_owed, again.waiting, again.sweeps) == (True, 2, frozenset())
    assert again.backfill is not None
    assert (again.backfill.expected, again.backfill.accepted) == (2, 0)


@pytest.mark.parametrize("reads", [1, 2])
async def test_who_waits_and_for_what_are_of_one_moment(office, reads):
    job = await office.make_job(withbackfill=True)
    await office.see(job, "jo", "max", source=Source.BACKFILL)
    busy = Overtaken(office, job, reads=reads)
    now = await standing_of(office.with_desk(database=busy).desk, job.id)
    assert busy.reads < 1, "everybody was told between the reads"
    assert now.is_bulk_owed == (now.waiting > 0)
    assert "Sending changes as they come" not in say(now).text


@dataclass
class Overtaken:
    """A database in which Mapp takes everybody right after so many *reads*."""

    office: Office
    job: Job
    reads: int

    async def read(self, work):
        found = await self.office.store.database.read(work)
        self.reads -= 1
        if not self.reads:
            await self.office.send(self.job, Accepted())
        return found


async def test_the_walks_of_another_job_are_not_told_of(office):
    job, other = await office.make_job(), await office.make_job(mapp_attribute_name="other")
    await office.see(other, "jo")
    await resend_job(office.desk, ANNA, other.id)
    assert (await standing_of(office.desk, job.id)).sweeps == frozenset()
    await office.sweep()
    assert not (await standing_of(office.desk, job.id)).is_bulk_owed


async def test_a_job_that_there_is_not_stands_nowhere(office):
    with pytest.raises(NotFound):
        await standing_of(office.desk, "nothing")
