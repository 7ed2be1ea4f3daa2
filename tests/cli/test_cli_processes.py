"""Real processes: serve and its two sockets, how it stops, and the whole demo."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cli.terminal import Terminal

pytestmark = pytest.mark.process
USHER = [sys.executable, "-m", "usher.cli.main"]


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `usher serve` on a free port; yields the process and its URL."""
    environment = os.environ | {"USHER_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [*USHER, "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        try:
            yield run, run.stdout.readline().split()[-1]
        finally:
            run.kill()


def test_commands_speak_to_the_service_that_runs_on_the_data(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(terminal.folder) as (process, url):
        token = terminal.done("token", "create", "--name", "x", "--role", "viewer").out.strip()
        assert terminal.done("job", "list", "--json").json == []
        assert terminal.run("db", "upgrade").code == 1  # the file has an owner
        monkeypatch.setenv("USHER_URL", url)
        assert terminal.run("job", "list").code == 1
        monkeypatch.setenv("USHER_TOKEN", token)
        terminal.done("job", "list")
        assert terminal.run("token", "list").code == 1
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(20) == 0
        assert time.monotonic() - began < 20
    monkeypatch.delenv("USHER_URL")
    monkeypatch.delenv("USHER_TOKEN")
    assert not (terminal.folder / "usher.sock").exists()
    assert len(terminal.done("token", "list", "--json").json) == 1


def half_a_trigger(terminal: Terminal, url: str) -> socket.socket:
    """Begin to send a trigger message: all but its last byte, which is "]"."""
    auths = terminal.done("auth", "add", "lytics", "--label", "L", "--token", "x", "--json").json
    endpoint = terminal.done("auth", "endpoint", "L", "--json").json
    host, port = url.removeprefix("http://").split(":")
    open_ = socket.create_connection((host, int(port)), timeout=15)
    head = f"POST /triggers/{auths['id']} HTTP/1.1\r\nHost: x\r\n{endpoint['header']}\r\nContent-Length: 2\r\n\r\n["
    open_.sendall(head.encode())
    with urlopen(f"{url}/healthz") as alive:  # accepted after the connection above, so that one is known by now
        assert alive.status == 200
    return open_


def test_what_is_in_flight_is_finished_before_the_end(terminal: Terminal) -> None:
    with serving(terminal.folder) as (process, url), half_a_trigger(terminal, url) as sending:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        while "Stopping" not in process.stdout.readline():
            assert process.poll() is None
        sending.sendall(b"]")
        assert sending.recv(1000).startswith(b"HTTP/1.1 200")
        assert process.wait(20) == 0


def test_a_second_signal_ends_at_once(terminal: Terminal) -> None:
    with serving(terminal.folder) as (process, url), half_a_trigger(terminal, url):
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        while "Stopping" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(3) == 128 + signal.SIGTERM


def test_what_a_killed_service_left_behind_is_in_nobodys_way(terminal: Terminal) -> None:
    with serving(terminal.folder) as (process, _):
        terminal.done("token", "create", "--name", "x")
        process.kill()
        process.wait()
    assert (terminal.folder / "usher.sock").exists()
    assert len(terminal.done("token", "list", "--json").json) == 1
    with serving(terminal.folder):
        assert len(terminal.done("token", "list", "--json").json) == 1


def test_a_taken_port_is_said_in_words(terminal: Terminal) -> None:
    with serving(terminal.folder) as (_, url), TemporaryDirectory(prefix="usher-") as other:
        found = run_usher("serve", "--port", url.rpartition(":")[2], USHER_DATA_DIR=other)
    assert found.returncode == 1
    assert "--port" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_demo_ends_in_agreement() -> None:
    found = run_usher("demo", "--once", "--members", "60")
    assert found.returncode == 0, found.stdout + found.stderr
    last = found.stdout.strip().splitlines()[-1]
    assert "agree" in last
    assert "differ" not in found.stdout
    assert "\x1b" not in found.stdout


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and so would whatever it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_a_demo_that_is_interrupted_does_not_say_that_it_succeeded() -> None:
    with subprocess.Popen([*USHER, "demo", "--once", "--members", "60"], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert "Starting a sandbox" in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130


def run_usher(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given: dict[str, Any] = os.environ | environment
    return subprocess.run([*USHER, *words], capture_output=True, text=True, timeout=100, check=False, env=given)
