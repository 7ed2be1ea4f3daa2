"""
A TCP proxy that does to every connection what networks do.

Faults are told by connection and by byte: how late each direction is, how slowly it drips, after how many bytes it
stalls, ends or is reset. A partition holds what is on its way and lets it land when it heals, as TCP would.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Literal

Fault = Literal["stall", "end", "reset"]
RESET_AT_ONCE = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER on, 0 s: closing sends RST
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Way:
    """
    What befalls one direction.

    Args:
        latency: seconds by which everything is late.
        byte_seconds: between one byte and the next; 0 is no limit.
        most_bytes: after so many, *then* happens; None: never.
        loss: share (0..1) of packets lost; each loss doubles the wait until it is sent again, as TCP does.
    """

    latency: float = 0.0
    byte_seconds: float = 0.0
    most_bytes: int | None = None
    then: Fault = "stall"
    loss: float = 0.0


CLEAR = Way()


@dataclass(frozen=True, slots=True)
class Weather:
    """What befalls one connection; *knock*: at once, before a byte is taken."""

    up: Way = CLEAR
    down: Way = CLEAR
    knock: Fault | None = None


FAIR = Weather()


@dataclass(slots=True)
class _Link:
    """The two ends of one proxied connection."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter

    def cut(self, fault: Fault) -> None:
        for end in (self.near, self.far):
            _cut(end, fault)


@dataclass
class FaultProxy:
    """
    Stands before one server on loopback.

    Args:
        weather: of each connection, by its number from 0.
        resend_seconds: until a lost packet is sent again for the first time.
    """

    target_port: int
    weather: Callable[[int], Weather] = lambda number: FAIR
    resend_seconds: float = 0.05
    rng: Random = field(default_factory=lambda: Random(1))
    port: int = 0
    connections: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    _links: set[int] = field(default_factory=set)
    _open: dict[int, _Link] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _down: asyncio.Event = field(default_factory=asyncio.Event)

    def partition(self, *, up: bool = False, down: bool = False) -> None:
        """Hold what goes in these directions, on connections there are and on those to come."""
        (self._up.clear if up else self._up.set)()
        (self._down.clear if down else self._down.set)()

    def cut_all(self, fault: Fault) -> None:
        """End every connection where it stands."""
        for link in self._open.values():
            link.cut(fault)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        weather = self.weather(number)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            if weather.knock is None:
                await self._join(number, weather, reader, writer)
            elif weather.knock == "stall":
                await asyncio.Event().wait()
            else:
                _cut(writer, weather.knock)
        _cut(writer, "end")

    async def _join(
        self, number: int, weather: Weather, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        link = self._open[number] = _Link(writer, far_writer)
        ways = (
            self._carry(reader, far_writer, weather.up, link, is_up=True),
            self._carry(far_reader, writer, weather.down, link, is_up=False),
        )
        try:
            await asyncio.gather(*ways)
        finally:
            del self._open[number]
            link.cut("end")

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way, link: _Link, *, is_up: bool
    ) -> None:
        passed = 0
        while way.most_bytes is None or passed < way.most_bytes:
            most = 1 if way.byte_seconds else CHUNK if way.most_bytes is None else way.most_bytes - passed
            piece = await source.read(most)
            await asyncio.sleep(self._delay(way))
            await (self._up if is_up else self._down).wait()
            if not piece:
                sink.write_eof()
                return
            sink.write(piece)
            await sink.drain()
            passed += len(piece)
            self._count(len(piece), is_up=is_up)
        if way.then == "stall":
            await asyncio.Event().wait()
        link.cut(way.then)

    def _delay(self, way: Way) -> float:
        wait, resend = way.latency + way.byte_seconds, self.resend_seconds
        while self.rng.random() < way.loss:
            wait, resend = wait + resend, min(2 * resend, 8 * self.resend_seconds)
        return wait

    def _count(self, size: int, *, is_up: bool) -> None:
        if is_up:
            self.bytes_up += size
        else:
            self.bytes_down += size


def _cut(end: asyncio.StreamWriter, fault: Fault) -> None:
    if fault == "reset" and not end.is_closing():
        with suppress(OSError):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        end.transport.abort()
    end.close()


@asynccontextmanager
async def proxy_to(
    port: int, weather: Callable[[int], Weather] = lambda number: FAIR, **more: object
) -> AsyncIterator[FaultProxy]:
    """Stand before the server on *port*; yields the proxy, whose *port* is to be used instead."""
    proxy = FaultProxy(port, weather, **more)  # type: ignore[arg-type]
    proxy.partition()
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in proxy._tasks:
            task.cancel()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)


def constantly(weather: Weather) -> Callable[[int], Weather]:
    return lambda number: weather
