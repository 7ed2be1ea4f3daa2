"""On PostgreSQL too the hot statements find their rows by key, in a ledger large enough for that to matter."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import TextClause, text

from tests.postgres import PostgresServer
from tests.store.stores import Store, open_postgres_store, run
from usher.store import brake, ledger, members, trials
from usher.store.statements import statements_for

SQL = statements_for("postgresql")
ROWS = msgspec.json.encode([[1, "jo", 5, 1, 1, 1]]).decode()
SEEN = msgspec.json.encode([["jo", 5]]).decode()
CHUNK = {"job": 1, "after": "p000009", "upto": "p000100", "now": 1}
BY_KEY, BY_RANGE = {"job = _", "member = _"}, {"job = _", "member > _", "member <= _"}
BY_DUE, OWED = {"job = _", "lane = _", "due_at <= _"}, {"job = _", "lane = _"}
# Four jobs of 20,000; of ten members of each, one is due, one is set aside, and eight are at rest.
FILL = """
    INSERT INTO ledger (job, member, is_in, version, due_at, lane, accepted, accepted_at, aside, aside_at)
    SELECT job, 'p' || lpad(n::text, 6, '0'), 1, n, CASE n % 10 WHEN 0 THEN n END, n % 20 / 10,
        CASE WHEN n % 10 > 1 THEN 1 END, CASE WHEN n % 10 > 1 THEN n END,
        CASE n % 10 WHEN 1 THEN 'gone' END, CASE n % 10 WHEN 1 THEN n END
    FROM generate_series(1, 4) AS job, generate_series(1, 20000) AS n
"""


@pytest.fixture(scope="module")
def large(postgres: PostgresServer) -> Iterator[Store]:
    url = postgres.fresh_database()
    store = open_postgres_store(url)
    store.write(lambda txn: txn.conn.execute(text(FILL)) and None)
    store.write(lambda txn: txn.conn.execute(text("ANALYZE ledger")) and None)
    yield store
    run(store.database.close())
    postgres.drop_database(url)


def conditions(plan: list[str]) -> list[set[str]]:
    """What each step that reads the ledger looks its rows up by; nothing where it reads them all."""
    found: list[set[str]] = []
    for line in plan:
        if re.search(r"Scan.* on ledger", line) and "Bitmap Heap" not in line:
            found.append(set())
        elif "Index Cond" in line and found:
            compared = re.findall(r"\((\w+) (=|<=|>=|<|>) ", line.replace("ledger.", ""))
            found[-1] |= {f"{column} {sign} _" for column, sign in compared}
    return found


@pytest.mark.parametrize(
    ("statement", "values", "wanted"),
    [
        (SQL.claim, {"job": 1, "lane": 0, "now": 5, "limit": 9, "token": 9}, [BY_DUE, BY_KEY]),
        (SQL.settle_accepted, {"rows": ROWS, "now": 1}, [BY_KEY]),
        (SQL.settle_aside, {"rows": ROWS, "now": 1}, [BY_KEY]),
        (SQL.settle_later, {"rows": ROWS, "now": 1}, [BY_KEY]),
        (SQL.resend, CHUNK, [BY_RANGE]),
        (SQL.retry, CHUNK, [BY_RANGE]),
        (SQL.resend_one, {"job": 1, "member": "jo", "now": 1}, [BY_KEY]),
        (SQL.leave, {**CHUNK, "version": 1}, [BY_RANGE]),
        (SQL.keep_found, {"job": 1, "rows": SEEN}, [BY_KEY]),
        (ledger.NEXT_DUE, {"job": 1, "lane": 0}, [OWED]),
        (ledger.CHUNK_END, {"job": 1, "after": "p", "offset": 9}, [{"job = _", "member > _"}]),
        (ledger.FORGET, {"job": 1, "upto": "p000009"}, [{"job = _", "member <= _"}]),
        (brake.WAITING, {"job": 1}, [OWED]),
        (trials.CLAIM_END, {"job": 1, "lane": 0, "now": 1, "until": 9}, [BY_DUE | {"due_at > _"}]),
        (members.ONE, {"job": 1, "member": "jo"}, [BY_KEY]),
        (members.BULK_OWED, {"job": 1}, [OWED]),
        (
            members.BEGINNING,
            {"job": 1, "beginning": "j", "end": "k", "limit": 8},
            [{"job = _", "member >= _", "member < _"}],
        ),
    ],
)
def test_a_hot_statement_reads_only_the_rows_it_needs(
    large: Store, statement: TextClause, values: dict[str, Any], wanted: list[set[str]]
) -> None:
    plan = [line for (line,) in large.fetch(f"EXPLAIN {statement.text}", **values)]

    assert conditions(plan) == wanted, plan


def test_a_plan_that_reads_every_row_is_seen(large: Store) -> None:
    plan = [line for (line,) in large.fetch("EXPLAIN SELECT SUM(version) FROM ledger WHERE job > 0")]

    assert conditions(plan) == [set()]
