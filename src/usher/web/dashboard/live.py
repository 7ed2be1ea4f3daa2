"""
What changes while somebody looks: each page's parts, rendered again every second, sent when they differ.

Server-sent events; one message a part. A stream ends when its viewer is signed out or the service stops, and the
browser then asks again by itself. However many look at one page, it is rendered once a round for each role.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from usher.access.roles import Role
from usher.access.sessions import session_of
from usher.errors import Unauthenticated, UsherError
from usher.web.dashboard.cookies import SESSION, read_cookie
from usher.web.dashboard.rendering import render_blocks
from usher.web.dashboard.visit import Visit

EVERY_SECONDS = 1.0
SHARED_SECONDS = 0.9  # a little less than a round, so that one viewer alone always sees what is new
CHECKED_EVERY = 30  # rounds between looks at whether the viewer is still signed in
HEARTBEAT_EVERY = 15  # rounds; proxies close what is silent
RETRY_MS = 2_000
EVENTS, GZIP_WINDOW = "text/event-stream", 31

LINE_END = re.compile(r"\r\n|\r|\n")  # those of event streams; a person may have typed some that Python knows besides

Context = Callable[[Visit], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page's template, the blocks of it that are live, and what they show."""

    template: str
    blocks: Sequence[str]
    context: Context

    async def stream(self, visit: Visit) -> Response:
        """
        Answer with the stream of this page's parts; the first round sends every part.

        Raises:
            NotFound: what the page shows is not there; nothing has been sent by then.
        """
        messages = self._messages(visit, await self._rendered(visit))
        headers = {"X-Accel-Buffering": "no", "Vary": "Accept-Encoding"}
        if "gzip" not in visit.request.headers.get("accept-encoding", ""):
            return StreamingResponse(messages, media_type=EVENTS, headers=headers)
        return StreamingResponse(_squeezed(messages), media_type=EVENTS, headers=headers | {"Content-Encoding": "gzip"})

    async def _messages(self, visit: Visit, first: Mapping[str, str]) -> AsyncIterator[str]:
        shown: dict[str, str] = {}
        yield f"retry: {RETRY_MS}\n\n"
        for round_number in _rounds():
            if visit.deps.closing.is_set() or not await _may_go_on(visit, round_number):
                return
            try:
                parts = await self._parts(visit) if round_number else first
            except UsherError:
                return
            for name, text in parts.items():
                if shown.get(name) != text:
                    shown[name] = text
                    yield _message(name, text)
            if round_number % HEARTBEAT_EVERY == 0:
                yield ": still here\n\n"
            await _wait(visit)

    async def _parts(self, visit: Visit) -> Mapping[str, str]:
        """Render the parts, or take what was rendered for somebody else within this round."""
        until, parts = visit.deps.live_parts.get(_key(visit), (0.0, {}))
        return parts if until > visit.desk.clock.monotonic() else await self._rendered(visit)

    async def _rendered(self, visit: Visit) -> Mapping[str, str]:
        """Render the parts as they are now: a stream's first ones must not be older than its page."""
        kept, now = visit.deps.live_parts, visit.desk.clock.monotonic()
        parts = render_blocks(self.template, self.blocks, {"visit": visit, **await self.context(visit)})
        for old in [one for one, (until, _) in kept.items() if until <= now]:
            del kept[old]
        kept[_key(visit)] = now + SHARED_SECONDS, parts
        return parts


def _key(visit: Visit) -> tuple[str, Role]:
    return visit.here, visit.actor.role


async def _squeezed(messages: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Compress a stream so that each message is there at once: a list of fifty jobs is ten times smaller so."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, GZIP_WINDOW)
    async for message in messages:
        yield squeeze.compress(message.encode()) + squeeze.flush(zlib.Z_SYNC_FLUSH)


def _rounds() -> Sequence[int]:
    return range(3_600)  # an hour; then the browser asks again


async def _may_go_on(visit: Visit, round_number: int) -> bool:
    if round_number % CHECKED_EVERY:
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
