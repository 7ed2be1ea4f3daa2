"""Works of one commit are done in one order in every process, so that no two of them wait for each other."""

import asyncio
import threading
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy import text

from tests.store.processes import SOMEBODY_WAITS, SOON, Process, processes, until
from tests.store.stores import a_job, seen
from tests.store.test_store_intake import share
from usher.clock import SystemClock
from usher.domain.intake import Intake
from usher.domain.job import Job
from usher.domain.observation import Source
from usher.store import jobs, ledger
from usher.store.database import Txn
from usher.store.intake import SqlIntake
from usher.store.statements import statements_for
from usher.store.turns import Placed, Turn, place_of

SQL = statements_for("postgresql")
AUTHS = ("lytics1", "lytics2")


def nothing(_: Txn) -> None:
    """Do nothing."""


def test_jobs_come_first_by_authorization_and_the_crew_last_and_others_stay_as_they_came() -> None:
    def other(_: Txn) -> None:
        """Do nothing else."""

    beat, lease = Placed(nothing, Turn.CREW), Placed(nothing, Turn.CREW, "house")
    first, its_job, second = (Placed(nothing, Turn.JOBS, about) for about in ("a", "a 1", "b"))
    came = [lease, other, second, its_job, nothing, beat, first]

    assert sorted(came, key=place_of) == [first, its_job, second, other, nothing, beat, lease]


async def test_the_works_of_a_commit_are_done_by_their_places_and_each_is_answered_its_own(postgres_url: str) -> None:
    done: list[str] = []

    def work(name: str) -> Any:
        return lambda _: done.append(name) or name

    async with processes() as start:
        process = start(postgres_url)
        asked = [Placed(work("beat"), Turn.CREW), work("row"), Placed(work("job"), Turn.JOBS, "a")]
        answers = await in_one_commit(process, *(process.write(one) for one in asked))

    assert done == ["job", "row", "beat"]
    assert answers == ["beat", "row", "job"]


async def in_one_commit(process: Process, *asking: Awaitable[Any]) -> list[Any]:
    """Let all that is asked wait until it makes one group."""
    gate, is_held = threading.Event(), threading.Event()

    def hold(_: Txn) -> None:
        is_held.set()
        assert gate.wait(SOON)

    holding = asyncio.ensure_future(process.write(hold))
    assert await asyncio.to_thread(is_held.wait, SOON)
    waiting = [asyncio.ensure_future(one) for one in asking]
    await asyncio.sleep(0)
    gate.set()
    return (await asyncio.gather(holding, *waiting))[1:]


class Meeting:
    """Where two processes wait until each of them has locked something, or one of them waits for the other's lock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._here: set[int] = set()
        self.runs = 0

    def come(self, process: Process) -> None:
        self._here.add(id(process))
        self.runs += 1
        clock = SystemClock()
        give_up_at = clock.monotonic() + SOON
        with psycopg.connect(self._url, autocommit=True) as conn:
            while len(self._here) < 2 and conn.execute(SOMEBODY_WAITS).fetchone() == (False,):
                assert clock.monotonic() < give_up_at


async def test_triggers_that_come_crosswise_to_two_processes_make_no_deadlock(postgres_url: str) -> None:
    meeting, before = Meeting(postgres_url), deadlocks(postgres_url)
    async with processes() as start:
        one, other = start(postgres_url), start(postgres_url)
        await one.write(add_jobs)
        await asyncio.gather(
            take_in_together(one, AUTHS, meeting),
            take_in_together(other, AUTHS[::-1], meeting),
        )

    assert meeting.runs == 4, "none was undone and done again"
    assert deadlocks(postgres_url) == before


async def test_rows_of_one_statement_are_locked_by_their_names_however_they_came(postgres_url: str) -> None:
    def observe(txn: Txn, version: int) -> None:
        came = [seen("b", True, version), seen("a", True, version)]
        ledger.observe(txn, SQL, 1, came, source=Source.TRIGGER)

    def hold_the_second(txn: Txn) -> list[str]:
        txn.conn.execute(text("SELECT 1 FROM ledger WHERE member = 'b' FOR UPDATE"))
        loop.call_soon_threadsafe(is_held.set)
        until(postgres_url, SOMEBODY_WAITS)
        free = text("SELECT member FROM ledger WHERE member = 'a' FOR UPDATE SKIP LOCKED")
        return list(txn.conn.execute(free).scalars())

    loop, is_held = asyncio.get_running_loop(), asyncio.Event()
    async with processes() as start:
        one, other = start(postgres_url), start(postgres_url)
        await one.write(lambda txn: observe(txn, 1))
        holding = asyncio.ensure_future(one.write(hold_the_second))
        await asyncio.wait_for(is_held.wait(), SOON)
        await other.write(lambda txn: observe(txn, 2))
        assert await holding == [], "whoever waits for the second has the first"


def add_jobs(txn: Txn) -> None:
    for auth_id in AUTHS:
        jobs.add_job(txn, replace(a_job(), id=f"job of {auth_id}", lytics_auth=auth_id))


async def take_in_together(process: Process, order: tuple[str, ...], meeting: Meeting) -> None:
    taken = share((seen("jo", True, 1),))

    def sort(found: list[Job], now_ms: int) -> Intake:
        meeting.come(process)
        return taken(found, now_ms)

    intake = SqlIntake(process.database, SQL)
    await in_one_commit(process, *(intake.take_in(auth_id, sort) for auth_id in order))


def deadlocks(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert found is not None
    return int(found[0])
