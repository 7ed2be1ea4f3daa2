"""
Who may call the pretend Lytics, and how it words success and failure in its two generations of API.

Source: Lytics' V2 OpenAPI and Go client (confirmed). That a flat error body exists too is confirmed by Lytics'
own agent skills; which of the two a path answers with is unknown, hence the switch.
"""

import gzip
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from usher.clock import Clock, iso_from_ms
from usher.sandbox.exchange import Answer, BadJsonError, Call, Handler

Right = Literal["audiences", "schema", "jobs", "pii"]
ALL_RIGHTS: frozenset[Right] = frozenset(("audiences", "schema", "jobs", "pii"))
GZIP_FROM_BYTES = 1024
REDACTED = "[redacted]"  # what Lytics puts in the place of personal data is unknown


class RefusalError(Exception):
    """Answer with this status, Lytics code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Found:
    """A success: *data*, and further keys of a V1 body."""

    data: Any
    status: int = 200
    extra: dict[str, Any] = field(default_factory=dict)


Reader = Callable[[Call], Awaitable[Found]]


@dataclass(slots=True)
class LyticsDoor:
    """Every Lytics route goes through here. *rights* holds what each known token may do."""

    rights: dict[str, frozenset[Right]]
    clock: Clock
    rng: random.Random
    is_flat: bool = False

    def v1(self, read: Reader, *, right: Right) -> Handler:
        return self._guarded(read, right, self._v1_found, self._v1_refused)

    def v2(self, read: Reader, *, right: Right) -> Handler:
        return self._guarded(read, right, self._v2_found, self._v2_refused)

    def may_see_people(self, call: Call) -> bool:
        return "pii" in self.rights.get(token_of(call), frozenset())

    def _guarded(
        self,
        read: Reader,
        right: Right,
        found: Callable[[Found, str], Any],
        refused: Callable[[RefusalError, str], Any],
    ) -> Handler:
        async def handle(call: Call) -> Answer:
            request_id = f"{self.rng.getrandbits(128):032x}"
            try:
                self._admit(call, right)
                result = await read(call)
            except BadJsonError as error:
                refusal = RefusalError(400, "JSON-BADREQ-025", str(error))
                return _packed(400, refused(refusal, request_id), call, request_id)
            except RefusalError as refusal:
                return _packed(refusal.status, refused(refusal, request_id), call, request_id)
            return _packed(result.status, found(result, request_id), call, request_id)

        return handle

    def _admit(self, call: Call, right: Right) -> None:
        rights = self.rights.get(token_of(call))
        if rights is None:
            raise RefusalError(401, "UNAUTHORIZED-017", "Not authorized")
        if right not in rights:
            raise RefusalError(403, "FORBIDDEN-026", "This token may not do that")

    def _v1_found(self, found: Found, request_id: str) -> Any:
        return {"status": found.status, "message": "success", "data": found.data, **found.extra}

    def _v1_refused(self, refusal: RefusalError, request_id: str) -> Any:
        return {"data": None, "message": str(refusal), "status": refusal.status}

    def _v2_found(self, found: Found, request_id: str) -> Any:
        return {"_meta": found.extra, "data": found.data, "request_id": request_id, "status": found.status}

    def _v2_refused(self, refusal: RefusalError, request_id: str) -> Any:
        if self.is_flat:
            return {"status": refusal.status, "message": str(refusal), "request_id": request_id}
        error = {
            "code": refusal.code,
            "level": "error",
            "message": str(refusal),
            "timestamp": iso_from_ms(self.clock.now_ms()),
        }
        return {"status": refusal.status, "request_id": request_id, "errors": [error]}


def token_of(call: Call) -> str:
    """The token, raw or as Bearer in the header, or in the query as `access_token` or `key`."""
    header = call.header(b"authorization")
    if header:
        return header.removeprefix("Bearer ").strip()
    query = call.query
    return query.get("access_token") or query.get("key", "")


def _packed(status: int, value: Any, call: Call, request_id: str) -> Answer:
    body = msgspec.json.encode(value)
    headers = [(b"request-id", request_id.encode())]
    if len(body) >= GZIP_FROM_BYTES and "gzip" in call.header(b"accept-encoding"):
        body = gzip.compress(body, compresslevel=1)
        headers.append((b"content-encoding", b"gzip"))
    return Answer(status, body, headers=tuple(headers))
