"""
What the public listener shows: the addresses that vendors send to, and a sign of life. The rest is not there.

Everything that is not there is answered alike, so that nobody learns what else this service is.
"""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENT_TO = ("/triggers/", "/feedback/")
ALIVE = "/healthz"
HINTS = frozenset({404, 405})  # of the service itself; they name methods, and look like its API or its pages


class PublicDoor:
    """Stands before the whole application, and shares it: its limits count for both listeners together."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_open(scope) or await self._is_missing(scope, receive, send):
            answer = PlainTextResponse("Not found\n", 404, headers={"Connection": "close"})
            await answer(scope, receive, send)

    async def _is_missing(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let the application answer, unless it has nothing there."""
        is_missing = False

        async def send_what_is_there(message: Message) -> None:
            nonlocal is_missing
            is_missing = is_missing or message.get("status") in HINTS
            if not is_missing:
                await send(message)

        await self._app(scope, receive, send_what_is_there)
        return is_missing


def _is_open(scope: Scope) -> bool:
    if scope["method"] == "POST":
        return bool(scope["path"].startswith(SENT_TO))
    return scope["method"] in {"GET", "HEAD"} and scope["path"] == ALIVE
