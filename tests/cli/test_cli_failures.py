"""What is said when something does not work: what happened, what to do, the exit code, and never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from usher.cli.api import Refused, _unwrapped
from usher.cli.failures import report, report_unexpected
from usher.errors import Conflict, InvalidInput, Problem

HEAVY = ("aiohttp", "fastapi", "pydantic", "rich.console", "sqlalchemy", "uvicorn", "usher.wiring")


def test_two_lines_say_what_happened_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Conflict("Process 7 already works on it. Stop it, or wait.")) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: Process 7 already works on it.",
        "       Stop it, or wait.",
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput(Problem("a", "is odd.", "Mend it.")), 2),
        (Refused(400, ["a: is odd."]), 2),
        (Refused(401, ["No."]), 1),
        (Refused(409, ["No."]), 1),
        (Refused(503, ["No."]), 1),
        (Conflict("No."), 1),
    ],
)
def test_the_exit_code_tells_misuse_from_failure(
    error: Conflict, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_an_unexpected_fault_is_kept_in_a_private_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("deep inside")
    assert report_unexpected(caught.value) == 1
    said = capsys.readouterr().err
    assert "deep inside" not in said
    file = Path(said.partition("details are in ")[2].strip().rstrip("."))
    try:
        assert "deep inside" in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
    finally:
        file.unlink()


def test_wrong_usage_is_2(terminal: Terminal) -> None:
    for words in (("job", "show"), ("nonsense",), ("token", "create", "--name", "x", "--role", "king"), ("job", "x")):
        assert terminal.run(*words).code == 2, words


def test_an_odd_setting_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_ODD", "1")
    said = terminal.run("job", "list")
    assert (said.code, "USHER_ODD" in said.err) == (2, True)


def test_a_service_that_is_not_there_is_said_to_be_missing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_URL", "http://127.0.0.1:9")
    said = terminal.run("job", "list")
    assert (said.code, "usher serve" in said.err) == (1, True)


def test_something_else_that_answers_is_not_taken_for_usher(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USHER_URL", terminal.sandbox_url)
    said = terminal.run("job", "list")
    assert (said.code, "not Usher" in said.err) == (1, True)


def test_a_worker_says_that_it_needs_postgresql(terminal: Terminal) -> None:
    said = terminal.run("worker")
    assert (said.code, "PostgreSQL" in said.err) == (2, True)


def test_a_folder_too_deep_for_a_socket_is_named_with_the_mend(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("USHER_DATA_DIR", str(tmp_path / ("deep" * 30)))
    said = terminal.run("job", "list")
    assert (said.code, "USHER_DATA_DIR" in said.err) == (2, True)


def test_help_loads_nothing_heavy() -> None:
    asked = f"import sys, usher.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_folder_that_cannot_be_made_and_a_port_that_is_none_are_wrong_usage(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal.run("serve", "--port", "99999").code == 2
    terminal.add_authorizations()
    said = terminal.run("auth", "rename", "Our Mapp")
    assert (said.code, "--label" in said.err) == (2, True)
    monkeypatch.setenv("USHER_DATA_DIR", "/proc/x")
    said = terminal.run("job", "list")
    assert (said.code, "USHER_DATA_DIR" in said.err) == (2, True)


def test_a_wrong_token_s_variable_is_named() -> None:
    with pytest.raises(Refused, match="Check USHER_TOKEN"):
        _unwrapped(401, {"errors": [{"message": "No."}]})
