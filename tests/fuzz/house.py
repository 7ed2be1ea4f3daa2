"""A whole service on a thread and an event loop of its own, for callers that wait without one."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.web.service import Running, running_service


class Reply(NamedTuple):
    """What the application answered."""

    status: int
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class House:
    """*running* belongs to the thread's loop; *job* is one that exists when it begins."""

    running: Running
    job: dict[str, Any]

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_open = threading.Event()
        self._leave = asyncio.Event()
        self._trigger_token = ""

    def live(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._is_open.set()
            self._loop.close()

    async def _live(self) -> None:
        # pytest's own folders can have longer paths than a Unix socket may.
        with TemporaryDirectory(prefix="usher-") as folder:
            async with running_service(Path(folder), members=3) as self.running:
                await self.running.authorize()
                self.job = await self.running.create_job()
                self._is_open.set()
                await self._leave.wait()

    def wait_until_open(self) -> None:
        assert self._is_open.wait(60)

    def ask(self, method: str, path: str, body: bytes = b"", *, query: bytes = b"", token: str = "") -> Reply:
        """Ask the application itself, with no server between; the body comes in two pieces."""
        asked = self._ask(method, path, body, query=query, token=token)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(60)

    async def _ask(self, method: str, path: str, body: bytes, *, query: bytes, token: str) -> Reply:
        half = len(body) // 2
        pieces = [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return pieces.pop(0) if pieces else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self.running.service.app(_scope(method, path, query=query, token=token), receive, send)
        return Reply(said[0]["status"], b"".join(message.get("body", b"") for message in said[1:]))

    def trigger(self, body: bytes) -> Reply:
        """Send one trigger message with a valid token."""
        if not self._trigger_token:
            asked = asyncio.run_coroutine_threadsafe(self.running.trigger_token(), self._loop)
            self._trigger_token = asked.result(60)
        return self.ask("POST", f"/triggers/{self.running.made['lytics']}", body, token=self._trigger_token)

    def leave(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave.set)


def _scope(method: str, path: str, *, query: bytes, token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "query_string": query,
        "root_path": "",
        "headers": [(b"authorization", token.encode()), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
    }


@contextmanager
def open_house() -> Iterator[House]:
    """Have a house within the block."""
    house = House()
    thread = threading.Thread(target=house.live, name="house")
    thread.start()
    try:
        house.wait_until_open()
        yield house
    finally:
        house.leave()
        thread.join()
