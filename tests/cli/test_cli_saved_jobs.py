"""A job can be saved from the command line without starting it."""

from tests.cli.terminal import SANDBOX, Terminal

BASE = ("--audience", "vip_shoppers", "--identifier-field", "email", "--group", SANDBOX.home_group)


def test_a_job_is_saved_only_and_resumed_later(terminal: Terminal) -> None:
    terminal.add_authorizations()

    saved = terminal.done("job", "create", "--name", "VIP", *BASE, "--existing-users", "--save-only", "--json").json
    assert (saved["status"], saved["meta"]["cause"]) == ("paused", "unstarted")
    assert "Saved without starting." in terminal.done("job", "show", "VIP").out

    resumed = terminal.done("job", "resume", "VIP", "--json").json
    assert (resumed["status"], resumed["meta"]["scan_wanted"]) == ("runnable", "backfill")


def test_what_is_not_started_cannot_be_watched(terminal: Terminal) -> None:
    said = terminal.run("job", "create", "--name", "VIP", *BASE, "--save-only", "--watch")

    assert said.code == 2
