"""What the web layer is given, once, by whoever wires the service."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

from usher.access.roles import Actor, Role
from usher.engine.telemetry import Telemetry
from usher.jobs.desk import Desk


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
        closing: set when the service stops, so that live pages let go.
        live_parts: what live pages showed last, shared by everybody who looks at the same thing with the same role.
    """

    desk: Desk
    ingest: TakesTriggers
    telemetry: Telemetry
    authenticate: Callable[[str], Awaitable[Actor]]
    version: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    live_parts: dict[tuple[str, Role], tuple[float, Mapping[str, str]]] = field(default_factory=dict, repr=False)


def deps_of(request: Request) -> WebDeps:
    deps: WebDeps = request.app.state.deps
    return deps
