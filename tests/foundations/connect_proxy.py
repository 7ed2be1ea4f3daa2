"""A little HTTP proxy on loopback: it tunnels and forwards to one server, whatever the name, or fails as it is told."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

Failing = Callable[[asyncio.StreamWriter], Awaitable[None]]


class ConnectProxy:
    """
    Leads everybody to *server_port*, where it is not told to do something else.

    Args:
        heads: the head of every request that it was asked, tunnels' wishes and plain requests alike.
        instead: what to do with a request in place of passing it on.
        tunnels: those that are open now.
    """

    def __init__(self) -> None:
        self.server_port = 0
        self.port = 0
        self.heads: list[bytes] = []
        self.instead: Failing | None = None
        self.tunnels: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            await closed(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.instead is not None:
            await self.instead(writer)
            return
        behind, onward = await asyncio.open_connection("127.0.0.1", self.server_port)
        self.tunnels.append(writer)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            onward.write(origin_form(head))
        try:
            await asyncio.gather(pumped(reader, onward), pumped(behind, writer))
        finally:
            await closed(onward)


def origin_form(head: bytes) -> bytes:
    """Return *head*, a request's to a proxy, as the proxy sends it on."""
    method, url, rest = head.split(b" ", 2)
    path = b"/" + url.split(b"/", 3)[3]
    return b" ".join([method, path, rest])


async def pumped(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(65_536):
        sink.write(chunk)
        await sink.drain()
    sink.close()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def answering(status: str, *, body: bytes = b"") -> Failing:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


def saying(raw: bytes) -> Failing:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return say


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()
