"""A server that went back in time is noticed, everybody is told again, and nobody is while that was not seen to."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.store.stores import HOLD_MS, JOB, Store, open_postgres_store, run, seen
from usher.domain.claim import Claim
from usher.domain.observation import Source
from usher.errors import Unavailable
from usher.store import ledger, server_mark
from usher.store.after_restore import MARK
from usher.store.database import Txn, add_to_counters
from usher.store.delivery import SqlDelivery
from usher.store.server_mark import mind_server
from usher.store.statements import LANE_LIVE


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    kept = open_postgres_store(postgres_url)
    kept.add_job(is_baselined=True)
    yield kept
    kept.assert_counted()
    run(kept.database.close())


def mind(store: Store) -> bool:
    return run(mind_server(store.database, hold_ms=HOLD_MS))


def remember_another(store: Store) -> None:
    moved = text("UPDATE facts SET value = 'another/1/00000001' WHERE name = :name")
    store.write(lambda txn: txn.conn.execute(moved, {"name": MARK}) and None)


def deliver(store: Store) -> list[Claim]:
    """Claim as a courier does."""
    claims = run(SqlDelivery(store.database, store.sql).claim(store.job(), lane=LANE_LIVE, limit=9, hold_ms=HOLD_MS))
    assert claims is not None
    return claims


def test_the_first_look_and_every_look_at_the_same_server_change_nothing(store: Store) -> None:
    store.tell("jo@example.com")
    assert [mind(store), mind(store)] == [False, False]
    store.sweep()
    assert store.row("jo@example.com").due_at is None
    assert store.job().scan_wanted == ""


def test_on_another_server_everybody_is_told_again_and_compared_once(store: Store) -> None:
    mind(store)
    store.tell("jo@example.com")
    remember_another(store)

    assert [mind(store), mind(store)] == [True, False]
    store.sweep()

    assert store.row("jo@example.com").due_at == store.clock.now_ms()
    assert store.job(JOB).scan_wanted == "reconcile"


def test_nobody_is_claimed_on_another_server_before_it_was_minded_and_a_claim_s_time_has_passed(store: Store) -> None:
    mind(store)
    store.observe(seen("jo@example.com", True, 1))
    remember_another(store)

    with pytest.raises(Unavailable):
        deliver(store)
    mind(store)
    store.clock.pass_ms(HOLD_MS - 1)
    with pytest.raises(Unavailable):
        deliver(store)
    store.clock.pass_ms(1)
    assert [claim.member for claim in deliver(store)] == ["jo@example.com"]


def test_a_trigger_under_way_is_neither_waited_for_nor_miscounted(store: Store, postgres_url: str) -> None:
    mind(store)
    store.tell("told")
    remember_another(store)
    other = open_postgres_store(postgres_url)

    def take_in_while_another_minds(txn: Txn) -> bool:
        ledger.observe(txn, store.sql, JOB, [seen("new", True, 5)], source=Source.TRIGGER)
        add_to_counters(txn)
        return mind(other)

    assert store.write(take_in_while_another_minds)
    store.sweep()
    run(other.database.close())

    assert store.counters()["members.due"] == 2


def test_a_server_that_does_not_say_which_it_is_is_worked_on_all_the_same(
    store: Store, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mind(store)
    store.observe(seen("jo@example.com", True, 1))
    remember_another(store)
    monkeypatch.setattr(server_mark, "READ_MARK", text("SELECT not_for_you()"))
    other = open_postgres_store(postgres_url)

    assert mind(other) is False
    assert [claim.member for claim in deliver(other)] == ["jo@example.com"]
    run(other.database.close())
