"""What the web layer is given, once, by whoever wires the service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

from usher.access.roles import Actor
from usher.engine.telemetry import Telemetry
from usher.jobs.desk import Desk
from usher.web.live_room import LiveRoom


class TakesTriggers(Protocol):
    """Takes trigger messages in; the engine's Ingest."""

    async def receive(self, auth_id: str, body: bytes) -> None:
        """
        Take in one message; when this returns, it is durable.

        Raises:
            Unavailable: nothing was kept; Lytics must send it again.
        """


@dataclass(frozen=True, slots=True)
class WebDeps:
    """
    Everything the routes need.

    Args:
        authenticate: the actor whose API token this is; raises Unauthenticated.
        version: of Usher, as the API's description shows it.
        live: where live pages have their seats, and what they share.
        closing: set when the service stops, so that live pages let go.
    """

    desk: Desk
    ingest: TakesTriggers
    telemetry: Telemetry
    authenticate: Callable[[str], Awaitable[Actor]]
    version: str
    live: LiveRoom = field(repr=False)
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def deps_of(request: Request) -> WebDeps:
    deps: WebDeps = request.app.state.deps
    return deps
