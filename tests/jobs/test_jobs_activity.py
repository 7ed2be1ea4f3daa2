"""What happened to a job over time: no bucket is missing, and the parts add up to the whole."""

from itertools import pairwise

import pytest

from tests.jobs.office import ANNA
from usher.domain.observation import Source
from usher.domain.outcome import Accepted
from usher.errors import InvalidInput, NotFound
from usher.jobs.activity import SPANS, Figures, Point, activity_of
from usher.jobs.control import kill_job, pause_job


@pytest.mark.parametrize(("span", "count", "seconds"), [("hour", 60, 60), ("day", 96, 900), ("week", 168, 3600)])
async def test_every_bucket_is_there_and_they_follow_each_other(office, span, count, seconds):
    job = await office.make_job()

    found = await activity_of(office.desk, job.id, span=span)

    starts = [point.at for point in found.points]
    assert (found.span, found.seconds, len(starts)) == (span, seconds, count)
    assert [later - earlier for earlier, later in pairwise(starts)] == [seconds] * (count - 1)
    assert starts[-1] <= office.clock.now_ms() / 1000 < starts[-1] + seconds
    assert found.totals == Figures(0, 0, 0, 0, None, None)
    assert found.points == [Point(0, 0, 0, 0, None, None, at=at) for at in starts]


@pytest.mark.parametrize("span", SPANS)
async def test_the_buckets_add_up_to_the_totals(office, span):
    job = await office.make_job()
    for hour in range(3):
        await office.see(job, f"a{hour}", f"b{hour}")
        await office.see(job, f"a{hour}", is_in=False)
        await office.see(job, f"c{hour}", source=Source.BACKFILL)
        office.clock.pass_ms(2_000)
        await office.send(job, Accepted())
        office.clock.pass_ms(15 * 60_000)

    found = await activity_of(office.desk, job.id, span=span)

    for name in ("entered", "exited", "live", "bulk"):
        assert sum(getattr(point, name) for point in found.points) == getattr(found.totals, name)
    totals = found.totals
    assert (totals.entered, totals.exited, totals.live, totals.bulk) == (6, 3, 6, 3)
    assert totals.p50_ms is not None
    assert 2_003 / 1.5 <= totals.p50_ms <= totals.p99_ms <= 2_003 * 1.5
    assert all((point.p50_ms is None) == (point.live == 0) for point in found.points)


async def test_an_old_change_has_left_the_hour_but_not_the_day_or_the_week(office):
    job = await office.make_job()
    await office.see(job, "jo")
    for minutes, expected in ((59, (1, 1, 1)), (2, (0, 1, 1)), (24 * 60, (0, 0, 1)), (7 * 24 * 60, (0, 0, 0))):
        office.clock.pass_ms(minutes * 60_000)
        found = [(await activity_of(office.desk, job.id, span=span)).totals.entered for span in SPANS]
        assert tuple(found) == expected, minutes


async def test_another_job_s_changes_are_not_told(office):
    job, other = await office.make_job(), await office.make_job("other", mapp_attribute_name="other")
    await office.see(other, "jo")

    assert (await activity_of(office.desk, job.id)).totals.entered == 0


async def test_a_job_or_a_span_that_there_is_not_is_refused(office):
    job = await office.make_job()
    with pytest.raises(NotFound):
        await activity_of(office.desk, "f" * 32)
    with pytest.raises(InvalidInput) as caught:
        await activity_of(office.desk, job.id, span="year")

    assert [problem.field for problem in caught.value.problems] == ["span"]


@pytest.mark.parametrize("span", SPANS)
async def test_the_span_of_an_ended_job_ends_where_the_job_did(office, span):
    job = await office.make_job()
    await office.see(job, "jo")
    ended_ms = office.clock.now_ms()
    await kill_job(office.desk, ANNA, job.id)
    office.clock.pass_ms(3 * 3_600_000)

    found = await activity_of(office.desk, job.id, span=span)

    assert (found.span, found.ended_ms) == (span, ended_ms)
    assert found.points[-1].at <= ended_ms / 1000 < found.points[-1].at + found.seconds
    assert (found.points[-1].entered, found.totals.entered) == (1, 1)
    assert found.points[-1].at - found.points[0].at + found.seconds == {"hour": 3600, "day": 86_400}.get(span, 604_800)


async def test_what_came_after_the_end_is_no_part_of_the_span_before_it(office):
    job = await office.make_job()
    await office.see(job, "jo")
    await kill_job(office.desk, ANNA, job.id)
    office.clock.pass_ms(10 * 60_000)
    await office.see(job, "ann")

    found = await activity_of(office.desk, job.id)

    assert sum(point.entered for point in found.points) == found.totals.entered == 1


async def test_a_job_that_only_pauses_has_not_ended(office):
    job = await office.make_job()
    await pause_job(office.desk, ANNA, job.id)

    assert (await activity_of(office.desk, job.id)).ended_ms is None


@pytest.mark.parametrize(
    ("hours", "kept"),
    [(0, (True, True, True)), (23, (True, True, True)), (26, (False, True, True)), (24 * 29, (False, True, False))],
)
async def test_a_span_of_which_something_was_dropped_says_so(office, hours, kept):
    job = await office.make_job()
    await kill_job(office.desk, ANNA, job.id)
    office.clock.pass_ms(hours * 3_600_000)

    assert tuple([(await activity_of(office.desk, job.id, span=span)).is_kept for span in SPANS]) == kept
