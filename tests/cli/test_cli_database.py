"""`usher db` on PostgreSQL: the move there, and backups and restores between the two databases."""

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.postgres import PostgresServer
from usher.cli.local_socket import own_socket_path, socket_path
from usher.settings import settings_from
from usher.store.sqlite import OwnerLock


def with_password(url: str) -> str:
    """The server trusts whoever reaches its socket, and asks for no password."""
    return url.replace("usher@", "usher:hidden@")


@pytest.fixture
def saved(terminal: Terminal, tmp_path: Path) -> Path:
    """A backup of a SQLite database with one job; the database is still there."""
    terminal.add_authorizations()
    terminal.create_job("VIP")
    terminal.done("db", "backup", str(tmp_path / "saved.db"))
    return tmp_path / "saved.db"


def test_an_upgrade_of_postgresql_runs_beside_a_service(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setenv("USHER_DATABASE_URL", postgres_url)
    serving = OwnerLock(terminal.folder)  # what a `serve` on this machine holds
    try:
        assert "is up to date" in terminal.done("db", "upgrade").out
    finally:
        serving.close()


@pytest.mark.parametrize(
    ("url", "is_its_own"),
    [("postgres://db/u", True), ("PostgreSQL+psycopg://db/u", True), ("sqlite:///u.db", False), ("", False)],
)
def test_a_command_beside_others_on_postgresql_listens_under_a_name_of_its_own(url: str, is_its_own: bool) -> None:
    settings = settings_from({"USHER_DATABASE_URL": url})

    assert (own_socket_path(settings) != socket_path(settings)) == is_its_own


def jobs(terminal: Terminal) -> list[str]:
    return [job["name"] for job in terminal.done("job", "list", "--json").json]


def test_everything_moves_to_postgresql_comes_back_and_goes_there_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, tmp_path: Path
) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    url = with_password(postgres.empty_database())

    moved = terminal.done("db", "move", url)

    assert "hidden" not in moved.out + moved.err
    assert f"USHER_DATABASE_URL={url.replace('hidden', '***').replace('/tmp', '%2Ftmp').split('?')[0]}" in moved.out
    assert "marked as moved" in moved.out
    served = terminal.run("job", "list")
    assert (served.code, "set USHER_DATABASE_URL" in served.err, "hidden" in served.err) == (1, True, False)
    doctor = terminal.run("doctor")
    assert (doctor.code, "was moved to usher_" in doctor.out) == (1, True)
    monkeypatch.setenv("USHER_DATABASE_URL", url)
    assert jobs(terminal) == ["VIP"]
    terminal.done("auth", "test", "Our Mapp")

    copy = str(tmp_path / "from-postgresql.db")
    assert terminal.done("db", "backup", copy, "--json").json["jobs"] == 1
    terminal.done("job", "delete", "VIP", "--yes")
    back = terminal.done("db", "restore", copy, "--yes", "--json").json
    assert (back["restored"], Path(back["replaced"]).parent) == (copy, terminal.folder)
    assert jobs(terminal) == ["VIP"]
    assert terminal.done("db", "after-restore", "--yes", "--json").json == {"jobs": 0}

    monkeypatch.delenv("USHER_DATABASE_URL")
    terminal.done("db", "restore", copy, "--yes")
    assert jobs(terminal) == ["VIP"]


def test_a_move_answers_in_json_and_says_what_it_mended(terminal: Terminal, postgres_url: str, saved: Path) -> None:
    moved = terminal.done("db", "move", with_password(postgres_url), "--json").json

    assert set(moved) == {"database_url", "left", "rows", "mended"}
    assert (moved["rows"]["jobs"], moved["rows"]["authorizations"], moved["mended"]) == (1, 2, {})
    assert moved["left"] == str(terminal.folder / "usher.db")
    again = terminal.run("db", "move", with_password(postgres_url))
    assert (again.code, "was moved to" in again.err, "hidden" in again.err) == (1, True, False)


def test_a_wrong_address_is_wrong_usage_and_never_shows_a_password(terminal: Terminal, saved: Path) -> None:
    said = terminal.run("db", "move", "mysql://usher:hidden@db/usher")
    assert (said.code, "names no PostgreSQL database" in said.err) == (2, True)
    unreachable = terminal.run("db", "move", "postgresql://usher:hidden@/usher?host=/nowhere")
    assert (unreachable.code, "could not be reached" in unreachable.err) == (1, True)
    assert "Check the address, user and password" in unreachable.err
    odd = terminal.run("db", "move", "postgresql://usher:hi@dden@127.0.0.1/usher")
    assert (odd.code, "Percent-encode" in odd.err, "dden" in odd.out + odd.err) == (2, True, False)
    assert "hidden" not in said.err + unreachable.err


def test_a_wrong_option_of_the_address_is_named(terminal: Terminal, saved: Path) -> None:
    said = terminal.run("db", "move", "postgresql://usher:hidden@/usher?host=/nowhere&nonsense=1")
    assert (said.code, "nonsense" in said.err, "hidden" in said.err) == (2, True, False)


@pytest.mark.parametrize("words", [("backup", "copy.db"), ("move", "postgresql://db/usher")], ids=["backup", "move"])
def test_where_there_is_no_database_none_is_made(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USHER_DATA_DIR", str(tmp_path / "elsewhere"))

    assert "There is no database at" in terminal.run("db", *words).err
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "copy.db").exists()


def test_after_restore_asks_first(terminal: Terminal, saved: Path) -> None:
    assert terminal.run("db", "after-restore").code == 2
    assert "tell everybody and compare their audience again: 0." in terminal.done("db", "after-restore", "--yes").out
    lines = terminal.done("job", "logs", "VIP", "--json").json
    assert "A backup was restored, so everybody is told again." in [line["message"] for line in lines]
    newest = terminal.done("audit", "--json").json[0]
    assert (newest["actor"], newest["action"]) == ("local operator", "db.after_restore")
