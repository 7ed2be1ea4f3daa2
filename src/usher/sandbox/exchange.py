"""
How one HTTP exchange runs: a handler is a function from a call to an answer.

Faults are played here, between the two, so that no handler knows of them.
A connection is closed without an answer by aborting uvicorn's own transport: an ASGI application that only
raises or returns is answered for with a 500.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from usher.clock import Clock

MOST_BODY_BYTES = 16 * 1024 * 1024
JSON = b"application/json"

_encode = msgspec.json.Encoder().encode


class BadJsonError(ValueError):
    """The body is not JSON of the kind that was asked for; answer 400."""


@dataclass(slots=True)
class Call:
    """One request with its whole body; *land_after_seconds* is a fault's wish that it be applied late."""

    scope: Scope
    body: bytes
    land_after_seconds: float = 0.0
    note: Any = None

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def params(self) -> Mapping[str, str]:
        """Parts of the path, decoded."""
        params: Mapping[str, str] = self.scope.get("path_params", {})
        return params

    @property
    def query(self) -> dict[str, str]:
        raw = self.scope["query_string"].decode("latin-1")
        return {name: values[-1] for name, values in parse_qs(raw, keep_blank_values=True).items()}

    def header(self, name: bytes) -> str:
        """The first header called *name* (lower case), or an empty string."""
        return next((v.decode("latin-1") for n, v in self.scope["headers"] if n == name), "")

    def json_object(self) -> dict[str, Any]:
        """
        The body as a JSON object; an empty body is an empty object.

        Raises:
            BadJsonError: it is something else.
        """
        try:
            value = msgspec.json.decode(self.body or b"{}")
        except msgspec.DecodeError as error:
            raise BadJsonError(str(error)) from error
        if not isinstance(value, dict):
            raise BadJsonError("a JSON object is wanted")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json_answer(value: Any, status: int = 200, *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(status, _encode(value), headers=headers)


Handler = Callable[[Call], Awaitable[Answer]]
Pause = Callable[[float], Awaitable[None]]


class Play(Protocol):
    """A fault that was chosen for one call."""

    async def __call__(self, call: Call, handle: Handler, *, pause: Pause) -> Answer | None:
        """Answer in the handler's stead or after it; None closes the connection without an answer."""


class Tamper(Protocol):
    """Chooses the fault, if any, for a call at a place."""

    def choose(self, place: str, body: bytes) -> Play | None: ...


class Witness(Protocol):
    """Sees every call come and end."""

    def arrived(self, call: Call) -> None: ...

    def ended(self, call: Call, *, is_answered: bool) -> None: ...


@dataclass(slots=True)
class Traffic:
    """How many calls each place answered with each status; 0 stands for closed without an answer."""

    by_status: Counter[tuple[str, int]] = field(default_factory=Counter)


class Endpoint:
    """One route as an ASGI application: read, tamper, handle, answer."""

    def __init__(
        self,
        handle: Handler,
        *,
        place: str,
        tamper: Tamper,
        traffic: Traffic,
        clock: Clock,
        witness: Witness | None = None,
    ) -> None:
        self._handle = handle
        self._place = place
        self._tamper = tamper
        self._traffic = traffic
        self._clock = clock
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            await _send(Answer(413), send)
            return
        call = Call(scope, body)
        if self._witness is not None:
            self._witness.arrived(call)
        answer = None
        try:
            answer = await self._answer(call, receive)
        finally:
            if self._witness is not None:
                self._witness.ended(call, is_answered=answer is not None)
        self._traffic.by_status[self._place, answer.status if answer else 0] += 1
        if answer is None:
            await _hang_up(receive)
        else:
            await _send(answer, send)

    async def _answer(self, call: Call, receive: Receive) -> Answer | None:
        play = self._tamper.choose(self._place, call.body)
        if play is None:
            return await self._handle(call)
        is_gone = False

        async def pause(seconds: float) -> None:
            nonlocal is_gone
            is_gone = await _pause_or_gone(receive, self._clock.sleep(seconds))

        answer = await play(call, self._handle, pause=pause)
        return None if is_gone else answer


async def _read(receive: Receive) -> bytes | None:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MOST_BODY_BYTES else None
    parts, total = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        total += len(parts[-1])
        if total > MOST_BODY_BYTES:
            return None
    return b"".join(parts)


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _pause_or_gone(receive: Receive, sleep: Awaitable[None]) -> bool:
    """Wait for *sleep* or for the caller to hang up, whichever is first; True where the caller is gone."""
    sleeper, gone = asyncio.ensure_future(sleep), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({sleeper, gone}, return_when=asyncio.FIRST_COMPLETED)
        return gone.done()
    finally:
        for task in (sleeper, gone):
            task.cancel()
        await asyncio.gather(sleeper, gone, return_exceptions=True)


async def _hang_up(receive: Receive) -> None:
    """Drop the TCP connection at once, whatever was to be written on it."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("closed without an answer")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
