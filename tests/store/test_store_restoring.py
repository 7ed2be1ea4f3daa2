"""What comes back from a backup, on either database and by either way, and what is done about what it missed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.clocks import NOON_MS, ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import HOLD_MS, JOB, NO_SUCH_USER, Store, open_postgres_store, open_store, run, seen
from usher.domain.job import Status
from usher.domain.notes import LogCode
from usher.domain.observation import Source
from usher.errors import Conflict, NotFound, Unavailable
from usher.store import scans
from usher.store.after_restore import QUIET
from usher.store.backup import backup
from usher.store.delivery import SqlDelivery
from usher.store.migrations import known_revisions, upgrade
from usher.store.opening import APPLICATION_ID
from usher.store.portable import changing
from usher.store.postgres import NOW_MS, engine_url
from usher.store.restoring import RestoreReport, after_restore, restore
from usher.store.statements import LANE_BULK, LANE_LIVE
from usher.store.whole_postgres import at_one_moment, revision_of

CLOCK = ManualClock()
LATER_CLOCK = ManualClock(NOON_MS + 86_400_000)
WAYS = ["sqlite restore", "sqlite after-restore", "postgresql restore", "postgresql after-restore"]
LIVES_MS = 65_000  # of a worker with more room to send than usual
WORKER = """
    INSERT INTO workers (id, kind, host, pid, started_ms, standing, seen_ms)
    SELECT 'w1', 'serve', 'alpha', 4711, 1, :standing,
        CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) - :ago_ms
"""


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return conn.execute(statement).fetchall()


def backup_of(folder: Path, fill: Callable[[Store], object]) -> Path:
    """Fill the store in *folder*, and back it up."""
    store = open_store(folder)
    fill(store)
    run(store.database.close())
    return backup(folder / "backup.db", folder, clock=CLOCK).path


@dataclass
class BroughtBack:
    """A store that came back, how many jobs compare again, and between which moments that was (the ledger's clock)."""

    store: Store
    jobs: int
    began_ms: int
    ended_ms: int

    def wait_ends(self) -> int:
        """When what is owed may be sent."""
        ((found,),) = self.store.fetch("SELECT value FROM facts WHERE name = :name", name=QUIET)
        until = int(found)
        assert self.began_ms + HOLD_MS <= until <= self.ended_ms + HOLD_MS
        return until


Back = Callable[[Callable[[Store], object]], BroughtBack]


@pytest.fixture(params=WAYS)
def back(request: pytest.FixtureRequest, folder: Path) -> Iterator[Back]:
    """Fill a store, and bring it back in one of the four ways."""
    database, _, how = request.param.partition(" ")
    opened: list[Store] = []

    def bring_on_sqlite(fill: Callable[[Store], object]) -> BroughtBack:
        from_ = backup_of(folder, fill)
        if how == "restore":
            jobs = restored(folder, from_).jobs
        else:
            jobs = after_restore(folder, clock=LATER_CLOCK, hold_ms=HOLD_MS)
        opened.append(open_store(folder))
        return BroughtBack(opened[0], jobs, LATER_CLOCK.now_ms(), LATER_CLOCK.now_ms())

    def bring_on_postgres(fill: Callable[[Store], object]) -> BroughtBack:
        url: str = request.getfixturevalue("postgres_url")
        opened.append(open_postgres_store(url))
        began = server_ms(opened[0])
        if how == "restore":
            jobs = restored(folder, backup_of(folder, fill), url).jobs
        else:
            fill(opened[0])
            jobs = after_restore(folder, clock=LATER_CLOCK, hold_ms=HOLD_MS, database_url=url)
        return BroughtBack(opened[0], jobs, began, server_ms(opened[0]))

    yield bring_on_sqlite if database == "sqlite" else bring_on_postgres
    for store in opened:
        store.assert_counted()
        run(store.database.close())


def server_ms(store: Store) -> int:
    at_ms: int = store.read(lambda txn: txn.conn.execute(NOW_MS).scalar_one())
    return at_ms


def restored(folder: Path, from_: Path, url: str = "") -> RestoreReport:
    return restore(from_, folder, clock=LATER_CLOCK, hold_ms=HOLD_MS, database_url=url)


def test_every_live_job_that_was_baselined_scans_again_by_itself(back: Back) -> None:
    def fill(store: Store) -> None:
        for status in Status:
            store.add_job(status=status, is_baselined=True)
            store.add_job(status=status, is_baselined=False)

    found = back(fill)

    wanted = found.store.fetch("SELECT status FROM jobs WHERE scan_wanted = 'reconcile' AND is_baselined")
    assert {status for (status,) in wanted} == {"runnable", "sleeping", "paused", "fault"}
    assert found.store.fetch("SELECT COUNT(*) FROM jobs WHERE scan_wanted <> ''") == [(4,)]
    assert found.jobs == 4


@pytest.mark.parametrize(("kind", "wanted"), [("backfill", "backfill"), ("baseline", "reconcile")])
def test_a_first_scan_that_was_running_starts_again_from_its_beginning(back: Back, kind: str, wanted: str) -> None:
    def fill(store: Store) -> None:
        store.add_job()
        store.add_job()
        store.write(lambda txn: scans.start_scan(txn, 1, kind=kind, definition="", expected=None))

    found = back(fill)

    scan = found.store.read(lambda txn: scans.last_scan(txn, 1))
    assert scan is not None
    assert (scan.state, scan.reason) == ("interrupted", "a backup was restored")
    assert (found.store.job(1).scan_wanted, found.store.job(2).scan_wanted) == (wanted, "")
    assert found.jobs == 1


def fill_ledger(store: Store) -> None:
    store.add_job()
    store.tell("told", "changed")
    store.observe(seen("silent", True, 1), source=Source.BASELINE)
    store.observe(seen("aside", True, 1))
    store.settle(store.claim_one(), NO_SUCH_USER)
    store.observe(seen("owed", True, 1))


def test_whoever_was_told_is_told_again_because_the_backup_does_not_know_what_came_after(back: Back) -> None:
    store = back(fill_ledger).store

    store.sweep()

    assert store.counters()["members.due"] == 4
    assert store.row("silent").due_at is None
    assert {store.row(name).lane for name in ("told", "changed", "aside")} == {LANE_BULK}
    assert store.row("owed").lane == LANE_LIVE


def test_nothing_is_sent_while_a_request_from_before_may_still_land_not_even_to_newcomers(back: Back) -> None:
    found = back(fill_ledger)
    store = found.store
    store.sweep()
    store.observe(seen("new", True, 9))

    store.clock.at_ms = found.wait_ends() - 1
    with pytest.raises(Unavailable, match="went back in time"):
        deliver(store, lane=LANE_LIVE)
    store.clock.pass_ms(1)
    assert deliver(store, lane=LANE_LIVE) == {"owed", "new"}
    assert deliver(store, lane=LANE_BULK) == {"told", "changed", "aside"}


def deliver(store: Store, *, lane: int) -> set[str]:
    """Claim as a courier does; return who was claimed."""
    couriers = SqlDelivery(store.database, store.sql)
    return {claim.member for claim in run(couriers.claim(store.job(), lane=lane, limit=100, hold_ms=HOLD_MS)) or ()}


def test_ended_jobs_are_left_as_they_were(back: Back) -> None:
    def fill(store: Store) -> None:
        store.add_job(status=Status.COMPLETED)
        store.tell("jo")

    found = back(fill)

    assert found.jobs == 0
    found.store.sweep()
    assert found.store.fetch("SELECT due_at FROM ledger") == [(None,)]


def test_a_job_s_log_says_why_everybody_is_told_again(back: Back) -> None:
    def fill(store: Store) -> None:
        store.add_job()
        store.add_job(status=Status.KILLED)

    found = back(fill)

    ((job, at_ms, code, message),) = found.store.fetch("SELECT job, at_ms, code, message FROM job_logs")
    assert (job, code) == (JOB, LogCode.RESENT)
    assert message == "A backup was restored, so everybody is told again."
    assert found.began_ms <= at_ms <= found.ended_ms


def test_nobody_is_signed_in_or_at_work_by_what_may_have_ended_since(back: Back) -> None:
    def fill(store: Store) -> None:
        store.write(lambda txn: [txn.conn.execute(text(statement)) for statement in ENDED])

    store = back(fill).store

    for name in ("workers", "leases", "sessions", "one_time_links"):
        assert store.fetch(f"SELECT COUNT(*) FROM {name}") == [(0,)], name


ENDED = (
    """
    INSERT INTO workers (id, kind, host, pid, started_ms, seen_ms, standing)
    VALUES ('w', 'worker', 'alpha', 1, 1, 1, '{"lives_ms": 0, "mapp": {}}')
    """,
    "INSERT INTO leases VALUES ('scan:1', 'w')",
    "INSERT INTO sessions (id, token_hash, person_id, created_ms, expires_ms, seen_ms) VALUES ('s', 'h', 'p', 1, 2, 1)",
    "INSERT INTO one_time_links VALUES ('h', 'p', 1, 2)",
)


@pytest.fixture
def before(postgres_url: str) -> Iterator[Store]:
    """A PostgreSQL database with something in it, to be replaced."""
    store = open_postgres_store(postgres_url)
    store.add_job(name="before")
    store.tell("came later", "jo")
    yield store
    run(store.database.close())


@pytest.fixture
def from_(folder: Path) -> Path:
    return backup_of(folder, lambda store: store.tell("jo"))


def members(store: Store) -> list[str]:
    return [member for (member,) in store.fetch("SELECT member FROM ledger ORDER BY member")]


def test_what_postgresql_held_is_kept_as_a_file_that_brings_it_back(
    before: Store, from_: Path, postgres_url: str
) -> None:
    folder = from_.parent
    report = restored(folder, from_, postgres_url)

    assert report.made_ms is not None
    assert report.replaced is not None
    assert report.replaced.parent == folder
    assert members(before) == ["jo"]
    again = restored(folder, report.replaced, postgres_url)
    assert again.jobs == 0
    assert members(before) == ["came later", "jo"]
    assert before.job().name == "before"


def test_an_empty_postgresql_leaves_no_file_behind(from_: Path, postgres: PostgresServer) -> None:
    url = postgres.empty_database()

    assert restored(from_.parent, from_, url).replaced is None
    assert list(from_.parent.glob("*before-restore*")) == []
    assert list(from_.parent.glob("*.restoring*")) == []
    with at_one_moment(url) as conn:
        assert conn.execute(text("SELECT member FROM ledger")).scalars().all() == ["jo"]


def test_a_file_of_either_database_is_restored_to_the_other(before: Store, postgres_url: str, folder: Path) -> None:
    saved = backup(folder / "from-postgresql.db", folder, clock=CLOCK, database_url=postgres_url).path

    assert restored(folder, saved).made_ms is not None

    store = open_store(folder)
    assert members(store) == ["came later", "jo"]
    assert store.job().name == "before"
    run(store.database.close())


def old_file(path: Path) -> Path:
    """A database as an earlier version left it."""
    path.touch()
    with changing(path) as conn:
        conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        upgrade(conn, to="0002")
        conn.exec_driver_sql("INSERT INTO ledger (job, member, is_in, version) VALUES (1, 'jo', 1, 1)")
        conn.exec_driver_sql("INSERT INTO counters VALUES (1, 'members.total', 1), (1, 'members.in', 1)")
    return path


def test_a_backup_of_an_older_shape_is_brought_up_to_date_on_its_way(
    before: Store, postgres_url: str, folder: Path
) -> None:
    old = old_file(folder / "old.db")
    restored(folder, old)
    restored(folder, old, postgres_url)

    store = open_store(folder)
    for kept in (store, before):
        assert members(kept) == ["jo"]
        assert kept.fetch("SELECT COUNT(*) FROM erased") == [(0,)]
    run(store.database.close())
    assert ask(old, "SELECT version_num FROM alembic_version") == [("0002",)]


def test_a_backup_of_an_older_postgresql_keeps_its_shape(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.empty_database()
    engine = create_engine(engine_url(url), poolclass=NullPool)
    with engine.begin() as conn:
        upgrade(conn, to="0002")
        conn.execute(text("INSERT INTO ledger (job, member, is_in, version) VALUES (1, 'jo', 1, 1)"))

    report = backup(tmp_path / "old.db", tmp_path, clock=CLOCK, database_url=url)

    assert (report.holds.revision, report.holds.members) == ("0002", 1)
    restored(tmp_path, report.path, url)
    with at_one_moment(url) as conn:
        assert (revision_of(conn), conn.execute(text("SELECT member FROM ledger")).scalar()) == (
            known_revisions()[0],
            "jo",
        )


def test_nothing_is_replaced_while_a_process_works_on_it(before: Store, from_: Path, postgres_url: str) -> None:
    work(before, ago_ms=LIVES_MS - 15_000)

    with pytest.raises(Conflict, match="Still working on this database: serve 4711 on alpha"):
        restored(from_.parent, from_, postgres_url)
    with pytest.raises(Conflict, match="Still working on this database: serve 4711 on alpha"):
        after_restore(from_.parent, clock=CLOCK, hold_ms=HOLD_MS, database_url=postgres_url)
    assert members(before) == ["came later", "jo"]
    assert before.fetch("SELECT due_at FROM ledger") == [(None,), (None,)]


def test_a_process_that_was_not_seen_for_long_is_gone(before: Store, from_: Path, postgres_url: str) -> None:
    work(before, ago_ms=LIVES_MS)

    restored(from_.parent, from_, postgres_url)
    assert members(before) == ["jo"]


def work(store: Store, *, ago_ms: int) -> None:
    standing = json.dumps({"lives_ms": LIVES_MS, "mapp": {}})
    store.write(lambda txn: txn.conn.execute(text(WORKER), {"standing": standing, "ago_ms": ago_ms}))


def test_a_restore_that_fails_halfway_changes_nothing_and_leaves_nothing(
    before: Store, from_: Path, postgres_url: str
) -> None:
    with changing(from_) as conn:
        conn.exec_driver_sql(
            "INSERT INTO people (id, name, role, created_ms) VALUES ('p', 'x', 'many words too long', 1)"
        )

    with pytest.raises(Conflict, match="the column role of people"):
        restored(from_.parent, from_, postgres_url)

    assert members(before) == ["came later", "jo"]
    assert list(from_.parent.glob("*before-restore*")) == []
    assert list(from_.parent.glob("*.restoring*")) == []


def test_another_program_s_database_is_never_emptied(from_: Path, postgres: PostgresServer) -> None:
    url = postgres.empty_database()
    theirs = open_postgres_store(url)
    theirs.write(lambda txn: txn.conn.execute(text("CREATE TABLE invoices AS SELECT 1 AS id")))

    for doing in (
        lambda: restored(from_.parent, from_, url),
        lambda: after_restore(from_.parent, clock=CLOCK, hold_ms=HOLD_MS, database_url=url),
        lambda: backup(from_.parent / "b.db", from_.parent, clock=CLOCK, database_url=url),
    ):
        with pytest.raises(Conflict, match="another program's tables"):
            doing()
    assert theirs.fetch("SELECT id FROM invoices") == [(1,)]
    run(theirs.database.close())


def test_a_newer_usher_s_database_is_neither_read_nor_replaced(from_: Path, postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    newer = open_postgres_store(url)
    newer.write(lambda txn: txn.conn.execute(text("UPDATE alembic_version SET version_num = '9999'")))

    with pytest.raises(Conflict, match="A newer Usher"):
        restored(from_.parent, from_, url)
    with pytest.raises(Conflict, match="A newer Usher"):
        backup(from_.parent / "b.db", from_.parent, clock=CLOCK, database_url=url)
    assert members(newer) == []
    run(newer.database.close())


def test_an_empty_or_missing_database_is_named(postgres: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing of Usher's"):
        backup(tmp_path / "b.db", tmp_path, clock=CLOCK, database_url=postgres.empty_database())
    with pytest.raises(NotFound, match="no database at"):
        after_restore(tmp_path, clock=CLOCK, hold_ms=HOLD_MS)
    with pytest.raises(Unavailable, match="could not be reached"):
        backup(tmp_path / "b.db", tmp_path, clock=CLOCK, database_url="postgresql://u:hidden@/none?host=/nowhere")
