"""The command line as a person meets it: words in, lines and an exit code out."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from usher.cli.main import main
from usher.cli.serving import network_socket, served
from usher.clock import SystemClock
from usher.sandbox import app as sandbox_app
from usher.sandbox.options import SandboxOptions

SANDBOX = SandboxOptions()


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """Runs commands in this process, on a data folder of its own."""

    capture: pytest.CaptureFixture[str]
    folder: Path
    sandbox_url: str

    def run(self, *words: str) -> Said:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = self.capture.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(int(ended.value.code or 0), said.out, said.err)

    def done(self, *words: str) -> Said:
        """Run a command that must succeed."""
        said = self.run(*words)
        assert said.code == 0, said
        return said

    def add_authorizations(self) -> None:
        mapp = ("--api-url", f"{self.sandbox_url}/mapp", "--integration-id", SANDBOX.integration_id)
        self.done("auth", "add", "mapp", "--label", "Our Mapp", *mapp, "--secret", SANDBOX.secret)
        lytics = ("--api-url", f"{self.sandbox_url}/lytics", "--token", SANDBOX.lytics_token)
        self.done("auth", "add", "lytics", "--label", "Our Lytics", *lytics)

    def create_job(self, name: str, *more: str) -> Any:
        base = ("--audience", "vip_shoppers", "--identifier-field", "email", "--group", SANDBOX.home_group)
        return self.done("job", "create", "--name", name, *base, *more, "--json").json


@contextmanager
def sandbox_in_a_thread(*, members: int = 20) -> Iterator[str]:
    """Serve a sandbox from another thread, because a command takes this one's loop."""
    listening = network_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    is_up, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        app = sandbox_app.create_app(SandboxOptions(members=members), clock=SystemClock(), rng=random.Random(1))
        async with served(app, [listening], lifespan=True):
            is_up.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert is_up.wait(10)
        yield url
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
