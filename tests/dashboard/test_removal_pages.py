"""The page at the removal brake: what it says, who may decide, and that nobody decides more than they saw."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dashboard.settled import settle
from tests.dashboard.visiting import House, Page
from usher.access.roles import Role
from usher.domain.job import Cause, Status
from usher.domain.outcome import Accepted
from usher.store import scans
from usher.store.database import Txn
from usher.store.jobs import change_job, job_by_id

HOLD = re.compile(r'name="hold" value="([^"]*)"')
PEOPLE = [f"person{n:02}@example.com" for n in range(12)]


@dataclass
class Braked:
    """A job whose exits the brake holds: two of ten had gone, three more wait."""

    house: House
    job: str

    @property
    def path(self) -> str:
        return f"/jobs/{self.job}/removals"

    async def leaves(self, *members: str, at: str = "2026-11-20T10:20:00Z") -> None:
        await self.house.running.trigger([left(self.house, one, at) for one in members])

    async def page(self, role: Role = Role.OPERATOR) -> Page:
        return await (await self.house.visitor(role)).get(self.path)

    async def hold(self) -> str:
        return HOLD.findall((await self.page()).text)[0]

    async def decide(self, way: str, **fields: str) -> Page:
        """Press a button of the page as it is now, with *fields* changed."""
        sent = {"hold": await self.hold(), "count": "3"} | fields
        return await (await self.house.visitor(Role.OPERATOR)).post(f"{self.path}/{way}", sent)

    async def write(self, work: Any) -> Any:
        return await self.house.running.deps.desk.database.write(work)

    async def waiting(self) -> int:
        found = await self.house.running.ask("GET", f"/v2/job/{self.job}/members?state=held")
        return len(found.data)


def left(house: House, member: str, at: str) -> dict[str, Any]:
    event = house.running.event(member, is_in=False)
    event["data"]["segment_events"][0]["exit"] = at
    return event


@pytest.fixture
async def braked(house: House) -> Braked:
    job = (await house.running.create_job(exit_brake_people=2, exit_brake_percent=20))["id"]
    found = Braked(house, job)
    await house.running.trigger([house.running.event(one) for one in PEOPLE])
    await found.leaves(*PEOPLE[:3])
    return found


async def test_the_page_says_how_many_of_how_many_why_it_stopped_and_who(braked: Braked) -> None:
    page = await braked.page()
    assert "3 people would be set to false" in page.words
    assert "3 of 12 people left VIP shoppers: none told yet, 3 wait." in page.words
    assert "It asks where more than 2 people, and more than 20 %, leave within 15 minutes." in page.words
    assert "Left the audience 3 of 12 inside Already told 0" in page.words
    assert PEOPLE[0] in page.words
    assert f'href="/jobs/{braked.job}/people?state=held"' in page.text


async def test_those_told_and_those_who_wait_add_up_to_those_who_left(house: House) -> None:
    job = (await house.running.create_job(exit_brake_people=2, exit_brake_percent=20))["id"]
    found = Braked(house, job)
    await house.running.trigger([house.running.event(one) for one in PEOPLE])
    await settle(house, job, Accepted())
    await found.leaves(*PEOPLE[:2])
    await settle(house, job, Accepted())
    await found.leaves(*PEOPLE[2:7])
    words = (await found.page()).words
    assert "7 of 12 people left VIP shoppers: 2 already told, 5 wait." in words
    assert "Left the audience 7 of 12 inside Already told 2" in words
    assert "Waiting 5" in words
    assert "5 people would be set to false" in words


async def test_both_ways_on_name_their_consequence(braked: Braked) -> None:
    words = (await braked.page()).words
    assert "The 3 who left stay true, and Mapp is told so once more." in words
    assert "Set 3 to false" in words
    assert "they turn true when they are in it again" in words


async def test_confirming_sets_them_free_leads_to_the_job_and_says_so(braked: Braked) -> None:
    sent = await braked.decide("confirm")
    assert (sent.status, sent.leads_to) == (303, f"/jobs/{braked.job}")
    assert sent.said
    assert await braked.waiting() == 0
    assert "Nobody waits for a decision" in (await braked.page()).words


async def test_keeping_leads_to_the_job_and_owes_them_true(braked: Braked) -> None:
    sent = await braked.decide("discard")
    assert (sent.status, sent.leads_to) == (303, f"/jobs/{braked.job}")
    kept = await braked.house.running.ask("GET", f"/v2/job/{braked.job}/members/{PEOPLE[0]}")
    assert kept.data["wanted"] == "true"


@pytest.mark.parametrize("count", ["3", "", "-1", "9" * 400], ids=["fewer", "blank", "negative", "endless"])
async def test_nobody_sets_more_people_to_false_than_the_page_had_named(braked: Braked, count: str) -> None:
    await braked.leaves(PEOPLE[3])
    again = await braked.decide("confirm", count=count)
    assert again.status == 409
    assert "4 people wait by now" in again.words
    assert "Set 4 to false" in again.words
    assert await braked.waiting() == 4


async def test_who_returned_meanwhile_is_no_reason_to_ask_again(braked: Braked) -> None:
    sent = await braked.decide("confirm", count="9")
    assert sent.status == 303


async def test_a_decision_that_was_taken_already_is_told_in_place(braked: Braked) -> None:
    hold = await braked.hold()
    await braked.decide("discard", hold=hold)
    again = await (await braked.house.visitor()).post(braked.path + "/discard", {"hold": hold})
    assert again.status == 409
    assert "Nobody is held back in this job." in again.words
    assert "Nobody waits for a decision" in again.words


@pytest.mark.parametrize("way", ["confirm", "discard"])
async def test_a_button_of_an_old_page_decides_for_nobody_who_was_held_later(braked: Braked, way: str) -> None:
    old = await braked.hold()
    await braked.decide("discard")
    await braked.leaves(*PEOPLE[6:9], at="2030-01-01T00:00:00Z")
    again = await braked.decide(way, hold=old)
    assert again.status == 409
    assert "What was held back then is not what is held back now." in again.words
    assert await braked.waiting() == 3
    assert (await braked.decide(way)).status == 303
    assert await braked.waiting() == 0


@pytest.mark.parametrize("way", ["confirm", "discard"])
async def test_a_form_that_names_no_hold_decides_nothing(braked: Braked, way: str) -> None:
    assert (await braked.decide(way, hold="")).status == 409
    assert await braked.waiting() == 3


async def test_viewers_see_masked_names_and_who_may_decide(braked: Braked) -> None:
    visitor = await braked.house.visitor(Role.VIEWER)
    page = await visitor.get(braked.path)
    assert PEOPLE[0] not in page.text
    assert "p***@e***.com" in page.words
    assert "Operators and administrators may decide." in page.words
    for way in ("confirm", "discard"):
        assert (await visitor.post(f"{braked.path}/{way}", {"count": "3"})).status == 403
    assert await braked.waiting() == 3


async def test_a_scan_that_did_not_find_many_is_told_with_its_own_limits(braked: Braked) -> None:
    def work(txn: Txn) -> None:
        key = job_by_id(txn, braked.job).key
        scan = scans.start_scan(txn, key, kind="reconcile", definition="d", expected=9)
        scans.change_scan(txn, scan.id, seen=3, pages=2)
        scans.end_scan(txn, scan.id, state="held", reason="7 would go", leaving=7)
        change_job(txn, key, exits_held=False, status=Status.FAULT, cause=Cause.REMOVALS)

    await braked.write(work)
    words = (await braked.page()).words
    assert "7 people would be set to false" in words
    assert "A complete comparison did not find 7 of 9 people in VIP shoppers." in words
    assert "asks above 20 % and 2 people" in words  # its own, where lower than the usual 500
    assert "2 pages read, to the end" in words
    assert "Left within" not in words


async def test_a_job_without_anybody_held_says_so(braked: Braked) -> None:
    other = (await braked.house.running.create_job(mapp_attribute_name="other"))["id"]
    page = await (await braked.house.visitor()).get(f"/jobs/{other}/removals")
    assert "Nobody waits for a decision" in page.words
    assert "to false" not in page.words


async def test_the_count_is_live(braked: Braked) -> None:
    visitor = await braked.house.visitor()
    parts = await visitor.live(f"/live{braked.path}", "held")
    assert "3 people would be set to false" in parts["held"]
    assert 'name="count" value="3"' in parts["held"]
