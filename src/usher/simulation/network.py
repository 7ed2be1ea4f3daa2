"""The way from one worker to the vendors: it takes a while, it fails before or after the request is there."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
        until: second by which whatever becomes of it has become of it.
    """

    worker: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    until: float


class Server(Protocol):
    """What answers requests."""

    def receive(self, request: Request, answer: Answer) -> None:
        """Take *request* in, and perhaps *answer* so many seconds from now; a worker that is gone hears nothing."""


class Wire:
    """Implements Http for one worker. *in_flight* counts what it waits for at Mapp."""

    def __init__(self, stage: Stage, worker: str, *, mapp: Server, lytics: Server) -> None:
        self.in_flight = 0
        self._stage = stage
        self._worker = worker
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
        server = next(server for base, server in self._servers.items() if url.startswith(base))
        if not body:
            return await self._exchange(server, method, url, headers or {}, body, timeout_seconds)
        await self._stop_perhaps()
        self.in_flight += 1
        try:
            return await self._exchange(server, method, url, headers or {}, body, timeout_seconds)
        finally:
            self.in_flight -= 1

    async def _stop_perhaps(self) -> None:
        """Stop this very process between its last look at the clock and the request."""
        process = PROCESS.get()
        if process is not None and self._stage.happens("stopped before sending"):
            self._stage.note(process.name, "is stopped just before it sends")
            stop_for_a_while(self._stage, process.stop, process.go_on)
            await asyncio.sleep(0)

    async def _exchange(
        self, server: Server, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> Reply:
        stage, loop = self._stage, self._stage.loop
        if server is self._servers[MAPP_URL] and stage.happens("Mapp unreachable"):
            await asyncio.sleep(stage.rng.uniform(0, timeout_seconds / 2))
            raise RemoteUnreachable("Nothing was sent: no connection.")
        until = loop.time() + timeout_seconds + stage.draw.timing.quarantine_seconds
        request = Request(self._worker, method, url, headers, body, until)
        answered: asyncio.Future[Reply | RemoteError] = loop.create_future()

        def answer(seconds: float, what: Reply | RemoteError) -> None:
            stage.later(seconds, lambda: answered.done() or answered.set_result(what))

        stage.later(stage.rng.uniform(0.1, 1) * stage.draw.latency, server.receive, request, answer)
        try:
            async with asyncio.timeout(timeout_seconds):
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
