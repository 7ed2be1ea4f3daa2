"""A server that went back in time is noticed, and everybody is told again."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.store.stores import JOB, Store, open_postgres_store, run
from usher.store.after_restore import MARK
from usher.store.server_mark import mind_server

HOLD_MS = 60_000


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    kept = open_postgres_store(postgres_url)
    kept.add_job(is_baselined=True)
    yield kept
    run(kept.database.close())


def mind(store: Store) -> bool:
    return run(mind_server(store.database, hold_ms=HOLD_MS))


def remember_another(store: Store) -> None:
    moved = text("UPDATE facts SET value = 'another/1/00000001' WHERE name = :name")
    store.write(lambda txn: txn.conn.execute(moved, {"name": MARK}) and None)


def test_the_first_look_and_every_look_at_the_same_server_change_nothing(store: Store) -> None:
    store.tell("jo@example.com")
    assert [mind(store), mind(store)] == [False, False]
    assert store.row("jo@example.com").due_at is None
    assert store.job().scan_wanted == ""


def test_on_another_server_everybody_is_told_again_after_a_claim_and_compared_once(store: Store) -> None:
    mind(store)
    store.tell("jo@example.com")
    remember_another(store)

    assert [mind(store), mind(store)] == [True, False]

    assert store.row("jo@example.com").due_at == store.clock.now_ms() + HOLD_MS
    assert store.job(JOB).scan_wanted == "reconcile"
    store.assert_counted()
