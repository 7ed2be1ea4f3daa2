"""On PostgreSQL others write while somebody is erased: who asked before is waited for, who asks later sees it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from usher.store import erasure
from usher.store.database import Txn
from usher.store.erasure import Tombstones
from usher.store.postgres import postgres_engine


@pytest.fixture
def engines(postgres_url: str) -> Iterator[tuple[Engine, Engine]]:
    both = postgres_engine(postgres_url), postgres_engine(postgres_url)
    yield both
    for engine in both:
        engine.dispose()


def impatient(conn: Connection) -> Txn:
    conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
    return Txn(conn, 0)


def test_an_erasure_waits_for_whoever_was_told_that_nobody_is_erased(engines: tuple[Engine, Engine]) -> None:
    taking, erasing = engines
    with taking.connect() as one, one.begin():
        assert Tombstones().among(Txn(one, 0), ["jo"]) == frozenset()
        with erasing.connect() as two, pytest.raises(OperationalError, match="lock timeout"):
            erasure.hold_still(impatient(two))
    with erasing.connect() as two, two.begin():
        erasure.hold_still(impatient(two))


def test_whoever_asks_during_an_erasure_waits_and_who_only_looks_does_not(engines: tuple[Engine, Engine]) -> None:
    erasing, asking = engines
    with erasing.connect() as one, one.begin():
        erasure.hold_still(Txn(one, 0))
        with asking.connect() as two:
            assert Tombstones().of(impatient(two), "jo") is None
        with asking.connect() as two, pytest.raises(OperationalError, match="lock timeout"):
            Tombstones().among(impatient(two), ["jo"])
        with asking.connect() as two, pytest.raises(OperationalError, match="lock timeout"):
            erasure.is_anybody_erased(impatient(two))
