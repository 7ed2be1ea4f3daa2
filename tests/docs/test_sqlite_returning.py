"""The fault of SQLite that docs/decisions/0003 tells of, and that our statements keep clear of it."""

import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import TextClause

from usher.store.statements import statements_for

SHOWN_ON = (3, 40)
SHAPES = {
    "first column may be null": "CREATE TABLE t (due_at INTEGER, member TEXT NOT NULL)",
    "first column may not be null": "CREATE TABLE t (member TEXT NOT NULL, due_at INTEGER)",
    "without row ids": "CREATE TABLE t (member TEXT PRIMARY KEY, due_at INTEGER) WITHOUT ROWID",
}
COLUMNS = re.compile(r"(?:[a-z]+\.)?[a-z_]+(?:, (?:[a-z]+\.)?[a-z_]+)*")
STATEMENTS = statements_for("sqlite")


def returned(shape: str, what: str) -> object:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(SHAPES[shape])
        conn.execute("INSERT INTO t (member, due_at) VALUES ('jo', 1)")
        return conn.execute(f"UPDATE t SET due_at = NULL RETURNING {what}").fetchone()[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bare_column_in_returning_is_what_was_stored(shape):
    assert returned(shape, "due_at") is None


@pytest.mark.skipif(sqlite3.sqlite_version_info[:2] != SHOWN_ON, reason="The fault is known of SQLite 3.40.")
@pytest.mark.parametrize(
    ("shape", "answer"),
    [("first column may be null", 1), ("first column may not be null", 0), ("without row ids", 0)],
)
def test_is_null_in_returning_takes_its_answer_from_the_first_column(shape, answer):
    assert returned(shape, "due_at IS NULL") == answer


@pytest.mark.parametrize("name", STATEMENTS.__slots__)
def test_our_statements_return_bare_columns_only(name):
    statement: TextClause = getattr(STATEMENTS, name)
    _, returning, answer = str(statement).partition("RETURNING")

    assert not returning or COLUMNS.fullmatch(" ".join(answer.split()))
