"""What a worker shows: whether it is alive and ready, and what it counts. People and vendors speak to a service."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = frozenset({"/healthz", "/readyz", "/metrics"})


class MachineDoor:
    """Stands before the whole application and lets through what machines ask."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["path"] in OPEN and scope["method"] in {"GET", "HEAD"}
        answer: ASGIApp = self._app if is_open else PlainTextResponse("Not found\n", 404)
        await answer(scope, receive, send)
