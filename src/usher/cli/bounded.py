"""
What one connection may cost: time to say what it wants, bytes to say it in, and a place among the others.

The server beneath waits for ever for the end of a head, keeps whatever stands in it, and reads on what was answered
long ago; so whoever asks little and slowly could hold all that there is.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from usher.cli.heads import names_one_host, without_upgrade
from usher.engine.telemetry import Refusal
from usher.web.framing import GarbledBody

MOST_CONNECTIONS = 1_000
SHARE_OF_FILES = 0.5  # of what the system lets this process open; the rest is the ledger's and the vendors'
RETRY_SECONDS = 1
REFUSALS = {
    HTTPStatus.BAD_REQUEST: Refusal.MALFORMED,
    HTTPStatus.REQUEST_TIMEOUT: Refusal.HEAD_TOO_SLOW,
    HTTPStatus.TOO_MANY_REQUESTS: Refusal.TOO_MANY_AHEAD,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Refusal.HEAD_TOO_LARGE,
    HTTPStatus.SERVICE_UNAVAILABLE: Refusal.FULL,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What a caller may take.

    Args:
        head_seconds: from connecting, or from the first byte of a later request, to the end of its head.
        rest_seconds: for what is left of a body that has been answered already.
        unread_seconds: in which a caller takes nothing of an answer; the system beneath buffers, so some is not seen.
        most_head_bytes: of the address and all headers together; of trailers too.
        most_ahead: requests sent before the first of them is answered.
    """

    head_seconds: float = 15.0
    rest_seconds: float = 15.0
    unread_seconds: float = 300.0
    most_head_bytes: int = 32 * 1024
    most_headers: int = 100
    most_ahead: int = 16
    most_connections: int = MOST_CONNECTIONS


class Room:
    """
    The connections of all listeners of a process, at most as many as there are places.

    When it is full, whoever has asked nothing for longest makes room; where everybody waits for an answer, the
    newcomer is told to come again. The operator's own socket is not counted.

    Args:
        refused: is told of each connection that is refused or ended for what its caller did.
    """

    def __init__(self, bounds: Bounds | None = None, *, refused: Callable[[Refusal], None] = lambda _: None) -> None:
        self.bounds = bounds or Bounds()
        self.refused = refused
        self._most = min(self.bounds.most_connections, _files_for_callers())
        self._inside: set[BoundedProtocol] = set()
        self._idle: dict[BoundedProtocol, None] = {}  # longest first

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, newcomer: "BoundedProtocol") -> bool:
        """Take *newcomer* in, and return whether there was a place."""
        if len(self._inside) >= self._most and not self._make_room():
            return False
        self._inside.add(newcomer)
        self._idle[newcomer] = None
        return True

    def leave(self, one: "BoundedProtocol") -> None:
        self._inside.discard(one)
        self._idle.pop(one, None)

    def asks(self, one: "BoundedProtocol") -> None:
        self._idle.pop(one, None)

    def rests(self, one: "BoundedProtocol") -> None:
        if one in self._inside:
            self._idle[one] = None

    def _make_room(self) -> bool:
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self.leave(longest)
        longest.cut_off(Refusal.DISPLACED)
        return True


class _BeyondBoundsError(Exception):
    """Ends the parsing; the status to answer with is kept beside it."""


class BoundedProtocol(HttpToolsProtocol):
    """Serves one connection as uvicorn does, within bounds."""

    def __init__(self, *, room: Room, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._application, self.app = self.app, self._ask
        self._room = room
        self._bounds = room.bounds
        self._awaits_head = True
        self._head_bytes = 0
        self._loose_bytes = 0  # that made neither a head nor a part of a body yet
        self._refusal = HTTPStatus.BAD_REQUEST
        self.is_garbled = False  # the body that is being read, and so all that follows
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        if self.client is not None and not self._room.enter(self):
            self._turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._give(self._bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.leave(self)
        self._take_back()
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_garbled:
            return
        self._loose_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self.transport.is_closing() or self.is_garbled:
            return
        if self._loose_bytes > self._bounds.most_head_bytes:
            self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._loose_bytes and self._awaits_head:
            self._give(self._bounds.head_seconds)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._loose_bytes = 1  # of a head that begins where something else ended
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))
        if len(self.headers) > self._bounds.most_headers:
            self._give_up(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        if self._asks_for_upgrade:
            return
        if not names_one_host(self.headers, version=self.parser.get_http_version()):
            self._give_up(HTTPStatus.BAD_REQUEST)
        if len(self.pipeline) >= self._bounds.most_ahead:
            self._give_up(HTTPStatus.TOO_MANY_REQUESTS)
        self._take_back()
        self._room.asks(self)
        self._awaits_head, self._loose_bytes = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._loose_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._asks_for_upgrade:
            return
        self._take_back()
        self._awaits_head, self._loose_bytes = True, 0
        super().on_message_complete()
        if not self._is_answering:
            self._room.rests(self)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._awaits_head:
            self._give(self._bounds.rest_seconds)
        elif not self._is_answering:
            self._room.rests(self)

    def send_400_response(self, msg: str) -> None:
        if self._refusal is HTTPStatus.BAD_REQUEST and self._is_body_awaited:
            self._count_refusal(Refusal.MALFORMED)
            self._let_application_refuse()
        else:
            self._turn_away(self._refusal)

    def cut_off(self, reason: Refusal) -> None:
        """End the connection at once, without a word."""
        self._count_refusal(reason)
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_body_awaited(self) -> bool:
        """Whether the request whose body is being read is the one at its turn, and not answered yet."""
        is_at_its_turn = self._is_answering and not self.pipeline
        return is_at_its_turn and not self._awaits_head and not self.cycle.response_started

    @property
    def _asks_for_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application; who is cut short as the server stops is told so, where uvicorn would log a traceback."""
        exchange = _Exchange(self, receive, send)
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            if not exchange.has_begun:
                await _come_again(scope, receive, send)
                return
            self.transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass

    def _let_application_refuse(self) -> None:
        """Wake who waits for the body: only the application can say what is wrong in its own words."""
        self.is_garbled = True
        self._take_back()
        self.cycle.keep_alive = False
        self.cycle.message_event.set()

    def _parse(self, data: bytes) -> None:
        """At an Upgrade the parser stops and takes the body for the next request; so it gets the head without one."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                data = self._head_without_upgrade() + data[stopped.args[0] :]
            except httptools.HttpParserError:
                self.send_400_response("")
                return
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        return without_upgrade(self.headers, method=method, url=self.url, version=version)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._bounds.most_head_bytes:
            self._give_up(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _give_up(self, refusal: HTTPStatus) -> None:
        self._refusal = refusal
        raise _BeyondBoundsError

    def _give(self, seconds: float) -> None:
        """Let time run, unless it runs already."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self._time_is_up)

    def _take_back(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_is_up(self) -> None:
        self._deadline = None
        if self._is_answering:  # nothing more is read meanwhile, so the caller may not be to blame
            self._give(self._bounds.head_seconds)
        elif self._awaits_head and self._loose_bytes:
            self._turn_away(HTTPStatus.REQUEST_TIMEOUT)
        elif self._awaits_head:
            self.transport.abort()  # nothing was asked, so nothing is refused
        else:
            self.cut_off(Refusal.BODY_TOO_SLOW)

    def _turn_away(self, status: HTTPStatus) -> None:
        """Say why, where no answer is on its way that the words would fall into, and end the connection."""
        self._count_refusal(REFUSALS[status])
        if not self._is_answering:
            words = f"{status.phrase}\n".encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            wait = f"Retry-After: {RETRY_SECONDS}\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
            self.transport.write(f"{head}{wait}Content-Length: {len(words)}\r\n\r\n".encode() + words)
        self.transport.close()

    def _count_refusal(self, reason: Refusal) -> None:
        if not self.transport.is_closing():
            self._room.refused(reason)

    def _watch(self) -> None:
        """Look later whether the caller has taken anything of what was written."""
        self._stop_watching()
        left = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self._bounds.unread_seconds, self._look, left)

    def _look(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._watch()
        else:
            self.cut_off(Refusal.ANSWER_NOT_TAKEN)

    def _stop_watching(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


class _Exchange:
    """What an application takes and gives for one request; like uvicorn's own, it has the transport to hang up by."""

    def __init__(self, protocol: BoundedProtocol, receive: Receive, send: Send) -> None:
        self.transport = protocol.transport
        self.has_begun = False
        self._protocol = protocol
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """
        Return the next message.

        Raises:
            GarbledBody: what was sent of the body makes no sense.
        """
        message = {} if self._protocol.is_garbled else await self._receive()
        if self._protocol.is_garbled:
            raise GarbledBody
        return message

    async def send(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


_come_again = PlainTextResponse(
    f"{HTTPStatus.SERVICE_UNAVAILABLE.phrase}\n",
    HTTPStatus.SERVICE_UNAVAILABLE,
    headers={"Retry-After": str(RETRY_SECONDS), "Connection": "close"},
)


def _files_for_callers() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, int(soft * SHARE_OF_FILES))
