"""What each command does, in-process on a data folder that no `serve` works on."""

import json
from urllib.request import urlopen

import pytest

from tests.cli.terminal import SANDBOX, Terminal
from usher import __version__


def test_authorizations_are_saved_tested_renamed_and_deleted(terminal: Terminal) -> None:
    terminal.add_authorizations()
    listed = terminal.done("auth", "list").out
    assert "Our Mapp" in listed
    assert "Our Lytics" in listed
    for label in ("Our Mapp", "Our Lytics"):
        tested = terminal.done("auth", "test", label)
        assert f"'{label}' works." in tested.out
    renamed = terminal.done("auth", "rename", "Our Mapp", "--label", "Their Mapp", "--json").json
    assert renamed["label"] == "Their Mapp"
    assert "Their Mapp" in terminal.done("auth", "show", renamed["id"][:6]).out
    terminal.done("auth", "delete", "Their Mapp", "--yes")
    assert terminal.run("auth", "show", "Their Mapp").code == 1


def test_a_rotated_secret_is_what_counts_from_then_on(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.done("auth", "rotate", "Our Mapp", "--secret", "not-the-secret")
    failed = terminal.run("auth", "test", "Our Mapp")
    assert (failed.code, "does not work" in failed.out) == (1, True)
    terminal.done("auth", "rotate", "Our Mapp", "--secret", SANDBOX.secret)
    terminal.done("auth", "test", "Our Mapp")


def test_a_secret_may_come_from_the_environment_and_is_never_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYTICS_API_TOKEN", "a-secret-token")
    made = terminal.done("auth", "add", "lytics", "--label", "x", "--api-url", f"{terminal.sandbox_url}/lytics")
    shown = terminal.done("auth", "show", "x", "--json")
    assert "a-secret-token" not in made.out + shown.out


def test_a_rotation_takes_nothing_from_the_environment_unless_told_to(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.add_authorizations()
    for name in ("MAPP_SECRET", "MAPP_PASSWORD", "LYTICS_API_TOKEN"):
        monkeypatch.setenv(name, "not-the-secret")
    for label, option in (("Our Mapp", "--max-in-flight=8"), ("Our Lytics", f"--token={SANDBOX.lytics_token}")):
        terminal.done("auth", "rotate", label, option)
        terminal.done("auth", "test", label)
    for label in ("Our Mapp", "Our Lytics"):
        terminal.done("auth", "rotate", label, "--from-env")
        assert terminal.run("auth", "test", label).code == 1
    terminal.done("auth", "rotate", "Our Mapp", "--from-env", "--secret", SANDBOX.secret)
    terminal.done("auth", "test", "Our Mapp")
    monkeypatch.delenv("MAPP_SECRET")
    said = terminal.run("auth", "rotate", "Our Mapp", "--from-env")
    assert (said.code, "MAPP_SECRET" in said.err) == (2, True)


def test_a_limit_can_be_set_and_removed(terminal: Terminal) -> None:
    terminal.add_authorizations()
    limits = {"requests_per_second": 5, "max_in_flight": 8}
    options = ("--requests-per-second", "5", "--max-in-flight", "8")
    held = terminal.done("auth", "rotate", "Our Mapp", *options, "--json").json["meta"]["config"]
    assert held.items() >= limits.items()
    removing = ("--no-requests-per-second", "--no-max-in-flight")
    held = terminal.done("auth", "rotate", "Our Mapp", *removing, "--json").json["meta"]["config"]
    assert not held.keys() & limits.keys()
    said = terminal.run("auth", "rotate", "Our Mapp", "--max-in-flight", "8", *removing)
    assert (said.code, "--max-in-flight" in said.err) == (2, True)


def test_an_integration_can_be_given_a_user_to_read_back_with(terminal: Terminal) -> None:
    terminal.add_authorizations()
    rest = ("--rest-api-url", f"{terminal.sandbox_url}/mapp/rest", "--user", "u")
    said = terminal.run("auth", "rotate", "Our Mapp", *rest)
    assert (said.code, "config.password" in said.err) == (2, True)
    changed = terminal.done("auth", "rotate", "Our Mapp", *rest, "--password", "p", "--json").json
    assert changed["type"] == "userpass-secret"
    assert changed["meta"]["config"]["integration_id"] == SANDBOX.integration_id


def test_a_missing_secret_with_nobody_to_ask_is_wrong_usage(terminal: Terminal) -> None:
    said = terminal.run(
        "auth", "add", "mapp", "--label", "x", "--api-url", "https://a.example", "--integration-id", "y"
    )
    assert said.code == 2
    assert "--secret" in said.err


def test_a_token_is_printed_once_and_alone(terminal: Terminal) -> None:
    made = terminal.done("token", "create", "--name", "ci", "--role", "operator")
    token = made.out.strip()
    assert len(token) >= 43
    assert not any(char.isspace() for char in token)
    listed = terminal.done("token", "list", "--json")
    assert [(one["name"], one["role"]) for one in listed.json] == [("ci", "operator")]
    assert token not in listed.out
    terminal.done("token", "revoke", "ci")
    assert terminal.done("token", "list", "--json").json == []


def test_a_job_is_created_shown_edited_and_ended(terminal: Terminal) -> None:
    terminal.add_authorizations()
    job = terminal.create_job("VIP", "--existing-users", "--reconcile-hours", "0.5")
    assert job["config"]["withbackfill"] is True
    assert job["config"]["reconcile_hours"] == 0.5
    shown = terminal.done("job", "show", "VIP").out
    for words in ("VIP shoppers (vip_shoppers)", "Paste this into", "no trigger has ever arrived", "0 total"):
        assert words in shown
    edited = terminal.done("job", "edit", "VIP", "--name", "VIPs", "--attribute", "vip", "--json").json
    assert (edited["name"], edited["meta"]["attribute_key"]) == ("VIPs", "vip")
    assert edited["meta"]["notes"]
    assert terminal.done("job", "pause", job["id"][:8], "--json").json["status"] == "paused"
    assert "paused" in terminal.done("job", "list").out
    assert terminal.done("job", "resume", "VIPs", "--json").json["status"] == "runnable"
    assert terminal.done("job", "restart", "VIPs", "--json").json["status"] == "runnable"
    for command in ("resend", "retry"):
        assert "owed again" in terminal.done("job", command, "VIPs").out
    assert terminal.run("job", "confirm-removals", "VIPs", "--yes").code == 1
    assert "Paused by" in terminal.done("job", "logs", "VIPs").out
    assert terminal.done("job", "kill", "VIPs", "--yes", "--json").json["status"] == "killed"
    assert terminal.done("job", "list", "--json").json == []
    assert len(terminal.done("job", "list", "--all", "--json").json) == 1
    terminal.done("job", "delete", "VIPs", "--yes")
    assert terminal.run("job", "show", "VIPs").code == 1


def test_every_problem_of_a_job_is_a_line_of_its_own(terminal: Terminal) -> None:
    terminal.add_authorizations()
    base = ("--audience", "nope", "--identifier-field", "nope", "--group", "1", "--prefix", "x", "--backfill-only")
    said = terminal.run("job", "create", "--name", "x", *base)
    assert said.code == 2
    errors = [line for line in said.err.splitlines() if line.startswith("error:")]
    for field in ("segment_id", "uid_field", "group_id", "dynamic_attribute_prefix", "backfill_only"):
        assert sum(f"config.{field}" in line for line in errors) == 1, (field, errors)


def test_a_job_without_authorizations_is_told_every_other_problem_too(terminal: Terminal) -> None:
    base = ("--name", "x", "--audience", "vip_shoppers", "--prefix", "x", "--backfill-only")
    said = terminal.run("job", "create", *base)
    assert said.code == 2
    wanted = ("of Mapp", "usher auth add mapp", "of Lytics", "usher auth add lytics", "config.uid_field",
              "config.group_id", "config.dynamic_attribute_prefix", "config.backfill_only")  # fmt: skip
    assert [words for words in wanted if words not in said.err] == []
    named = terminal.run("job", "create", *base, "--mapp", "Nobody's")
    assert (named.code, "Nobody's" in named.err, "config.group_id" in named.err) == (2, True, True)


def test_a_job_tells_where_its_trigger_token_is_read_and_what_to_paste(terminal: Terminal) -> None:
    terminal.add_authorizations()
    base = ("--audience", "vip_shoppers", "--identifier-field", "email", "--group", SANDBOX.home_group)
    created = terminal.done("job", "create", "--name", "VIP", *base).out
    shown = terminal.done("job", "show", "VIP").out
    for out in (created, shown):
        assert "usher auth endpoint 'Our Lytics'" in out
    assert "note: " in created
    endpoint = terminal.done("auth", "endpoint", "Our Lytics").out
    lines = [line.split("  ")[0].strip() for line in endpoint.splitlines()]
    assert {"webhook url", "http method", "batch size"} <= set(lines)
    assert "{" not in endpoint


def test_a_job_is_created_with_its_own_brake_and_lower_case(terminal: Terminal) -> None:
    terminal.add_authorizations()
    options = ("--lowercase", "--exit-brake-people", "50", "--exit-brake-percent", "12.5")
    job = terminal.create_job("VIP", *options)
    wanted = {"lowercase_identifiers": True, "exit_brake_people": 50, "exit_brake_percent": 12.5}
    assert job["config"].items() >= wanted.items()
    assert job["meta"]["notes"]
    edited = terminal.done("job", "edit", "VIP", "--exit-brake-people", "60", "--json").json
    assert (edited["config"]["exit_brake_people"], edited["config"]["lowercase_identifiers"]) == (60, True)


def test_a_preview_shows_the_request_or_the_problems_and_saves_nothing(terminal: Terminal) -> None:
    terminal.add_authorizations()
    base = ("--audience", "vip_shoppers", "--identifier-field", "email")
    fine = terminal.done("job", "preview", *base, "--group", SANDBOX.home_group, "--existing-users")
    assert '"vip_shoppers":"true"' in fine.out
    assert "note:" in fine.out
    bad = terminal.run("job", "preview", *base, "--group", "77")
    assert (bad.code, "config.group_id" in bad.out) == (2, True)
    assert terminal.done("job", "list", "--all", "--json").json == []


def test_somebody_whom_the_job_never_saw_is_explained_whatever_the_name(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    for member in ("a/b+c@example.com", "100%@example.com", "ü@bücher.example", "../x"):
        assert member in terminal.done("explain", "VIP", member).out
        assert terminal.done("explain", "VIP", member, "--json").json["member"] == member


def test_a_job_may_be_named_by_the_beginning_of_its_id_but_not_ambiguously(terminal: Terminal) -> None:
    terminal.add_authorizations()
    job = terminal.create_job("Same")
    terminal.create_job("Same", "--attribute", "other")
    assert terminal.done("job", "show", job["id"][:10], "--json").json["id"] == job["id"]
    said = terminal.run("job", "show", "Same")
    assert (said.code, "Say more of the id" in said.err) == (1, True)


def test_every_command_that_prints_a_table_prints_json_too(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    for words in (
        "auth list", "auth show Our\xa0Mapp", "auth endpoint Our\xa0Lytics", "token list", "job list", "job show VIP",
        "job progress VIP", "job logs VIP", "job members VIP", "explain VIP x@example.com", "doctor",
    ):  # fmt: skip
        said = terminal.done(*(word.replace("\xa0", " ") for word in words.split(" ")), "--json")
        json.loads(said.out)


def test_what_is_ended_is_said_in_json_too(terminal: Terminal) -> None:
    terminal.add_authorizations()
    job = terminal.create_job("VIP")
    gone = terminal.done("job", "delete", "VIP", "--yes", "--json").json
    assert (gone["id"], gone["status"]) == (job["id"], "deleted")
    auth = terminal.done("auth", "show", "Our Mapp", "--json").json
    gone = terminal.done("auth", "delete", "Our Mapp", "--yes", "--json").json
    assert gone == {"deleted": auth["id"], "label": "Our Mapp"}
    terminal.done("token", "create", "--name", "ci")
    assert terminal.done("token", "revoke", "ci", "--json").json == {"revoked": "ci"}


def test_progress_that_is_watched_is_json_lines_for_programs(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    terminal.done("job", "pause", "VIP")
    lines = terminal.done("job", "progress", "VIP", "--watch", "--json").out.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["paused"]


def test_a_job_that_is_created_and_watched_is_the_first_of_the_json_lines(terminal: Terminal) -> None:
    terminal.add_authorizations()
    base = ("--audience", "vip_shoppers", "--identifier-field", "email", "--group", SANDBOX.home_group)
    said = terminal.run("job", "create", "--name", "VIP", *base, "--watch", "--json")
    assert said.code == 1  # no service moves it; the job was created all the same
    assert [json.loads(line)["name"] for line in said.out.splitlines()] == ["VIP"]


@pytest.mark.parametrize("look", ["progress", "show"])
def test_what_a_job_does_now_is_said_in_a_sentence(terminal: Terminal, look: str) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    sentence = terminal.done("job", "progress", "VIP", "--json").json["sentence"]
    assert sentence == "Waiting for the first change: none has ever arrived from Lytics."
    assert sentence in terminal.done("job", look, "VIP").out


def test_progress_is_plain_lines_where_there_is_no_terminal(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    terminal.done("job", "pause", "VIP")
    out = terminal.done("job", "progress", "VIP", "--watch").out
    assert out.splitlines() == ["paused: nobody yet"]
    assert "\x1b" not in out


def test_nobody_waits_for_a_job_that_no_service_moves(terminal: Terminal) -> None:
    terminal.add_authorizations()
    base = ("--audience", "vip_shoppers", "--identifier-field", "email", "--group", SANDBOX.home_group)
    said = terminal.run("job", "create", "--name", "VIP", *base, "--existing-users", "--watch")
    assert (said.code, "usher serve" in said.err) == (1, True)
    assert "Nothing moves until `usher serve` runs" in said.err
    assert len(terminal.done("job", "list", "--json").json) == 1


def test_tables_have_no_colour_where_there_is_no_terminal(terminal: Terminal) -> None:
    terminal.add_authorizations()
    assert "\x1b" not in terminal.done("auth", "list").out


def test_what_a_job_is_put_together_from_can_be_listed(terminal: Terminal) -> None:
    assert "usher auth add lytics" in terminal.run("audience", "list").err
    terminal.add_authorizations()
    for thing, words in (("audience", "vip_shoppers"), ("field", "email"), ("group", SANDBOX.home_group)):
        assert words in terminal.done(thing, "list").out
        assert words in {value for row in terminal.done(thing, "list", "--json").json for value in row.values()
                         if isinstance(value, str)}  # fmt: skip


def test_what_cannot_be_undone_is_refused_without_a_terminal_unless_yes_is_said(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    for words in (
        "job delete VIP",
        "job kill VIP",
        "job confirm-removals VIP",
        "auth delete Our\xa0Mapp",
        "db restore x",
    ):
        said = terminal.run(*(word.replace("\xa0", " ") for word in words.split(" ")))
        assert (said.code, "--yes" in said.err) == (2, True), words
    assert terminal.done("job", "show", "VIP", "--json").json["status"] == "runnable"


def test_what_needs_a_service_says_that_none_runs(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    for command in ("reconcile", "resend", "retry", "restart"):
        assert "Nothing moves until `usher serve` runs" in terminal.done("job", command, "VIP").err, command
    assert "No service runs on this data" in terminal.done("doctor").out


def test_a_job_names_its_authorizations(terminal: Terminal) -> None:
    terminal.add_authorizations()
    terminal.create_job("VIP")
    for words in (("job", "list"), ("job", "show", "VIP")):
        shown = " ".join(terminal.done(*words).out.split())
        assert "Our Mapp" in shown
        assert "Our Lytics" in shown


def test_a_token_that_hides_identifiers_is_not_said_to_work(terminal: Terminal) -> None:
    body = json.dumps({"token": "blind", "rights": ["audiences", "schema"]}).encode()
    with urlopen(f"{terminal.sandbox_url}/control/lytics/token", data=body) as answer:
        assert answer.status == 200
    base = ("--label", "Blind", "--api-url", f"{terminal.sandbox_url}/lytics", "--token", "blind")
    terminal.done("auth", "add", "lytics", *base)
    said = terminal.run("auth", "test", "Blind")
    assert (said.code, "works" in said.out) == (1, False)
    assert "PII View" in said.out.splitlines()[1]
    assert "PII View" in terminal.run("doctor").out


def test_the_version_is_told(terminal: Terminal) -> None:
    assert terminal.done("--version").out == f"usher {__version__}\n"
