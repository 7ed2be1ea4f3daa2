"""A standby is promoted with the last commits missing: nobody is claimed early, and everybody is told again."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from tests.postgres import PATIENCE_SECONDS, PostgresServer, standby_of
from tests.store.stores import HOLD_MS, Store, open_postgres_store, run, seen
from usher.domain.claim import Claim
from usher.errors import Unavailable
from usher.store.delivery import SqlDelivery
from usher.store.server_mark import mind_server
from usher.store.statements import LANE_BULK, LANE_LIVE

CAUGHT_UP = "SELECT COUNT(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


@pytest.fixture
def standby(own_postgres: PostgresServer) -> Iterator[PostgresServer]:
    with standby_of(own_postgres) as server:
        yield server


@pytest.fixture
def store(own_postgres: PostgresServer, standby: PostgresServer) -> Iterator[Store]:
    """A store at an address that names both servers; somebody is told, owed and set out on the standby too."""
    name = own_postgres.fresh_database().split("/")[3].partition("?")[0]
    hosts = f"host={own_postgres.folder},{standby.folder}"
    kept = open_postgres_store(f"postgresql://usher@/{name}?{hosts}&target_session_attrs=read-write")
    kept.add_job(is_baselined=True)
    assert run(mind_server(kept.database, hold_ms=HOLD_MS)) is False
    kept.tell("told")
    kept.observe(seen("owed", True, 1))
    yield kept
    kept.assert_counted()
    run(kept.database.close())


def lose_what_comes_now(primary: PostgresServer, standby: PostgresServer) -> None:
    """Cut the standby off, once it has everything so far."""
    until(lambda: primary.execute(CAUGHT_UP) == [(1,)])
    standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
    standby.execute("SELECT pg_reload_conf()")
    until(lambda: standby.execute("SELECT 1 FROM pg_stat_wal_receiver") == [])


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert monotonic() < give_up_at


def deliver(store: Store, lane: int) -> list[Claim]:
    """Claim as a courier does."""
    claims = run(SqlDelivery(store.database, store.sql).claim(store.job(), lane=lane, limit=9, hold_ms=HOLD_MS))
    assert claims is not None
    return claims


def test_a_promoted_standby_that_lacks_a_claim_sends_it_only_once_the_claim_would_have_ended(
    own_postgres: PostgresServer, standby: PostgresServer, store: Store
) -> None:
    lose_what_comes_now(own_postgres, standby)
    store.observe(seen("lost", True, 1))
    assert {claim.member for claim in deliver(store, LANE_LIVE)} == {"owed", "lost"}
    own_postgres.stop("immediate")
    assert standby.execute("SELECT pg_promote()") == [(True,)]

    with pytest.raises(Unavailable, match="went back in time"):
        deliver(store, LANE_LIVE)
    assert [run(mind_server(store.database, hold_ms=HOLD_MS)) for _ in range(2)] == [True, False]
    store.sweep()
    store.clock.pass_ms(HOLD_MS - 1)
    with pytest.raises(Unavailable, match="went back in time"):
        deliver(store, LANE_LIVE)
    store.clock.pass_ms(1)

    assert [claim.member for claim in deliver(store, LANE_LIVE)] == ["owed"]
    assert [claim.member for claim in deliver(store, LANE_BULK)] == ["told"]
    assert not store.has("lost")
