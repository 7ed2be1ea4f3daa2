"""
What changes while somebody looks: each page's parts, rendered again every second, sent when they differ.

Server-sent events; one message a part. A stream ends when its viewer is signed out or has another role, and when the
service stops; the browser then asks again by itself. However many look at one page, it is rendered once a round for
each role.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from usher.access.sessions import Session, actors_of, session_of
from usher.errors import TooSoon, Unauthenticated, Unavailable, UsherError
from usher.web.dashboard.cookies import SESSION, read_cookie
from usher.web.dashboard.rendering import render_blocks
from usher.web.dashboard.visit import Visit
from usher.web.failures import status_of
from usher.web.live_room import LiveRoom

EVERY_SECONDS = 1.0
SHARED_SECONDS = 0.9  # a little less than a round, so that one viewer alone always sees what is new
SEEN_EVERY = 30  # rounds between notes that the session is in use
HEARTBEAT_EVERY = 15  # rounds; proxies close what is silent
RETRY_MS = 2_000
EVENTS, GZIP_WINDOW = "text/event-stream", 31

LINE_END = re.compile(r"\r\n|\r|\n")  # those of event streams; a person may have typed some that Python knows besides

Context = Callable[[Visit], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class LivePage:
    """
    A page's template, the blocks of it that are live, and what they show.

    Args:
        known: the parameters of the address that decide what is shown; all others are left out.
        variant: what else decides what this viewer is shown, such as the order that they saw first.
    """

    template: str
    blocks: Sequence[str]
    context: Context
    known: Sequence[str] = ()
    variant: Callable[[], Hashable] = tuple

    async def stream(self, visit: Visit) -> Response:
        """
        Answer with the stream of this page's parts; the first round sends every part.

        Raises:
            NotFound: what the page shows is not there; nothing has been sent by then.
        """
        visit, session, room = narrowed(visit, self.known), _signed_in(visit), visit.deps.live
        try:
            room.enter(session.id)
        except (TooSoon, Unavailable) as error:
            return PlainTextResponse(error.message, status_of(error), {"Retry-After": str(error.retry_after_seconds)})
        try:
            first = await self._parts(visit, since=visit.desk.clock.monotonic())
        except BaseException:
            room.leave(session.id)
            raise
        return _Stream(visit, self._messages(visit, first), seat=(room, session.id))

    async def _messages(self, visit: Visit, first: Mapping[str, str]) -> AsyncIterator[str]:
        shown: dict[str, str] = {}
        yield f"retry: {RETRY_MS}\n\n"
        for round_number in _rounds():
            try:
                parts = await self._parts(visit, since=_this_round(visit)) if round_number else first
                may_go_on = not visit.deps.closing.is_set() and await _may_go_on(visit, round_number)
            except UsherError:
                return
            if not may_go_on:
                return
            for name, text in parts.items():
                if shown.get(name) != text:
                    shown[name] = text
                    yield _message(name, text)
            if round_number % HEARTBEAT_EVERY == 0:
                yield ": still here\n\n"
            await _wait(visit)

    async def _parts(self, visit: Visit, *, since: float) -> Mapping[str, str]:
        """Render the parts, or take what was rendered *since* then: the first must not be older than their page."""
        room = visit.deps.live
        key = (visit.here, visit.actor.role, self.variant())
        return await room.once(key, lambda: room.in_turn(lambda: self._rendered(visit)), since=since)

    async def _rendered(self, visit: Visit) -> Mapping[str, str]:
        return render_blocks(self.template, self.blocks, {"visit": visit, **await self.context(visit)})


class _Stream(StreamingResponse):
    """A stream that gives its seat back however it ends, also when nothing was ever asked of it."""

    def __init__(self, visit: Visit, messages: AsyncIterator[str], *, seat: tuple[LiveRoom, str]) -> None:
        headers, self._seat = {"X-Accel-Buffering": "no", "Vary": "Accept-Encoding"}, seat
        if "gzip" not in visit.request.headers.get("accept-encoding", ""):
            super().__init__(messages, media_type=EVENTS, headers=headers)
        else:
            super().__init__(_squeezed(messages), media_type=EVENTS, headers=headers | {"Content-Encoding": "gzip"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        room, session_id = self._seat
        try:
            await super().__call__(scope, receive, send)
        finally:
            room.leave(session_id)


def narrowed(visit: Visit, known: Sequence[str]) -> Visit:
    """Return *visit* with no parameters but the *known* ones, each once: nobody makes a page anew by asking oddly."""
    asked = {name: visit.query(name) for name in known if visit.query(name)}
    scope = {**visit.request.scope, "query_string": urlencode(asked).encode()}
    return replace(visit, request=Request(scope, visit.request.receive))


def _signed_in(visit: Visit) -> Session:
    assert visit.session is not None  # every live page needs somebody
    return visit.session


def _this_round(visit: Visit) -> float:
    return visit.desk.clock.monotonic() - SHARED_SECONDS


async def _squeezed(messages: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Compress a stream so that each message is there at once: a list of fifty jobs is ten times smaller so."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, GZIP_WINDOW)
    async for message in messages:
        yield squeeze.compress(message.encode()) + squeeze.flush(zlib.Z_SYNC_FLUSH)


def _rounds() -> Sequence[int]:
    return range(3_600)  # an hour; then the browser asks again


async def _may_go_on(visit: Visit, round_number: int) -> bool:
    """Whether the viewer is still signed in, with the same role: one look a round for everybody together."""
    room, session = visit.deps.live, _signed_in(visit)
    if not round_number:
        return True
    if round_number % SEEN_EVERY:
        actors = await room.once("sessions", lambda: actors_of(visit.desk, room.sessions), since=_this_round(visit))
        if actors.get(session.id) == visit.actor:
            return True
    try:
        session = await session_of(visit.desk, read_cookie(visit.request, SESSION))
    except Unauthenticated:
        return False
    return session.actor == visit.actor


async def _wait(visit: Visit) -> None:
    """Wait for the next round, or until the service stops."""
    waits = [
        asyncio.ensure_future(visit.desk.clock.sleep(EVERY_SECONDS)),
        asyncio.ensure_future(visit.deps.closing.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _message(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in LINE_END.split(text))
    return f"event: {name}\n{lines}\n"
