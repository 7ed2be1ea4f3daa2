"""Backups, the key and the doctor, on real files."""

import base64
import fcntl
import os
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.clocks import ManualClock
from usher.cli.checks import Level
from usher.cli.reach_check import reach_check
from usher.cli.serving import built_service, network_socket, served
from usher.cli.vendor_checks import clock_check
from usher.errors import RemoteUnreachable
from usher.http import GuardedHttp, Reply
from usher.settings import Settings


def test_a_backup_brings_everything_back(terminal: Terminal, tmp_path: Path) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    saved = tmp_path / "saved.db"
    assert "1" in terminal.done("db", "backup", str(saved)).out
    terminal.done("job", "delete", "VIP", "--yes")
    assert "Jobs that will tell everybody" in terminal.done("db", "restore", str(saved), "--yes").out
    assert [job["name"] for job in terminal.done("job", "list", "--json").json] == ["VIP"]
    terminal.done("auth", "test", "Our Mapp")


def test_the_store_s_commands_answer_in_json_too(terminal: Terminal, tmp_path: Path) -> None:
    file = str(terminal.folder / "usher.db")
    assert terminal.done("db", "upgrade", "--json").json == {"path": file}
    terminal.done("db", "backup", str(tmp_path / "saved.db"))
    restored = terminal.done("db", "restore", str(tmp_path / "saved.db"), "--yes", "--json").json
    assert (restored["restored"], restored["jobs"]) == (str(tmp_path / "saved.db"), 0)
    assert Path(restored["replaced"]).exists()
    rotated = terminal.done("key", "rotate", "--json").json
    assert (set(rotated), rotated["resealed"], rotated["locked"]) == ({"key", "resealed", "locked"}, 0, 0)


def test_a_backup_never_overwrites(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("db", "upgrade")
    (tmp_path / "there").write_text("precious")
    assert terminal.run("db", "backup", str(tmp_path / "there")).code == 1
    assert (tmp_path / "there").read_text() == "precious"


def test_a_rotated_key_opens_what_the_old_one_sealed(terminal: Terminal) -> None:
    terminal.add_authorizations()
    endpoint = terminal.done("auth", "endpoint", "Our Lytics", "--json").json
    assert "secrets were sealed again" in terminal.done("key", "rotate").out
    lines = (terminal.folder / "secret.key").read_text().split()
    assert len(lines) == 2
    # Only the new key is left: whatever opens now was sealed again with it.
    (terminal.folder / "secret.key").write_text(lines[0] + "\n")
    terminal.done("auth", "test", "Our Mapp")
    terminal.done("auth", "test", "Our Lytics")
    assert terminal.done("auth", "endpoint", "Our Lytics", "--json").json["header"] == endpoint["header"]


def test_a_key_that_was_put_first_by_hand_seals_everything_again(terminal: Terminal) -> None:
    terminal.add_authorizations()
    file = terminal.folder / "secret.key"
    fresh = base64.b64encode(os.urandom(32)).decode()
    file.write_text(f"{fresh}\n{file.read_text()}")
    assert "secrets were sealed again" in terminal.done("key", "reseal").out
    assert terminal.done("key", "reseal", "--json").json["resealed"] == 0
    file.write_text(f"{fresh}\n")
    terminal.done("auth", "test", "Our Mapp")


def test_a_key_is_not_rotated_under_a_running_service(terminal: Terminal) -> None:
    terminal.done("db", "upgrade")
    before = (terminal.folder / "secret.key").exists()
    held = os.open(terminal.folder / "usher.lock", os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert terminal.run("key", "rotate").code == 1
    finally:
        os.close(held)
    assert (terminal.folder / "secret.key").exists() == before


def test_the_doctor_finds_a_healthy_installation_healthy(terminal: Terminal) -> None:
    terminal.add_authorizations()
    checks = terminal.done("doctor", "--json").json
    assert {check["level"] for check in checks} <= {"ok", "warn"}
    said = " ".join(check["what"] for check in checks)
    for words in ("database", "secret key", "SQLite", "'Our Mapp' works", "'Our Lytics' works", "clock agrees"):
        assert words in said, words


def test_the_doctor_names_what_is_broken_and_the_mend(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.done("auth", "rotate", "Our Mapp", "--secret", "wrong")
    said = terminal.run("doctor")
    assert said.code == 1
    assert "bad  The authorization 'Our Mapp' does not work." in said.out


def test_the_doctor_finds_a_damaged_database(terminal: Terminal) -> None:
    terminal.done("db", "upgrade")
    file = terminal.folder / "usher.db"
    for log in terminal.folder.glob("usher.db-*"):
        log.unlink()
    raw = bytearray(file.read_bytes())
    raw[4096 : 4096 * 8] = b"\x00" * (4096 * 7)
    file.write_bytes(bytes(raw))
    said = terminal.run("doctor")
    assert (said.code, "Restore a backup." in said.out) == (1, True)


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("", "is not set"),
        ("http://usher.example", "is not an https address"),
        ("https://127.0.0.1:9", "cannot be reached from here"),
    ],
)
def test_the_doctor_says_whether_triggers_can_come(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, base_url: str, words: str
) -> None:
    monkeypatch.delenv("USHER_ALLOW_HTTP")
    monkeypatch.setenv("USHER_BASE_URL", base_url)
    checks = terminal.done("doctor", "--json").json
    (found,) = [check for check in checks if "USHER_BASE_URL" in check["what"]]
    assert (found["level"], words in found["what"], bool(found["mend"])) == ("warn", True, True)


@pytest.mark.parametrize(("path", "level"), [("", Level.OK), ("/healthz", Level.WARN)])
async def test_only_a_service_that_answers_at_its_address_is_found_there(
    tmp_path: Path, path: str, level: Level
) -> None:
    settings = Settings(data_dir=tmp_path, allow_http=True, allow_private=True)
    listening = network_socket("127.0.0.1", 0)
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    async with built_service(settings, with_engine=False) as app, served(app, [listening]):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{path}"
        check = await reach_check(http, url, allow_http=True)
        await http.close()
    assert check.level is level, check


class Answering:
    """Answers every request with one Date header, or not at all."""

    def __init__(self, date: str | None) -> None:
        self.date = date

    async def request(self, method: str, url: str, **_more: object) -> Reply:
        if self.date is None:
            raise RemoteUnreachable("Nobody there.")
        return Reply(404, {"date": self.date}, b"")


@pytest.mark.parametrize(
    ("date", "level"),
    [
        ("Mon, 21 Sep 2026 14:13:20 GMT", Level.OK),
        ("Mon, 21 Sep 2026 14:13:24 GMT", Level.OK),
        ("Mon, 21 Sep 2026 14:13:27 GMT", Level.BAD),
        ("Mon, 21 Sep 2026 14:10:00 GMT", Level.BAD),
        ("", Level.WARN),
        ("nonsense", Level.WARN),
        (None, Level.WARN),
    ],
)
async def test_a_clock_that_is_off_is_found(date: str | None, level: Level) -> None:
    check = await clock_check(Answering(date), "https://a.example", clock=ManualClock())
    assert check.level is level
