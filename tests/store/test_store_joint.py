"""Works that are done for several at once: what waits together costs one call, and ends as if each came alone."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clocks import ManualClock
from tests.store.stores import Store, a_job, run, seen
from usher.domain.intake import Intake, JobIntake
from usher.domain.job import Job
from usher.store.database import Txn, Work
from usher.store.intake import MOST_MEMBERS_TOGETHER, Sort, SqlIntake
from usher.store.joint import Joint, do_all
from usher.store.opening import open_sqlite
from usher.store.turns import Placed, Turn

EVENTS = st.lists(
    st.tuples(st.sampled_from(["jo", "al", "bo", "cy"]), st.booleans(), st.integers(1, 4)), min_size=0, max_size=3
)
ROWS = "SELECT member, is_in, version, seq, due_at, lane, attempts FROM ledger WHERE job = :job ORDER BY member"
HISTORY = "SELECT member, kind, is_in, version, note FROM history WHERE job = :job ORDER BY id"
ONE_BY_ONE, TOGETHER = 1, 2


@dataclass
class Gathering:
    """A database that only keeps what it is told to write."""

    works: list[Work[Any]] = field(default_factory=list)

    async def write(self, work: Work[Any]) -> Any:
        self.works.append(work)


def sort_of(events: Sequence[tuple[str, bool, int]]) -> Sort:
    def sort(jobs: list[Job], _now_ms: int) -> Intake:
        return Intake(shares=tuple(JobIntake(job, tuple((seen(*event),) for event in events)) for job in jobs))

    return sort


def works_of(store: Store, auth_id: str, sorts: Sequence[Sort]) -> list[Work[Intake]]:
    gathering = Gathering()
    door = SqlIntake(gathering, store.sql)  # type: ignore[arg-type] - it only writes
    for sort in sorts:
        run(door.take_in(auth_id, sort))
    return gathering.works


def state_of(store: Store, job: int) -> tuple[Any, ...]:
    found = store.job(job)
    return (
        store.fetch(ROWS, job=job),
        store.fetch(HISTORY, job=job),
        {name: count for name, count in store.counters(job).items() if count},
        (found.exits_held, found.cause, found.first_trigger_ms, found.last_trigger_ms),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(EVENTS, min_size=1, max_size=8))
def test_messages_that_wait_together_end_as_if_one_came_after_the_other(
    store: Store, messages: list[list[tuple[str, bool, int]]]
) -> None:
    sorts = [sort_of(events) for events in messages]
    brake = a_job(exit_brake_people=1, exit_brake_percent=1.0).config
    alone = store.add_job(
        lytics_auth=f"alone{(number := store.fetch('SELECT COUNT(*) FROM jobs')[0][0])}", config=brake
    )
    beside = store.add_job(lytics_auth=f"beside{number}", config=brake)

    for work in works_of(store, alone.lytics_auth, sorts):
        store.write(work)
    told = store.write(lambda txn: do_all(txn, works_of(store, beside.lytics_auth, sorts)))

    assert state_of(store, beside.key) == state_of(store, alone.key)
    assert [sum(len(share.events) for share in intake.shares) for intake in told] == [len(one) for one in messages]
    store.assert_counted()


def test_people_are_taken_in_together_up_to_a_bound(store: Store) -> None:
    store.add_job()
    whole = sort_of([(f"p{number}", True, 1) for number in range(MOST_MEMBERS_TOGETHER)])
    sorts = [whole, sort_of([("jo", True, 1)])]
    statements: list[str] = []

    store.write(lambda txn: do_all(_counting(txn, statements), works_of(store, "lytics1", sorts)))

    assert sum("FROM jobs" in one for one in statements) == 2
    assert store.counters()["members.total"] == MOST_MEMBERS_TOGETHER + 1


def test_few_statements_take_in_many_messages(store: Store) -> None:
    store.add_job()
    one, many = (
        [sort_of([(f"{kind}{number}", True, 1)]) for number in range(count)] for kind, count in (("a", 1), ("b", 50))
    )
    used: list[int] = []
    for sorts in (one, many):
        statements: list[str] = []
        store.write(lambda txn, s=statements, m=sorts: do_all(_counting(txn, s), works_of(store, "lytics1", m)))
        used.append(len(statements))

    assert used[1] <= used[0]


def _counting(txn: Txn, statements: list[str]) -> Txn:
    real = txn.conn

    class Counting:
        def execute(self, statement: Any, *values: Any) -> Any:
            statements.append(str(statement))
            return real.execute(statement, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    txn.conn = Counting()  # type: ignore[assignment]
    return txn


def test_only_works_of_one_doing_and_one_place_are_done_in_one_call(store: Store) -> None:
    calls: list[tuple[str, list[int]]] = []

    def double(_: Txn, numbers: Sequence[int]) -> list[int]:
        calls.append(("double", list(numbers)))
        return [2 * number for number in numbers]

    def negate(_: Txn, numbers: Sequence[int]) -> list[int]:
        calls.append(("negate", list(numbers)))
        return [-number for number in numbers]

    here, there = (lambda work: Placed(work, Turn.JOBS, "a")), (lambda work: Placed(work, Turn.JOBS, "b"))
    works: list[Work[int]] = [
        here(Joint(double, 1)),
        here(Joint(double, 2)),
        there(Joint(double, 3)),
        Joint(negate, 4),
        lambda _: 5,
        Joint(negate, 6),
    ]

    assert store.write(lambda txn: do_all(txn, works)) == [2, 4, 6, -4, 5, -6]
    assert calls == [("double", [1, 2]), ("double", [3]), ("negate", [4]), ("negate", [6])]


async def test_one_that_fails_takes_nothing_with_it(tmp_path: Path) -> None:
    opened = open_sqlite(tmp_path, clock=ManualClock())
    is_free = threading.Event()

    def refuse_odd(_: Txn, numbers: Sequence[int]) -> list[int]:
        if any(number % 2 for number in numbers):
            raise ValueError("odd")
        return list(numbers)

    holding = asyncio.create_task(opened.database.write(lambda _: is_free.wait()))
    waiting = [asyncio.create_task(opened.database.write(Joint(refuse_odd, number))) for number in range(4)]
    await asyncio.sleep(0)
    is_free.set()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    await holding
    await opened.close()

    assert [type(one) for one in told] == [int, ValueError, int, ValueError]
    with pytest.raises(ValueError, match="odd"):
        raise next(one for one in told if isinstance(one, ValueError))
