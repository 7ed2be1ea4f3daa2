"""Every hot statement names a job, and what is done for one person names the member: a ledger could be divided so."""

import re
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from sqlalchemy import text

from tests.docs.pages import ROOT, text_of
from tests.postgres import PostgresServer
from tests.store.stores import Store, open_postgres_store, run
from tests.store.test_postgres_plans import CHUNK, FILL, ROWS, SEEN
from usher.store.statements import Statements, statements_for

PAGE = ROOT / "docs" / "explain" / "capacity.md"
ONE_ROW, A_RANGE, A_JOB = "(job, member)", "job, a range of members", "job"
NAMED = {
    "observe": ONE_ROW,
    "keep_found": ONE_ROW,
    "claim": A_JOB,
    "settle_accepted": ONE_ROW,
    "settle_aside": ONE_ROW,
    "settle_later": ONE_ROW,
    "resend": A_RANGE,
    "resend_one": ONE_ROW,
    "retry": A_RANGE,
    "leave": A_RANGE,
}
DIVIDED = """
    ALTER TABLE ledger RENAME TO whole;
    CREATE TABLE ledger (LIKE whole INCLUDING DEFAULTS INCLUDING INDEXES) PARTITION BY LIST (job);
    CREATE TABLE ledger_1 PARTITION OF ledger FOR VALUES IN (1);
    CREATE TABLE ledger_2 PARTITION OF ledger FOR VALUES IN (2);
    CREATE TABLE ledger_3 PARTITION OF ledger FOR VALUES IN (3);
    CREATE TABLE ledger_4 PARTITION OF ledger FOR VALUES IN (4)
"""
SETTLED = {"rows": ROWS, "now": 1}
VALUES = {
    "observe": {"job": 1, "rows": '[["jo", 1, 5, 0]]', "now": 1, "owed_at": 1, "tells_untold": 1},
    "keep_found": {"job": 1, "rows": SEEN},
    "claim": {"job": 1, "lane": 0, "now": 5, "limit": 9, "token": 9},
    "settle_accepted": SETTLED,
    "settle_aside": SETTLED,
    "settle_later": SETTLED,
    "resend": CHUNK,
    "retry": CHUNK,
    "resend_one": {"job": 1, "member": "jo", "now": 1},
    "leave": {**CHUNK, "version": 1},
}


def sql_of(statements: Statements) -> dict[str, str]:
    return {name: " ".join(str(statement).split()) for name, statement in asdict(statements).items()}


def named_by(sql: str) -> str:
    """What *sql* finds rows of the ledger by."""
    if "ON CONFLICT (job, member)" in sql:
        return ONE_ROW
    found_by = sql.replace("ledger.member = pick.member", "")
    if not re.search(r"\bjob = (:job|s\.job)", found_by):
        return "nothing"
    if re.search(r"ledger\.member = (:member|s\.member|CAST\()", found_by):
        return ONE_ROW
    return A_RANGE if "ledger.member > :after" in found_by else A_JOB


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_hot_statement_names_a_job_and_what_is_done_for_one_person_the_member(dialect: str) -> None:
    assert {name: named_by(sql) for name, sql in sql_of(statements_for(dialect)).items()} == NAMED


def test_a_statement_that_names_no_job_would_be_seen() -> None:
    assert named_by("UPDATE ledger SET lane = 0 WHERE due_at > 1") == "nothing"
    assert named_by("UPDATE ledger SET lane = 0 WHERE ledger.job = :job") == A_JOB


def test_the_page_on_capacity_says_of_each_what_it_is() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text_of(PAGE), re.MULTILINE))

    assert told == NAMED


@pytest.fixture(scope="module")
def divided(postgres: PostgresServer) -> Iterator[Store]:
    url = postgres.fresh_database()
    store = open_postgres_store(url)
    for statement in (*DIVIDED.split(";"), FILL, "ANALYZE ledger"):
        store.write(lambda txn, statement=statement: txn.conn.execute(text(statement)) and None)
    yield store
    run(store.database.close())
    postgres.drop_database(url)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_of_a_ledger_divided_by_job_a_hot_statement_reads_one_part(divided: Store, name: str) -> None:
    sql = sql_of(statements_for("postgresql"))[name]
    plan = [line for (line,) in divided.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}", **VALUES[name])]

    read = {
        part for line in plan if "never executed" not in line for part in re.findall(r"Scan.* on (ledger_\d)", line)
    }
    assert read <= {"ledger_1"}, plan
    assert read or name == "observe", plan
