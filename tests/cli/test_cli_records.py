"""Messages that made no sense, and who did what, on a terminal."""

import secrets

from pydantic import SecretStr

from tests.cli.terminal import Terminal
from tests.clocks import ManualClock
from tests.store.stores import run
from usher.domain.notes import LogEntry, Unreadable
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.store import notes
from usher.store.database import Txn, Work
from usher.store.opening import open_sqlite
from usher.vault import Vault, load_or_create_key_ring


def write(terminal: Terminal, work: Work[None]) -> None:
    store = open_sqlite(terminal.folder, clock=ManualClock(), is_threaded=False)
    run(store.database.write(work))
    run(store.close())


def keep(terminal: Terminal, body: bytes, *, times: int = 1) -> None:
    """Keep an unreadable message as the service does."""
    ring = load_or_create_key_ring(
        secret_key=SecretStr(""), secret_key_file=None, data_dir=terminal.folder, random_bytes=secrets.token_bytes
    )
    sealed = Vault(ring).seal(body, place=UNREADABLE_PLACE).encode()
    item = Unreadable("lytics1", "not_json", sealed, len(body))
    write(terminal, lambda txn: notes.add_unreadable(txn, [item] * times))


def test_an_unreadable_message_is_listed_and_shown(terminal: Terminal) -> None:
    assert "Every message made sense." in terminal.done("unreadable", "list").out
    keep(terminal, b"half {")

    assert "not_json" in terminal.done("unreadable", "list").out
    (listed,) = terminal.done("unreadable", "list", "--json").json
    assert "half {" in terminal.done("unreadable", "show", listed["id"]).out
    assert terminal.done("unreadable", "show", listed["id"], "--json").json == listed
    assert terminal.run("unreadable", "show", "99").code == 1


def test_a_hostile_message_does_not_steer_the_terminal(terminal: Terminal) -> None:
    keep(terminal, b"\x1b]0;owned\x07 [bold]\r\x00\x9b31m")

    shown = terminal.done("unreadable", "show", "1").out

    assert "owned" in shown
    assert "[bold]" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_more_than_a_page_is_shown_when_asked_for(terminal: Terminal) -> None:
    keep(terminal, b"", times=60)

    assert "--all" in terminal.done("unreadable", "list").out
    assert len(terminal.done("unreadable", "list", "--json").json) == 50
    assert len(terminal.done("unreadable", "list", "--all", "--json").json) == 60


def test_the_audit_trail_says_who_did_what(terminal: Terminal) -> None:
    assert "Nobody has changed anything." in terminal.done("audit").out
    terminal.done("token", "create", "--name", "reader")

    assert "token.create" in terminal.done("audit").out
    assert terminal.done("audit", "--json").json[0]["actor"] == "local operator"


def test_a_log_is_told_from_its_newest_lines_and_whole_when_asked(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")

    def fill(txn: Txn) -> None:
        for number in range(250):
            notes.add_log(txn, LogEntry(1, "info", str(number), ""))

    write(terminal, fill)

    newest = [line["message"] for line in terminal.done("job", "logs", "VIP", "--json").json]
    assert newest == [str(number) for number in range(50, 250)]
    assert len(terminal.done("job", "logs", "VIP", "--all", "--json").json) > 250
