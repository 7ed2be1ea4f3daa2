"""Callers of a service who keep to nothing: what they send and when is up to each test, byte for byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from usher.cli.bounded import Bounds
from usher.cli.serving import network_socket, served
from usher.engine.telemetry import Refusal

LARGE = 8_000_000


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def until_taken(self) -> None:
        """Wait until the other side has read most of what was said."""
        await self._writer.drain()

    async def dribble(self, words: bytes, *, pause: float) -> None:
        """Say *words* over and over, a byte at a time, until the other side ends the connection."""
        with contextlib.suppress(OSError):
            while not self._writer.is_closing():
                for at in range(len(words)):
                    self.say(words[at : at + 1])
                    await self._writer.drain()
                    await asyncio.sleep(pause)

    async def answer(self) -> tuple[int, bytes]:
        """Read one answer that says its length; return its status and body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        return int(head.split()[1]), await self._reader.readexactly(length)

    async def until_said(self, words: bytes) -> None:
        """Wait until the other side has said *words*."""
        await self._reader.readuntil(words)

    async def rest(self) -> bytes:
        """Read until the other side ends the connection; a reset is an end too."""
        said = b""
        with contextlib.suppress(OSError):
            while chunk := await self._reader.read(65_536):
                said += chunk
        return said

    async def leave(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def calling(port: int, *, limit: int = 65_536) -> AsyncIterator[Caller]:
    caller = Caller(*await asyncio.open_connection("127.0.0.1", port, limit=limit))
    try:
        yield caller
    finally:
        await caller.leave()


@asynccontextmanager
async def several_calling(port: int, count: int) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(calling(port)) for _ in range(count)]


class App:
    """Answers "/" at once and without reading, "/held" when let go, "/large" with much; counts who asks."""

    def __init__(self) -> None:
        self.asked = 0
        self.let_go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        if scope["path"] == "/held":
            await self.let_go.wait()
        body = b"x" * LARGE if scope["path"] == "/large" else b"ok"
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def door(
    app: ASGIApp, *, refused: Callable[[Refusal], None] = lambda _: None, **bounds: Any
) -> AsyncIterator[int]:
    """Serve *app* within *bounds*; yields the port."""
    listening = network_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    async with served(app, [listening], bounds=Bounds(**bounds), refused=refused):
        yield port
