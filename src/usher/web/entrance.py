"""
What happens to every request whatever it asks: an id, safe headers, one log line, and a last resort.

The log names the route's template, never the path: a path may hold a member's identifier, and a query a cursor.
"""

from collections.abc import Callable, Iterable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usher.clock import Clock
from usher.web.envelope import REQUEST_ID

SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
)
QUIET_ROUTES = frozenset({"/triggers/{auth_id:path}", "/healthz", "/readyz", "/metrics", "/static/{stamp}/{name:path}"})

LEFT = 499  # what logs call a caller who left before the answer; nobody is sent it

logger = structlog.get_logger("usher.web")


class Entrance:
    """The outermost of our own layers; nothing that is raised below it reaches the server."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, new_id: Callable[[], str], last_resort: Callable[[Request], Response]
    ) -> None:
        self._app = app
        self._last_resort = last_resort
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        began, status = self._clock.monotonic(), 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                mark = (REQUEST_ID.lower().encode(), request_id.encode())
                message["headers"] = [*_with_safe_headers(message.get("headers", ())), mark]
            await send(message)

        try:
            await self._app(scope, receive, send_safely)
        except ClientDisconnect:
            status = LEFT
        except Exception:
            logger.exception("request_failed", route=route_of(scope), request_id=request_id)
            if not status:
                await self._last_resort(Request(scope))(scope, receive, send_safely)
        self._log(scope, status=status, request_id=request_id, seconds=self._clock.monotonic() - began)

    def _log(self, scope: Scope, *, status: int, request_id: str, seconds: float) -> None:
        route = route_of(scope)
        if route in QUIET_ROUTES and status < 400:
            return  # the metrics count these; a line for each would drown the rest
        took_ms = round(seconds * 1000, 1)
        logger.info(
            "request", method=scope["method"], route=route, status=status, took_ms=took_ms, request_id=request_id
        )


def _with_safe_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Add what a route did not decide itself: a page has its own policy, a static file may be kept."""
    given = list(headers)
    named = {name.lower() for name, _ in given}
    return given + [(name, value) for name, value in SAFE_HEADERS if name not in named]


def route_of(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unknown"))
