"""`usher alert`, in-process."""

import pytest

from tests.cli.terminal import Terminal


def test_channels_are_added_tested_listed_and_deleted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody is told of alerts yet" in terminal.done("alert", "channels").out
    made = terminal.done("alert", "add", "webhook", "--name", "Hook", "--url", f"{terminal.sandbox_url}/nothing").out
    assert "whsec_" in made
    monkeypatch.setenv("SMTP_PASSWORD", "mail-password-5")
    mail = (
        "--host",
        "smtp.example.com",
        "--from",
        "usher@example.com",
        "--to",
        "a@example.com",
        "--to",
        "b@example.com",
    )
    terminal.done("alert", "add", "email", "--name", "Ops", *mail, "--user", "usher", "--level", "critical")
    terminal.done("alert", "add", "slack", "--name", "Chat", "--url", f"{terminal.sandbox_url}/services/T/B/x")
    tested = terminal.run("alert", "test", "Hook")
    assert (tested.code, "answered 404" in tested.out) == (1, True)
    listed = terminal.done("alert", "channels").out
    assert "answered 404" in " ".join(listed.split())
    shown = terminal.done("alert", "channels", "--json")
    assert [one["type"] for one in shown.json] == ["webhook", "email", "slack"]
    assert shown.json[1]["config"]["to"] == ["a@example.com", "b@example.com"]
    for secret in ("mail-password-5", "whsec_", "/services/T/B/x"):
        assert secret not in listed + shown.out
    terminal.done("alert", "delete", "Hook", "--yes")
    assert terminal.run("alert", "test", "Hook").code == 1


def test_what_is_wrong_is_listed(terminal: Terminal) -> None:
    assert "Nothing is wrong" in terminal.done("alert", "list").out
    assert terminal.done("alert", "list", "--json").json == {"open": [], "ended": []}
