"""The way from one worker to the vendors: it takes a while, it fails before or after the request is there."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from usher.errors import RemoteError, RemoteUnknown, RemoteUnreachable
from usher.http import Reply
from usher.simulation.loop import PROCESS
from usher.simulation.stage import Stage

MAPP_URL = "https://mapp.example/api/v1"
LYTICS_URL = "https://lytics.example"

Answer = Callable[[float, Reply | RemoteError], None]


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request as it was sent.

    Args:
        timeout_seconds: how long its sender waits.
        until: second by which whatever becomes of it has become of it.
    """

    worker: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float
    until: float = 0.0


class Server(Protocol):
    """What answers requests."""

    def receive(self, request: Request, answer: Answer) -> None:
        """Take *request* in, and perhaps *answer* so many seconds from now; a worker that is gone hears nothing."""


class Wire:
    """
    Implements Http for one worker. *in_flight* counts what it waits for at Mapp.

    Args:
        sent: called as each event goes out.
    """

    def __init__(self, stage: Stage, worker: str, *, mapp: Server, lytics: Server, sent: Callable[[], None]) -> None:
        self.in_flight = 0
        self._stage = stage
        self._worker = worker
        self._sent = sent
        self._servers = {MAPP_URL: mapp, LYTICS_URL: lytics}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float = 10,
        most_bytes: int = 65_536,
    ) -> Reply:
        request = Request(self._worker, method, url, headers or {}, body, timeout_seconds)
        if not body:
            return await self._exchange(request)
        await self._stop_perhaps()
        self.in_flight += 1
        self._sent()
        try:
            return await self._exchange(request)
        finally:
            self.in_flight -= 1

    async def _stop_perhaps(self) -> None:
        """Stop this very process between its last look at the clock and the request."""
        process = PROCESS.get()
        if process is not None and self._stage.happens("stopped before sending"):
            self._stage.note(process.name, "is stopped just before it sends")
            stop_for_a_while(self._stage, process.stop, process.go_on)
            await asyncio.sleep(0)

    async def _exchange(self, request: Request) -> Reply:
        stage, loop = self._stage, self._stage.loop
        server = next(server for base, server in self._servers.items() if request.url.startswith(base))
        if server is self._servers[MAPP_URL] and stage.happens("Mapp unreachable"):
            await asyncio.sleep(stage.rng.uniform(0, request.timeout_seconds / 2))
            raise RemoteUnreachable("Nothing was sent: no connection.")
        until = loop.time() + request.timeout_seconds + stage.draw.timing.quarantine_seconds
        answered: asyncio.Future[Reply | RemoteError] = loop.create_future()

        def come_in(what: Reply | RemoteError) -> None:
            if not answered.done():
                answered.set_result(what)

        def answer(seconds: float, what: Reply | RemoteError) -> None:
            stage.later(seconds, come_in, what)

        way = stage.rng.uniform(0.1, 1) * stage.draw.latency
        stage.later(way, server.receive, replace(request, until=until), answer)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                found = await answered
        except TimeoutError:
            raise RemoteUnknown("There was no answer in time.") from None
        if isinstance(found, RemoteError):
            raise found
        return found


def stop_for_a_while(stage: Stage, stop: Callable[[], None], go_on: Callable[[], None]) -> None:
    """Stop something, for a moment or for longer than any claim holds."""
    hold = stage.draw.timing.hold_ms / 1000
    stop()
    stage.later(stage.rng.choice([0.2, 1.0, 0.5 * hold, 1.05 * hold, 1.5 * hold]) * stage.rng.uniform(0.9, 1.1), go_on)
