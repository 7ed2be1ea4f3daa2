"""
Where Lytics' triggers arrive: `POST /triggers/{lytics authorization}`.

The token is looked at before the body. 200 means durable; our own faults answer 503 with Retry-After, so that Lytics
sends again; 400 and 404 are never answered, because Lytics drops what gets them (facts/lytics.md B1, confirmed).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from usher.errors import Unavailable
from usher.jobs.endpoint import is_trigger_token
from usher.jobs.too_large import note_too_large
from usher.web.addressing import NUL
from usher.web.callers import presented_token
from usher.web.deps import WebDeps
from usher.web.envelope import Trouble, failed, request_id_of
from usher.web.framing import GarbledBody

MOST_BYTES = 16 * 1024 * 1024
MOST_BYTES_IN_FLIGHT = 64 * 1024 * 1024
READ_SECONDS = 15.0
RETRY_SECONDS = 5
WRONG_TOKEN = "No valid token was given for this address."  # noqa: S105 - a sentence; the same for an unknown id
WORDS = {
    "refused": (401, "UNAUTHORIZED-017", WRONG_TOKEN),
    "too_large": (413, "BADREQ-001", "The message is larger than 16 MiB. Lower the webhook's batch size."),
    "busy": (503, "INTERNAL-019", "Too much is arriving at once; send this message again."),
    "slow": (503, "INTERNAL-019", "The message did not arrive in time; send it again."),
    "unavailable": (503, "INTERNAL-019", "The message was not kept; send it again."),
}
ANSWERS = ("accepted", "disconnected", *WORDS)

logger = structlog.get_logger("usher.web")


class _TooLargeError(Exception):
    """The message is beyond the limit."""


class _BusyError(Exception):
    """All messages that are being read at once are beyond the limit."""


FATES: tuple[tuple[type[Exception], str], ...] = (
    (_TooLargeError, "too_large"),
    (_BusyError, "busy"),
    (TimeoutError, "slow"),
    (ClientDisconnect, "disconnected"),
    (GarbledBody, "disconnected"),  # it never came whole, and 400 would have Lytics drop it
    (Unavailable, "unavailable"),
)
ALARMING = frozenset({"too_large", "unavailable"})  # Lytics drops the first for good, and sends the second again


class Receiver:
    """
    Takes trigger messages for every Lytics authorization, any number at once.

    Args:
        read_seconds: how long one message may take to arrive.
    """

    def __init__(self, deps: WebDeps, *, read_seconds: float = READ_SECONDS) -> None:
        self._deps = deps
        self._read_seconds = read_seconds
        self._held_bytes = 0

    async def receive(self, request: Request) -> Response:
        word = await self._fate(request)
        self._deps.telemetry.receiver.labels(word).inc()
        if word == "too_large":
            await note_too_large(self._deps.desk, request.path_params["auth_id"].strip("/"))
        if word == "accepted":
            return JSONResponse({"data": {}, "request_id": request_id_of(request), "status": 200, "_meta": {}})
        return self._refusal(request, word)

    async def _fate(self, request: Request) -> str:
        """Take one message in and return what became of it; nothing is raised, whatever happens."""
        auth_id = request.path_params["auth_id"].strip("/")
        try:
            if not await self._is_known(request, auth_id):
                return "refused"
            async with self._whole_body(request) as body:
                await self._deps.ingest.receive(auth_id, body)
        except Exception as error:  # noqa: BLE001 - Lytics must hear 503, whatever went wrong here
            return _why_not(error, auth_id=auth_id)
        return "accepted"

    async def _is_known(self, request: Request, auth_id: str) -> bool:
        token = presented_token(request.headers)
        return token is not None and NUL not in auth_id and await is_trigger_token(self._deps.desk, auth_id, token)

    @asynccontextmanager
    async def _whole_body(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the message; until it is dealt with, it counts towards what is in flight."""
        announced = int(request.headers.get("content-length", "0"))
        if announced > MOST_BYTES:
            raise _TooLargeError
        if self._held_bytes + announced > MOST_BYTES_IN_FLIGHT:
            raise _BusyError
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._read_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    self._held_bytes += len(chunk)
                    self._check(size)
                    chunks.append(chunk)
            yield b"".join(chunks)
        finally:
            self._held_bytes -= size

    def _check(self, size: int) -> None:
        if size > MOST_BYTES:
            raise _TooLargeError
        if self._held_bytes > MOST_BYTES_IN_FLIGHT:
            raise _BusyError

    def _refusal(self, request: Request, word: str) -> Response:
        status, code, message = WORDS.get(word, WORDS["unavailable"])
        headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
        if status == 401:
            headers = {"Connection": "close", "WWW-Authenticate": "Bearer"}  # spare ourselves the rest of its body
        return failed(
            [Trouble(code, message)],
            status=status,
            request_id=request_id_of(request),
            now_ms=self._deps.desk.clock.now_ms(),
            headers=headers,
        )


def _why_not(error: Exception, *, auth_id: str) -> str:
    """Return what became of a message that was not kept; what a person should know of is logged."""
    for kind, word in FATES:
        if isinstance(error, kind):
            if word in ALARMING:
                logger.warning("trigger_message_lost_or_late", authorization=auth_id, fate=word)
            return word
    logger.error("trigger_message_failed", authorization=auth_id, exc_info=error)
    return "unavailable"
