"""One person in every job: found by the exact identifier, never by a search through everybody."""

import pytest

from tests.jobs.fake_vendors import OTHER
from tests.jobs.office import ANNA, Office
from usher.domain.job import Status
from usher.domain.outcome import Accepted
from usher.jobs.control import delete_job, kill_job
from usher.jobs.finding import MOST_NEAR, Found, find_member

JO = "jo@example.com"


async def found(office: Office, text: str, *, may_see_people: bool = True) -> Found:
    return await find_member(office.desk, text, may_see_people=may_see_people)


async def test_a_person_is_shown_in_every_job_that_knows_them_newest_first(office):
    first = await office.make_job("First")
    second = await office.make_job("Second", segment_id=OTHER, mapp_attribute_name="b", group_id="2324000001")
    await office.see(first, JO)
    await office.send(first, Accepted())
    await office.see(second, JO, is_in=False)
    await office.make_job("Third", segment_id=OTHER, mapp_attribute_name="c")

    rows = (await found(office, JO)).rows

    assert [(row.job_id, row.job_name, row.attribute_key) for row in rows] == [
        (second.id, "Second", "b"),
        (first.id, "First", "vip_buyers"),
    ]
    assert [(row.line.wanted, row.line.state) for row in rows] == [("false", "due"), ("true", "accepted")]
    assert (rows[0].audience_name, rows[0].group_id, rows[0].status) == ("Lapsed", "2324000001", Status.RUNNABLE)


async def test_each_job_is_asked_for_the_person_as_it_names_them(office):
    exact = await office.make_job("Exact")
    lower = await office.make_job("Lower", mapp_attribute_name="b", lowercase_identifiers=True)
    await office.see(exact, "Jo@Example.com")
    await office.see(lower, JO)

    assert [row.job_name for row in (await found(office, " Jo@Example.com\n")).rows] == ["Lower", "Exact"]
    assert [row.job_name for row in (await found(office, "JO@EXAMPLE.COM")).rows] == ["Lower"]


async def test_an_address_is_looked_up_in_lower_case_too_and_named_as_the_job_names_it(office):
    job = await office.make_job()
    await office.see(job, JO)

    (row,) = (await found(office, " Jo@Example.COM ")).rows
    assert row.line.member == JO
    assert len((await found(office, JO)).rows) == 1  # one spelling, one look

    await office.see(job, "Jo@Example.COM")
    assert [row.line.member for row in (await found(office, "Jo@Example.COM")).rows] == ["Jo@Example.COM", JO]


async def test_what_is_no_address_is_looked_up_as_typed_alone(office):
    await office.see(await office.make_job(), "abc1", "jo.other@example.com")

    assert (await found(office, "ABC1")).rows == []
    assert (await found(office, "ABC")).near == []
    assert (await found(office, "Jo.Other@EX")).near == ["jo.other@example.com"]


async def test_ended_jobs_are_looked_at_and_deleted_ones_are_not(office):
    killed, deleted = await office.make_job("Killed"), await office.make_job("Deleted", mapp_attribute_name="b")
    for job in (killed, deleted):
        await office.see(job, JO)
    await kill_job(office.desk, ANNA, killed.id)
    await delete_job(office.desk, ANNA, deleted.id)

    assert [row.job_name for row in (await found(office, JO)).rows] == ["Killed"]
    assert (await found(office, "jo@")).near == [JO]


async def test_where_nobody_is_found_those_are_named_that_begin_so_and_no_more_than_a_few(office):
    job, other = await office.make_job(), await office.make_job("B", mapp_attribute_name="b")
    people = [f"jo{number:02}@example.com" for number in range(20)]
    await office.see(job, *people[:15], "ana@example.com", "jp@example.com", "Jo@example.com")
    await office.see(other, *people[5:])

    seen = await found(office, "jo")

    assert (seen.rows, seen.near) == ([], people[:MOST_NEAR])
    assert (await found(office, people[3])).near == []


@pytest.mark.parametrize("text", ["%", "_", "jo%", "", "   ", "\x00", "x" * 5_000, "\ud800", "zz", "*"])
async def test_whatever_was_typed_is_an_identifier_and_no_pattern(office, text):
    await office.see(await office.make_job(), JO)

    seen = await found(office, text)

    assert (seen.asked, seen.rows, seen.near) == (text, [], [])


async def test_who_may_not_see_people_is_told_of_nobody_who_was_not_asked_for(office):
    await office.see(await office.make_job(), JO)

    assert (await found(office, "jo", may_see_people=False)).near == []
    assert len((await found(office, JO, may_see_people=False)).rows) == 1


async def test_nobody_is_named_where_it_could_be_logged(office):
    await office.see(await office.make_job(), JO)

    assert "jo@" not in repr(await found(office, JO)) + repr(await found(office, "jo"))
