import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog

from tests.cli.terminal import Terminal, sandbox_in_a_thread


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(("USHER_", "MAPP_", "LYTICS_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands set logging up for a process of their own; here the next test comes after them."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=handlers, level=level, force=True)


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """`serve` hears signals for as long as its process lives; here the next test comes after it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with sandbox_in_a_thread() as url:
        yield url


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sandbox_url: str
) -> Iterator[Terminal]:
    with TemporaryDirectory(prefix="usher-") as folder:
        monkeypatch.setenv("USHER_DATA_DIR", folder)
        monkeypatch.setenv("USHER_ALLOW_HTTP", "1")
        monkeypatch.setenv("USHER_ALLOW_PRIVATE", "1")
        yield Terminal(capsys, Path(folder), sandbox_url)
