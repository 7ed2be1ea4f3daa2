"""How a process stops: the first signal lets what is in flight finish, the second ends it at once."""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.request import Request, urlopen

import pytest
import uvloop

from tests.cli.terminal import Terminal, sandbox_in_a_thread
from tests.cli.test_cli_processes import serving
from usher.cli import serving as serving_module
from usher.cli.serving import stop_signals
from usher.store.opening import FILE_NAME

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, signals_as_before: None) -> list[int]:
    """The codes with which this process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(serving_module.os, "_exit", codes.append)
    return codes


@LOOPS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_told_and_ends_nothing(
    ended: list[int], run: Callable[[Any], Any], number: signal.Signals
) -> None:
    async def whole() -> None:
        told = stop_signals()
        assert not told.is_set()
        os.kill(os.getpid(), number)
        await asyncio.wait_for(told.wait(), 5)

    run(whole())
    assert ended == []


@LOOPS
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_the_process_even_while_something_keeps_the_loop_busy(
    ended: list[int], run: Callable[[Any], Any], second: signal.Signals
) -> None:
    async def whole() -> None:
        stop_signals()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), second)
        give_up_at = time.monotonic() + 5
        while not ended and time.monotonic() < give_up_at:
            pass  # as a thread that never gives the loop its turn
        assert ended == [128 + second]

    run(whole())


# Real processes


@pytest.fixture
def exporting(terminal: Terminal) -> Iterator[Terminal]:
    """A terminal before a sandbox of its own, with five people to export."""
    with sandbox_in_a_thread(members=5) as url:
        terminal.sandbox_url = url
        terminal.add_authorizations()
        yield terminal


def asked(url: str, method: str = "GET", body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data, method=method)) as answer:
        return json.load(answer)


def until_sent(terminal: Terminal, count: int, *, seconds: float = 30) -> None:
    """Return when Mapp has got *count* events."""
    give_up_at = time.monotonic() + seconds
    while asked(f"{terminal.sandbox_url}/control/mapp/ledger")["requests"] < count:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def in_database(terminal: Terminal, query: str) -> list[Any]:
    with closing(sqlite3.connect(terminal.folder / FILE_NAME)) as conn:
        return [value for (value,) in conn.execute(query)]


@pytest.mark.process
def test_answers_under_way_are_waited_for_and_no_outcome_is_left_unknown(exporting: Terminal) -> None:
    asked(f"{exporting.sandbox_url}/control/faults", "POST", {"where": "mapp.event", "kind": "slow", "seconds": 3})
    with serving(exporting.folder) as (process, _):
        exporting.create_job("VIP", "--existing-users")
        until_sent(exporting, 5)
        assert asked(f"{exporting.sandbox_url}/control/mapp/ledger")["unsettled"] == 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert asked(f"{exporting.sandbox_url}/control/mapp/ledger")["answered"] == 5
    assert in_database(exporting, "SELECT due_at FROM ledger") == [None] * 5
    assert in_database(exporting, "SELECT value FROM counters WHERE name = 'sent.accepted'") == [5]
    assert in_database(exporting, "SELECT value FROM counters WHERE name = 'sent.unknown' AND value > 0") == []


@pytest.mark.process
def test_after_a_second_signal_nobody_is_told_anything_before_the_claim_has_run_out(
    exporting: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = {"SEND_ROOM": "2", "REQUEST_TIMEOUT": "3", "QUARANTINE": "3", "CLOCK_MARGIN": "0"}
    for name, value in holds.items():
        monkeypatch.setenv(f"USHER_{name}_SECONDS", value)
    asked(f"{exporting.sandbox_url}/control/faults", "POST", {"where": "mapp.event", "kind": "hang", "seconds": 20})
    with serving(exporting.folder) as (process, _):
        exporting.create_job("VIP", "--existing-users")
        until_sent(exporting, 5)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        while "Stopping" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(1) == 128 + signal.SIGTERM
    due_ms = in_database(exporting, "SELECT due_at FROM ledger")
    asked(f"{exporting.sandbox_url}/control/faults", "DELETE")
    with serving(exporting.folder):
        until_sent(exporting, 6)
        assert time.time() * 1000 >= min(due_ms)
        until_sent(exporting, 10)
    assert len(due_ms) == 5
