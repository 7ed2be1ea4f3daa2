"""A server that reads honest requests and answers each with the raw bytes, or the misdeed, that its script names."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.hostile.proxy import RESET_AT_ONCE


@dataclass
class Asked:
    """One request, and the connection that waits for its answer."""

    line: str
    body: bytes
    writer: asyncio.StreamWriter

    async def say(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    def end(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        one = self.writer.get_extra_info("socket")
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        self.writer.transport.abort()


Script = Callable[[Asked], Awaitable[None]]


def answer(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return one plain answer of HTTP/1.1, its length told."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass
class ScriptedServer:
    """Plays *script* for each whole request; keeps what it was asked."""

    script: Script
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                asked = await _request(reader, writer)
                self.asked.append((asked.line, asked.body))
                await self.script(asked)
        writer.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.lower().split("\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
    return Asked(head.split("\r\n", maxsplit=1)[0], await reader.readexactly(length), writer)


@asynccontextmanager
async def scripted(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """Run a server that plays *script*, on loopback."""
    server = ScriptedServer(script)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in server._tasks:
            task.cancel()
        await asyncio.gather(*server._tasks, return_exceptions=True)


async def fine(asked: Asked) -> None:
    await asked.say(answer(b"{}"))
