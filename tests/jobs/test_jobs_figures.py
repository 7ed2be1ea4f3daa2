"""What machines are shown of the service: true to the moment, and nothing that names a member."""

import pytest

from tests.jobs.office import ANNA
from usher.domain.job import Cause, Status
from usher.domain.observation import Source
from usher.domain.outcome import Accepted
from usher.domain.scan import ScanState
from usher.jobs.control import delete_job, kill_job
from usher.jobs.figures import EVENTS, MEMBERS, figures_of
from usher.store import scans


async def figures(office, job):
    (found,) = [one for one in (await figures_of(office.desk)).jobs if one.job.id == job.id]
    return found


async def test_a_new_job_shows_every_series_at_zero(office) -> None:
    found = await figures(office, await office.make_job())
    assert found.members == dict.fromkeys(MEMBERS, 0)
    assert found.events == dict.fromkeys(EVENTS, 0)
    assert found.overdue_seconds == {"live": 0, "bulk": 0}
    assert not found.needs_person


async def test_what_waits_is_told_by_lane_from_when_it_could_have_been_sent(office) -> None:
    job = await office.make_job()
    await office.see(job, "a@example.com")
    office.clock.pass_ms(40_000)
    await office.see(job, "b@example.com", source=Source.BACKFILL)
    office.clock.pass_ms(5_000)
    found = await figures(office, job)
    assert found.overdue_seconds == {"live": pytest.approx(45, abs=0.1), "bulk": pytest.approx(5, abs=0.1)}


async def test_what_is_being_sent_or_was_accepted_is_not_overdue(office) -> None:
    job = await office.make_job()
    await office.see(job, "a@example.com")
    office.clock.pass_ms(40_000)
    await office.send(job, Accepted())
    await office.see(job, "b@example.com")
    await office.claim(job)
    office.clock.pass_ms(30_000)
    assert (await figures(office, job)).overdue_seconds == {"live": 0, "bulk": 0}


async def test_a_job_that_has_ended_owes_nobody_any_more(office) -> None:
    job = await office.make_job()
    await office.see(job, "a@example.com")
    office.clock.pass_ms(40_000)
    await kill_job(office.desk, ANNA, job.id)
    assert (await figures(office, job)).overdue_seconds == {"live": 0, "bulk": 0}
    await delete_job(office.desk, ANNA, job.id)
    assert (await figures_of(office.desk)).jobs == []


@pytest.mark.parametrize(
    ("columns", "needs_person"),
    [
        ({"status": Status.FAULT, "cause": Cause.MAPP_CREDENTIALS}, True),
        ({"status": Status.FAILED}, True),
        ({"status": Status.SLEEPING}, False),
        ({"status": Status.PAUSED}, False),
        ({"exits_held": True}, True),
        ({"exits_held": True, "status": Status.PAUSED}, True),
        ({"exits_held": True, "status": Status.KILLED}, False),
    ],
    ids=["fault", "failed", "sleeping", "paused", "held", "held and paused", "held and killed"],
)
async def test_a_job_needs_a_person_as_the_dashboard_says(office, columns, needs_person) -> None:
    job = await office.put(await office.make_job(), **columns)
    assert (await figures(office, job)).needs_person is needs_person


async def test_a_scan_that_waits_for_a_decision_needs_a_person(office) -> None:
    job = await office.make_job()

    def hold(txn) -> None:
        scan = scans.start_scan(txn, job.key, kind="reconcile", definition="", expected=None)
        scans.end_scan(txn, scan.id, state=ScanState.HELD, leaving=900)

    await office.write(hold)
    assert (await figures(office, job)).needs_person
