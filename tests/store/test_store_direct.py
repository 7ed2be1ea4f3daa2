"""Statements that go around SQLAlchemy on SQLite behave as those that do not."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.store.stores import Store
from usher.store.database import Txn
from usher.store.direct import run, run_for_each

ADD = text("INSERT INTO counters (job, name, value) VALUES (:job, :name, :value)")
JO = "jo@example.org"


def counted(txn: Txn) -> list[tuple[object, ...]]:
    rows = run(txn.conn, text("SELECT name, value FROM counters WHERE job = :job ORDER BY name"), {"job": 9})
    return [tuple(row) for row in rows]


def test_rows_come_in_the_order_of_their_columns_and_what_returns_none_returns_none(store: Store) -> None:
    def work(txn: Txn) -> list[tuple[object, ...]]:
        assert not run(txn.conn, ADD, {"job": 9, "name": "a", "value": 1})
        run_for_each(txn.conn, ADD, [{"job": 9, "name": name, "value": 2} for name in "bc"])
        run_for_each(txn.conn, ADD, [])
        return counted(txn)

    assert store.write(work) == [("a", 1), ("b", 2), ("c", 2)]


@pytest.mark.parametrize("is_for_each", [False, True], ids=["one", "for each"])
def test_what_fails_is_the_databases_error_undoes_the_rest_and_names_nobody(store: Store, is_for_each: bool) -> None:
    told: list[str] = []

    def work(txn: Txn) -> None:
        row = {"job": 9, "name": JO, "value": 1}
        run(txn.conn, ADD, row)
        try:
            if is_for_each:
                run_for_each(txn.conn, ADD, [row])
            else:
                run(txn.conn, ADD, row)
        except DBAPIError as error:
            told.append(str(error))
            raise

    with pytest.raises(Exception, match="ask again"):
        store.write(work)
    assert told
    assert JO not in told[0]
    assert store.read(counted) == []
