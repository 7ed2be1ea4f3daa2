"""The move from SQLite to PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.clocks import ManualClock
from tests.postgres import PostgresServer
from tests.store.stores import HOLD_MS, Store, open_postgres_store, open_store, run, seen
from usher.clock import SystemClock
from usher.domain.crew import lives_ms
from usher.errors import Conflict, InvalidInput, NotFound, Unavailable
from usher.settings import settings_from
from usher.store.backup import backup
from usher.store.migrations import upgrade
from usher.store.moving import MoveReport, move, without_password
from usher.store.opening import APPLICATION_ID, FILE_NAME, open_sqlite
from usher.store.portable import changing
from usher.store.postgres import NOW_MS, OLDEST_VERSION
from usher.store.restoring import restore
from usher.store.sqlite import OwnerLock
from usher.store.whole_postgres import alone

HOUR_MS = 3_600_000


def moved(folder: Path, url: str, *, clock: ManualClock | SystemClock | None = None) -> MoveReport:
    return move(url, folder, clock=clock or SystemClock())


def fill(folder: Path) -> None:
    store = open_store(folder)
    store.add_job()
    store.tell("told")
    store.observe(seen("owed", True, 1))
    run(store.database.close())


@pytest.fixture
def target(postgres_url: str) -> Iterator[Store]:
    store = open_postgres_store(postgres_url)
    yield store
    store.assert_counted()
    run(store.database.close())


def test_everything_is_there_and_the_file_keeps_its_rows_but_is_opened_no_more(
    folder: Path, postgres: PostgresServer
) -> None:
    fill(folder)
    url = postgres.empty_database()

    report = moved(folder, url)

    assert report.left == folder / FILE_NAME
    assert (report.copied.rows["jobs"], report.copied.rows["ledger"]) == (1, 2)
    for refused in (
        lambda: open_sqlite(folder, clock=SystemClock()),
        lambda: backup(folder / "copy.db", folder, clock=SystemClock()),
    ):
        with pytest.raises(Conflict, match="was moved to usher_"):
            refused()
    store = open_postgres_store(url)
    assert store.fetch("SELECT actor, action FROM audit") == [("local operator", "db.move")]
    assert store.fetch("SELECT 1 FROM facts WHERE name = 'moved_to'") == []
    assert store.job().name == "VIP to Mapp"
    store.assert_counted()
    run(store.database.close())


def test_a_copy_of_the_moved_file_that_is_restored_is_the_way_back(folder: Path, postgres_url: str) -> None:
    fill(folder)
    moved(folder, postgres_url)
    copy = Path(shutil.copy(folder / FILE_NAME, folder / "as-it-was.db"))

    restore(copy, folder, clock=SystemClock(), hold_ms=HOLD_MS)

    store = open_store(folder)
    assert store.job().name == "VIP to Mapp"
    assert store.fetch("SELECT action, object FROM audit") == [("db.restore", "as-it-was.db")]
    run(store.database.close())


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, 0, HOUR_MS], ids=["an hour behind", "agrees", "an hour ahead"])
def test_no_claim_ends_early_however_far_the_clocks_are_apart(
    folder: Path, target: Store, postgres_url: str, ahead_ms: int
) -> None:
    machine = ManualClock(SystemClock().now_ms() + ahead_ms)
    store = open_store(folder)
    store.clock.at_ms = machine.at_ms
    store.observe(seen("in flight", True, 1))
    claim = store.claim_one()
    run(store.database.close())
    began = server_ms(target)

    moved(folder, postgres_url, clock=machine)

    due = target.row("in flight").due_at
    assert due is not None
    assert began + HOLD_MS <= due <= server_ms(target) + HOLD_MS
    target.clock.at_ms = due - 1
    assert target.claim() == []
    target.clock.pass_ms(1)
    assert [again.member for again in target.claim()] == [claim.member]


def server_ms(store: Store) -> int:
    at_ms: int = store.read(lambda txn: txn.conn.execute(NOW_MS).scalar_one())
    return at_ms


def test_nothing_is_moved_while_usher_runs(folder: Path, target: Store, postgres_url: str) -> None:
    fill(folder)
    lock = OwnerLock(folder)

    with pytest.raises(Conflict, match="already works on"):
        moved(folder, postgres_url)
    lock.close()
    assert target.fetch("SELECT 1 FROM jobs") == []


FILLED: dict[str, Callable[[Store], object]] = {
    "jobs": lambda store: store.add_job(name="theirs"),
    "people": lambda store: store.write(lambda txn: txn.conn.execute(text(SOMEBODY))),
}
SOMEBODY = "INSERT INTO people (id, name, role, created_ms) VALUES ('p', 'jo', 'admin', 1)"


@pytest.mark.parametrize("named", FILLED)
def test_a_database_in_use_is_never_overwritten(folder: Path, target: Store, postgres_url: str, named: str) -> None:
    fill(folder)
    FILLED[named](target)

    with pytest.raises(Conflict, match=f"its {named} are not empty"):
        moved(folder, postgres_url)
    assert target.fetch(f"SELECT COUNT(*) FROM {named}") == [(1,)]
    assert target.fetch("SELECT 1 FROM ledger") == []


def test_what_a_first_start_left_there_gives_way(folder: Path, target: Store, postgres_url: str) -> None:
    fill(folder)
    target.write(lambda txn: txn.conn.execute(text("INSERT INTO counters VALUES (0, 'left.over', 1)")))

    moved(folder, postgres_url)
    assert target.fetch("SELECT 1 FROM counters WHERE name = 'left.over'") == []


def test_another_program_s_database_is_refused(folder: Path, postgres: PostgresServer) -> None:
    fill(folder)
    url = postgres.empty_database()
    theirs = open_postgres_store(url)
    theirs.write(lambda txn: txn.conn.execute(text("CREATE TABLE invoices (id INT)")))

    with pytest.raises(Conflict, match="another program's tables"):
        moved(folder, url)
    run(theirs.database.close())


def test_a_file_in_an_older_shape_is_upgraded_first(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / FILE_NAME).touch()
    with changing(tmp_path / FILE_NAME) as conn:
        conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        upgrade(conn, to="0002")

    with pytest.raises(Conflict, match="run `usher db upgrade`, then move"):
        moved(tmp_path, postgres_url)


def test_a_move_that_something_else_blocks_ends_and_says_so(
    folder: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder)
    monkeypatch.setattr("usher.store.whole_postgres.PATIENT", "-c lock_timeout=50ms")

    with alone(postgres_url), pytest.raises(Conflict, match="Something else works on"):
        moved(folder, postgres_url)


@pytest.mark.parametrize(
    ("from_url", "to_url", "field"),
    [
        ("", "sqlite:///other.db", "URL"),
        ("", "mysql://db/usher", "URL"),
        ("postgresql://db/usher", "postgresql://db/other", "USHER_DATABASE_URL"),
    ],
)
def test_only_a_file_is_moved_and_only_to_postgresql(tmp_path: Path, from_url: str, to_url: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        move(to_url, tmp_path, clock=ManualClock(), database_url=from_url)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_what_is_not_there_is_named_without_the_password(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no database at"):
        moved(tmp_path / "none", "postgresql://u:hidden@/usher?host=/nowhere")
    with pytest.raises(Unavailable, match="could not be reached") as failed:
        moved(folder, "postgresql://u:hidden@/usher?host=/nowhere")
    assert "hidden" not in failed.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://jo:hidden@db:5433/usher", "postgresql://jo:***@db:5433/usher"),
        ("postgresql://jo@db/usher", "postgresql://jo@db/usher"),
        ("postgresql://jo@/usher?host=/run/pg&password=hidden", "postgresql://jo@/usher?host=%2Frun%2Fpg&password=***"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_pages_name_the_versions_and_the_waiting_that_the_code_has() -> None:
    how_to = Path(__file__).parents[2] / "docs" / "how-to"

    assert f"version {OLDEST_VERSION} or newer" in (how_to / "move-to-postgresql.md").read_text()
    usual_seconds = lives_ms(send_room_seconds=settings_from({}).send_room_seconds) // 1000
    assert f"the last {usual_seconds} seconds" in (how_to / "back-up-and-restore.md").read_text()
