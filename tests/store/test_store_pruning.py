"""What is kept too long goes, the oldest first and a piece at a time; and what went is known to have gone."""

import sqlite3
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert

from tests.store.stores import Store, open_store, prune_all, run
from usher.settings import Retention
from usher.store import notes, pruning
from usher.store.database import Txn, Work
from usher.store.pruning import DAY_MS
from usher.store.supervision import SqlJobs
from usher.store.tables import audit, history, job_logs, one_time_links, sessions, unreadable

KEEP = Retention(history_days=3, logs_days=2, unreadable_days=1, audit_days=4)
ROWS = {
    history: {"job": 1, "member": "jo", "kind": "enter"},
    job_logs: {"job": 1, "level": "info", "message": "x"},
    unreadable: {"auth_id": "lytics1", "reason": "x", "body_sealed": b"", "body_bytes": 0},
    audit: {"actor": "anna", "action": "job.create", "object": "1"},
}
KEPT_BY_NUMBER = {history: "HISTORY_KEEP", job_logs: "LOGS_KEEP", unreadable: "UNREADABLE_KEEP"}


def add(store: Store, table: object, *ages_days: float) -> None:
    now_ms = store.clock.now_ms()
    rows = [ROWS[table] | {"at_ms": now_ms - round(days * DAY_MS)} for days in ages_days]  # type: ignore[index]
    store.write(lambda txn: txn.conn.execute(insert(table), rows))  # type: ignore[call-overload]


def ages(store: Store, table: str) -> list[float]:
    found = store.fetch(f"SELECT at_ms FROM {table} ORDER BY id")
    return [round((store.clock.now_ms() - at_ms) / DAY_MS, 1) for (at_ms,) in found]


def prune(store: Store, keep: Retention | None = KEEP) -> None:
    prune_all(SqlJobs(store.database, store.sql, retention=keep))


@pytest.mark.parametrize(("table", "days"), [(history, 3), (job_logs, 2), (unreadable, 1), (audit, 4)], ids=str)
def test_each_kind_of_record_is_kept_for_its_own_time(store: Store, table: object, days: int) -> None:
    add(store, table, 9, days + 0.1, days - 0.1, 0)
    prune(store)
    assert ages(store, str(table)) == [days - 0.1, 0]


def test_an_audit_log_that_is_kept_for_ever_is(store: Store) -> None:
    add(store, audit, 3_000, 0)
    prune(store, KEEP.model_copy(update={"audit_days": 0}))
    assert ages(store, "audit") == [3_000, 0]


def test_nothing_goes_for_its_age_where_no_time_is_set(store: Store) -> None:
    add(store, history, 3_000)
    prune(store, None)
    assert ages(store, "history") == [3_000]


def test_one_moment_of_a_wrong_clock_keeps_none_of_the_others(store: Store) -> None:
    add(store, history, -400, 9, 8, 0)
    prune(store)
    assert ages(store, "history") == [-400, 0]


def test_a_piece_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "PIECE", 3)
    add(store, history, *[9] * 5, 0)

    assert store.write(lambda txn: pruning.prune_some(txn, retention=KEEP))
    assert ages(store, "history") == [9, 9, 0]
    prune(store)
    assert ages(store, "history") == [0]


@dataclass
class Inflow:
    """The database of a store to whose history one more entry, so old, is added after every commit."""

    store: Store
    age_days: float
    commits: int = 0

    async def write(self, work: Work[Any]) -> Any:
        self.commits += 1
        assert self.commits < 50, "there is no end to it"
        done = await self.store.database.write(work)
        add(self.store, history, self.age_days)
        return done


@pytest.mark.parametrize("age_days", [0, 9], ids=["new ones", "ones that just came of age"])
def test_what_comes_while_it_prunes_waits_for_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, age_days: float
) -> None:
    monkeypatch.setattr(notes, "PIECE", 3)
    monkeypatch.setattr(notes, "HISTORY_KEEP", 5)
    add(store, history, *[9] * 8, *[0] * 12)
    inflow = Inflow(store, age_days)

    prune_all(SqlJobs(inflow, store.sql, retention=KEEP))  # type: ignore[arg-type] - it only writes

    left = len(ages(store, "history"))
    assert left == 5 + 1  # and the one that came last


def test_it_is_known_from_when_on_history_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.read(notes.history_from) is None
    add(store, history, 9, 2, 1)
    prune(store)
    assert store.read(notes.history_from) == store.clock.now_ms() - 2 * DAY_MS

    monkeypatch.setattr(notes, "HISTORY_KEEP", 1)
    prune(store)
    assert store.read(notes.history_from) == store.clock.now_ms() - 1 * DAY_MS


def test_sessions_and_links_that_ran_out_go(store: Store) -> None:
    now_ms = store.clock.now_ms()
    session = {"person_id": "p", "created_ms": 0, "seen_ms": 0}
    link = {"created_ms": 0}
    store.write(
        lambda txn: [
            txn.conn.execute(
                insert(sessions),
                [session | {"id": str(past), "token_hash": str(past), "expires_ms": now_ms - past} for past in (0, -1)],
            ),
            txn.conn.execute(
                insert(one_time_links),
                [link | {"token_hash": str(past), "expires_ms": now_ms - past} for past in (0, -1)],
            ),
        ]
    )
    prune(store)
    assert store.fetch("SELECT id FROM sessions") == store.fetch("SELECT token_hash FROM one_time_links") == [("-1",)]


@pytest.mark.parametrize("table", ["history", "audit"])
def test_pruning_reads_a_piece_of_a_table_and_no_more(folder: Path, table: str) -> None:
    store = open_store(folder)
    steps = store.fetch(f"EXPLAIN QUERY PLAN {pruning.PRUNE_OLD.format(name=table)}", piece=1, before=0)
    run(store.database.close())
    assert not any("TEMP B-TREE" in step[3] for step in steps)  # the order of ids is the table's own


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", list(KEPT_BY_NUMBER), ids=str)
def test_a_piece_costs_no_more_where_a_table_is_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    def steps_of_a_piece(txn: Txn) -> int:
        driver, steps = txn.conn.connection.dbapi_connection, count(1)
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(lambda: next(steps) < 0, 1)
        assert pruning.prune_some(txn, retention=KEEP)
        driver.set_progress_handler(None, 1)
        return next(steps)

    monkeypatch.setattr(notes, KEPT_BY_NUMBER[table], 5)
    add(store, table, *[0] * 200)
    short = store.write(steps_of_a_piece)
    add(store, table, *[0] * 4_000)

    assert store.write(steps_of_a_piece) < 1.5 * short
