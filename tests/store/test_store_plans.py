"""On SQLite the hot statements find their rows by key: none of them reads the ledger from end to end."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import TextClause, text

from tests.store.stores import Store, all_in, names
from usher.store import brake, ledger, members, trials
from usher.store.ledger import NEXT_DUE
from usher.store.statements import statements_for

SQL = statements_for("sqlite")
ROWS = msgspec.json.encode([[1, "jo", 5, 1, 1, 1]]).decode()
SEEN = msgspec.json.encode([["jo", 1, 5, 0]]).decode()
BY_KEY = "SEARCH ledger USING PRIMARY KEY (job=? AND member=?)"
BY_RANGE = "SEARCH ledger USING PRIMARY KEY (job=? AND member>?)"
BY_BEGINNING = "SEARCH ledger USING PRIMARY KEY (job=? AND member>? AND member<?)"
BY_DUE = "SEARCH ledger USING COVERING INDEX ledger_due (job=? AND lane=? AND due_at<?)"
BETWEEN_DUE = "SEARCH ledger USING COVERING INDEX ledger_due (job=? AND lane=? AND due_at>? AND due_at<?)"
OWED = "SEARCH ledger USING COVERING INDEX ledger_due (job=? AND lane=? AND due_at>?)"
BY_ACCEPTED = "SEARCH ledger USING INDEX ledger_accepted (job=? AND accepted_at>?)"
ON_SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
CHUNK = {"job": 1, "after": "", "upto": "m", "now": 1}


def plan(store: Store, statement: TextClause, values: dict[str, Any]) -> list[str]:
    return [row[3] for row in store.fetch(f"EXPLAIN QUERY PLAN {statement.text}", **values)]


@pytest.mark.parametrize(
    ("statement", "values", "steps"),
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
        (NEXT_DUE, {"job": 1, "lane": 0}, [OWED]),
        (ledger.ANY_DUE, {"job": 1, "lane": 0, "known": 1}, [OWED.replace("COVERING ", "")]),
        (ledger.CHUNK_END, {"job": 1, "after": "", "offset": 9}, [BY_RANGE]),
        (brake.WAITING, {"job": 1}, [OWED]),
        (trials.CLAIM_END, {"job": 1, "lane": 0, "now": 1, "until": 9}, [BETWEEN_DUE]),
        (brake.TOLD, {"job": 1, "since": 1}, [BY_ACCEPTED]),
        (members.WOULD_LEAVE, {"job": 1, "after": "", "version": 1, "limit": 9}, [BY_RANGE]),
        (members.ONE, {"job": 1, "member": "jo"}, [BY_KEY]),
        (members.BULK_OWED, {"job": 1}, [OWED]),
        (members.BEGINNING, {"job": 1, "beginning": "j", "end": "k", "limit": 8}, [BY_BEGINNING]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_analyzed", [False, True])
@ON_SQLITE
def test_a_hot_statement_reads_only_the_rows_it_needs(
    store: Store, statement: TextClause, values: dict[str, Any], steps: list[str], is_analyzed: bool
) -> None:
    store.observe(*all_in(names(500)))
    if is_analyzed:
        store.write(lambda txn: txn.conn.execute(text("ANALYZE")) and None)

    found = plan(store, statement, values)

    assert [step for step in found if "ledger" in step] == steps
    assert not any("TEMP B-TREE" in step for step in found)


@ON_SQLITE
def test_an_observation_finds_its_row_by_key(store: Store) -> None:
    values = {"job": 1, "rows": SEEN, "now": 1, "owed_at": 1, "tells_untold": 1}

    assert [step for step in plan(store, SQL.observe, values) if "ledger" in step] == []
