"""A caller that costs little: keeps some connections busy with prepared requests, one at a time on each."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

END_OF_HEAD, LENGTH = b"\r\n\r\n", b"content-length: "


@dataclass(slots=True)
class Posted:
    """What came of it: seconds in all and of each request, in the order they were answered."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)


def request_of(url: str, authorization: str, body: bytes) -> bytes:
    """Return the bytes of one POST."""
    at = urlsplit(url)
    head = (
        f"POST {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(url: str, requests: Sequence[bytes], *, connections: int) -> Posted:
    """
    Send every one of *requests* and return when all were answered with 200.

    Raises:
        RuntimeError: one was answered otherwise, or not at all.
    """
    at, waiting, posted = urlsplit(url), iter(requests), Posted(took=[])
    loop = asyncio.get_running_loop()
    lines = [_Line(waiting, posted, loop.create_future()) for _ in range(connections)]
    for line in lines:
        await loop.create_connection(lambda line=line: line, at.hostname, at.port)
    began = time.perf_counter()
    for line in lines:
        line.send_next()
    await asyncio.gather(*(line.is_done for line in lines))
    posted.seconds = time.perf_counter() - began
    return posted


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, waiting: Iterator[bytes], posted: Posted, is_done: asyncio.Future[None]) -> None:
        self.is_done = is_done
        self._waiting, self._posted = waiting, posted
        self._answer, self._began = b"", 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        assert self._transport is not None
        request = next(self._waiting, None)
        if request is None:
            self.is_done.set_result(None)
            self._transport.close()
            return
        self._answer, self._began = b"", time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(END_OF_HEAD)
        if not found:
            return
        length = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(self._answer[:300].decode(errors="replace"))
            return
        self._posted.took.append(time.perf_counter() - self._began)
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"The connection ended ({exc}).")

    def _fail(self, why: str) -> None:
        if not self.is_done.done():
            self.is_done.set_exception(RuntimeError(why))
