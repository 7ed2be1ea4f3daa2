"""Who works on a ledger, and who holds which lease: kept by beats, as the model of the protocol has it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest
import structlog
from sqlalchemy import Connection, insert

from tests.clocks import NOON_MS
from tests.domain.crew_world import LIVES_MS, Table
from tests.store.stores import Store, open_postgres_store, run
from usher.domain.worker import Standing, Stay, Worker
from usher.store import tables, workers
from usher.store.database import Txn
from usher.store.postgres import postgres_engine
from usher.store.workers import SqlWorkers

SCAN = "scan 7"


def a_worker(name: str, *knows: Stay, **standing: Standing) -> Worker:
    return Worker(Stay(0, name), "worker", "host", 42, LIVES_MS, knows=frozenset(knows), standing=standing)


def beat(store: Store, worker: Worker) -> list[Worker]:
    return store.write(lambda txn: workers.beat(txn, worker))


def ids(found: list[Worker]) -> list[str]:
    return [worker.id for worker in found]


def takes(store: Store, worker: str, name: str = SCAN) -> bool:
    return store.write(lambda txn: workers.take_lease(txn, name, worker))


def holds(store: Store, worker: str, name: str = SCAN) -> bool:
    return store.write(lambda txn: workers.hold_lease(txn, name, worker))


def held(store: Store) -> dict[str, str]:
    return store.read(workers.holders)


def test_a_beat_returns_everybody_in_the_order_in_which_they_came(store: Store) -> None:
    for name in ("z", "a", "m"):
        beat(store, a_worker(name))
    found = beat(store, a_worker("a"))
    assert ids(found) == ["z", "a", "m"], "at the same moment too"
    assert [worker.stay.started_ms for worker in found] == [NOON_MS, NOON_MS + 1, NOON_MS + 2]


def test_a_beat_writes_down_what_the_worker_says_and_keeps_its_stay(store: Store) -> None:
    first = beat(store, a_worker("a"))[0]
    store.clock.pass_ms(900)
    standing = {"mapp1": Standing(2.5, 3, NOON_MS + 9), "mapp2": Standing()}
    said = a_worker("a", first.stay, Stay(5, "b"), **standing)
    (found,) = beat(store, said)
    assert found == replace(said, stay=first.stay, seen_ms=NOON_MS + 900)


def test_a_worker_of_a_newer_version_may_tell_more_of_itself(store: Store) -> None:
    told = '{"lives_ms": 9, "mood": "good", "mapp": {"mapp1": {"in_flight": 3, "mood": "good"}}}'
    row = {"id": "n", "kind": "serve", "host": "h", "pid": 1, "started_ms": 2, "seen_ms": NOON_MS, "standing": told}
    store.write(lambda txn: txn.conn.execute(insert(tables.workers).values(**row)) and None)
    assert beat(store, a_worker("a"))[0].standing == {"mapp1": Standing(in_flight=3)}


def test_whoever_was_not_seen_for_as_long_as_it_lives_is_dropped_with_its_leases(store: Store) -> None:
    beat(store, a_worker("a"))
    beat(store, a_worker("b"))
    assert takes(store, "a")
    store.clock.pass_ms(LIVES_MS - 1)
    assert ids(beat(store, a_worker("b"))) == ["a", "b"]
    store.clock.pass_ms(1)
    assert ids(beat(store, a_worker("b"))) == ["b"]
    assert held(store) == {}


def test_each_lives_as_long_as_it_said_itself(store: Store) -> None:
    beat(store, replace(a_worker("patient"), lives_ms=4 * LIVES_MS))
    store.clock.pass_ms(LIVES_MS)
    assert ids(beat(store, a_worker("b"))) == ["patient", "b"]


def test_one_that_was_taken_for_dead_comes_back_last_and_holds_nothing(store: Store) -> None:
    former = beat(store, a_worker("a"))[0]
    takes(store, "a")
    store.clock.pass_ms(LIVES_MS)
    beat(store, a_worker("b"))
    found = beat(store, former)
    assert ids(found) == ["b", "a"]
    assert found[1].stay != former.stay
    assert not holds(store, "a")


def test_a_late_beat_of_one_that_nobody_dropped_changes_no_stay(store: Store) -> None:
    stay = beat(store, a_worker("a"))[0].stay
    store.clock.pass_ms(10 * LIVES_MS)
    assert beat(store, a_worker("a"))[0].stay == stay


def test_a_new_stay_is_the_last_even_where_the_clock_was_set_back(store: Store) -> None:
    former = beat(store, a_worker("a"))[0]
    beat(store, a_worker("b"))
    store.write(lambda txn: workers.leave(txn, "a"))
    store.clock.pass_ms(-60_000)
    found = beat(store, former)
    assert (ids(found), former.stay < found[1].stay) == (["b", "a"], True)


def test_leaving_drops_a_worker_and_its_leases_and_nobody_elses(store: Store) -> None:
    for name in ("a", "b"):
        beat(store, a_worker(name))
        takes(store, name, f"scan of {name}")
    for _ in range(2):
        store.write(lambda txn: workers.leave(txn, "a"))
    assert [(one.worker.id, one.leases) for one in store.read(workers.all_workers)] == [("b", ("scan of b",))]


def test_a_lease_is_one_workers_until_it_lets_go(store: Store) -> None:
    for name in ("a", "b"):
        beat(store, a_worker(name))
    assert [takes(store, name) for name in ("a", "b", "a")] == [True, False, True], "safe to repeat"
    assert [holds(store, name) for name in ("a", "b")] == [True, False]
    store.write(lambda txn: workers.release_lease(txn, SCAN, "b"))
    assert held(store) == {SCAN: "a"}
    store.write(lambda txn: workers.release_lease(txn, SCAN, "a"))
    assert takes(store, "b")


def test_whoever_is_not_in_the_crew_takes_no_lease(store: Store) -> None:
    assert not takes(store, "stranger")
    assert held(store) == {}


def test_a_lease_left_behind_by_one_that_is_gone_may_be_taken(store: Store) -> None:
    beat(store, a_worker("a"))
    store.write(lambda txn: txn.conn.exec_driver_sql("INSERT INTO leases VALUES ('scan 7', 'gone')") and None)
    assert takes(store, "a")


def test_a_worker_that_lost_its_lease_holds_it_no_more_though_another_let_go_of_it(store: Store) -> None:
    for name in ("a", "b"):
        beat(store, a_worker(name))
    takes(store, "a")
    store.write(lambda txn: workers.leave(txn, "a"))
    takes(store, "b")
    store.write(lambda txn: workers.release_lease(txn, SCAN, "b"))
    assert not holds(store, "a")


def test_whoever_gives_up_a_dead_worker_says_so_once(store: Store) -> None:
    crew = SqlWorkers(store.database, is_alone=False)
    run(crew.beat(a_worker("left")))
    run(crew.leave("left"))
    run(crew.beat(a_worker("killed")))
    store.clock.pass_ms(LIVES_MS)
    with structlog.testing.capture_logs() as said:
        for name in ("a", "a", "b"):
            run(crew.beat(a_worker(name)))
    given_up = {"event": "worker_given_up", "log_level": "warning", "worker": "killed", "host": "host", "pid": 42}
    assert said == [given_up]


def test_where_one_process_owns_the_database_whoever_was_there_is_gone(store: Store) -> None:
    for name in ("killed", "b"):
        beat(store, a_worker(name))
        takes(store, name, f"scan of {name}")
    alone = SqlWorkers(store.database, is_alone=True)
    assert ids(run(alone.beat(a_worker("b")))) == ["b"]
    assert held(store) == {"scan of b": "b"}


def test_the_store_does_what_the_model_of_the_protocol_does(store: Store) -> None:
    kept, table, rng = SqlWorkers(store.database, is_alone=False), Table(), Random(4)
    known = {name: a_worker(name) for name in ("a", "b", "c")}
    for _ in range(120):
        name = rng.choice(sorted(known))
        match rng.choice(["beat", "beat", "beat", "take", "take", "leave", "pass"]):
            case "beat":
                found = run(kept.beat(known[name]))
                assert found == table.beat(known[name], now_ms=store.clock.now_ms())
                known[name] = replace(known[name], stay=next(one.stay for one in found if one.id == name))
            case "take":
                assert run(kept.take_lease(SCAN, name)) == table.take(name)
            case "leave":
                run(kept.leave(name))
                table.drop(name)
            case "pass":
                store.clock.pass_ms(rng.choice([500, 2_000, LIVES_MS]))
        assert held(store) == ({} if table.holder is None else {SCAN: table.holder})
    assert len(table.rows) > 1


# what only a database of several writers can break


@contextmanager
def another_writer(postgres_url: str) -> Iterator[Txn]:
    """A transaction of another process, open until the block ends."""
    engine = postgres_engine(postgres_url)
    with engine.connect() as conn, conn.begin():
        yield Txn(conn, NOON_MS)
    engine.dispose()


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Store]:
    kept = open_postgres_store(postgres_url)
    yield kept
    run(kept.database.close())


def is_waiting(conn: Connection, for_what: str) -> bool:
    found = conn.exec_driver_sql(f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = '{for_what}'").scalar()
    return bool(found)


def wait_until_somebody_waits(conn: Connection, for_what: str) -> None:
    for _ in range(2_000):
        if is_waiting(conn, for_what):
            return
        conn.exec_driver_sql("SELECT pg_stat_clear_snapshot(), pg_sleep(0.002)")
    raise AssertionError("nobody waited")


def test_two_that_join_at_the_same_moment_cannot_miss_each_other(shared: Store, postgres_url: str) -> None:
    found: list[list[Worker]] = []
    with another_writer(postgres_url) as other:
        workers.beat(other, a_worker("a"))
        joining = threading.Thread(target=lambda: found.append(beat(shared, a_worker("b"))))
        joining.start()
        wait_until_somebody_waits(other.conn, "advisory")
    joining.join(10)
    assert [ids(one) for one in found] == [["a", "b"]]


def test_nobody_takes_a_lease_while_something_is_done_under_it(shared: Store, postgres_url: str) -> None:
    for name in ("a", "b"):
        beat(shared, a_worker(name))
    takes(shared, "a")
    took: list[bool] = []

    def drop_and_take() -> None:
        shared.write(lambda txn: workers.leave(txn, "a"))
        took.append(takes(shared, "b"))

    with another_writer(postgres_url) as page:
        assert workers.hold_lease(page, SCAN, "a")
        taking = threading.Thread(target=drop_and_take)
        taking.start()
        wait_until_somebody_waits(page.conn, "transactionid")
        assert took == []
    taking.join(10)
    assert (took, holds(shared, "a")) == ([True], False)
