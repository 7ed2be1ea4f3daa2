"""What people ask of several processes at once: the rules of one process hold, and the loser gets the same words."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from tests.access.house import House
from tests.clocks import ManualClock
from tests.jobs.office import ANNA, office_on
from tests.store.processes import SOMEBODY_WAITS, SOON, Process, Start, processes, put, until
from usher.access.people import create_person, remove_person
from usher.access.roles import Actor, Role
from usher.access.tokens import create_token
from usher.errors import Conflict
from usher.jobs.creating import create_job
from usher.store.database import Txn
from usher.store.opening import OpenStore
from usher.store.statements import statements_for

SQL = statements_for("postgresql")
SOONER = 3  # seconds; less than a session may sit idle in a transaction before the server ends it
ROOT = Actor("root", Role.ADMIN)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start processes; they end with the test."""
    async with processes() as start_one:
        yield start_one


async def test_what_people_ask_for_is_done_one_at_a_time(start: Start, postgres_url: str) -> None:
    first, second = start(postgres_url, is_desk=True), start(postgres_url, is_desk=True)
    is_in = threading.Event()

    def claim_the_house(txn: Txn) -> bool:
        is_free = not txn.conn.execute(text("SELECT 1 FROM trials")).all()
        if not is_in.is_set():
            is_in.set()
            until(postgres_url, SOMEBODY_WAITS)
        if is_free:
            txn.conn.execute(text("INSERT INTO trials (place, until_ms) VALUES (:now, 0)"), {"now": str(txn.now_ms)})
        return is_free

    going = asyncio.ensure_future(first.write(claim_the_house))
    assert await asyncio.to_thread(is_in.wait, SOON)
    assert await second.write(claim_the_house) is False
    assert await going is True


async def test_a_worker_does_not_wait_for_what_people_ask(start: Start, postgres_url: str) -> None:
    desk, worker = start(postgres_url, is_desk=True), start(postgres_url)
    is_in, go_on = threading.Event(), threading.Event()

    def ask(_: Txn) -> bool:
        is_in.set()
        return go_on.wait(SOON)

    asking = asyncio.ensure_future(desk.write(ask))
    assert await asyncio.to_thread(is_in.wait, SOON)
    await asyncio.wait_for(worker.write(put("a")), SOONER)
    assert not asking.done()
    go_on.set()
    assert await asking


Outcome = tuple[list[Any], list[Conflict]]


async def both(one: Any, other: Any) -> Outcome:
    """Await both at once; return what was done, and what was refused."""
    answers = await asyncio.wait_for(asyncio.gather(one, other, return_exceptions=True), 3 * SOON)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    odd = [a for a in answers if isinstance(a, BaseException) and not isinstance(a, Conflict)]
    assert odd == []
    return [answer for answer in answers if not isinstance(answer, BaseException)], refused


def a_store(process: Process, desk: Process) -> OpenStore:
    return OpenStore(process.database, desk.database, SQL, desk.clock, "here", True, lambda: None)


async def test_of_two_who_create_the_same_job_at_once_one_is_told_of_the_other(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    stores = [a_store(start(postgres_url), start(postgres_url, is_desk=True)) for _ in range(2)]
    offices = [office_on(store, ManualClock()).with_desk(new_id=lambda: f"{next(numbers):032x}") for store in stores]
    offices[0].mapp, offices[0].lytics = await offices[0].add_mapp(), await offices[0].add_lytics()
    offices[1].mapp, offices[1].lytics = offices[0].mapp, offices[0].lytics

    for round_ in range(3):
        name = f"round{round_}"
        drafts = [office.draft(name=f"{name} by {n}", mapp_attribute_name=name) for n, office in enumerate(offices)]
        asked = [create_job(office.desk, ANNA, draft) for office, draft in zip(offices, drafts, strict=True)]
        made, refused = await both(*asked)

        assert (len(made), len(refused)) == (1, 1)
        assert made[0].job.name in str(refused[0]), "the same words that one process finds for it"


async def test_of_two_who_take_one_name_at_once_one_is_told_of_the_other(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    houses = [House(start(postgres_url, is_desk=True).database, ManualClock(), numbers=numbers) for _ in range(2)]
    for round_ in range(5):
        name = f"anna{round_}"
        for ask in (partial(create_person, name=name, role="viewer"), partial(create_token, name=name, role="viewer")):
            made, refused = await both(*(ask(house, ROOT) for house in houses))
            assert (len(made), len(refused)) == (1, 1)
            assert name in str(refused[0])


async def test_the_last_two_admins_cannot_remove_each_other_at_once(start: Start, postgres_url: str) -> None:
    numbers = count(1)
    houses = [House(start(postgres_url, is_desk=True).database, ManualClock(), numbers=numbers) for _ in range(2)]
    await houses[0].first_admin("Anna")
    await houses[0].add("Bea", Role.ADMIN)

    done, refused = await both(
        remove_person(houses[0], Actor("Anna", Role.ADMIN), name="Bea"),
        remove_person(houses[1], Actor("Bea", Role.ADMIN), name="Anna"),
    )
    assert (len(done), len(refused)) == (1, 1)
    assert "admin" in str(refused[0])
