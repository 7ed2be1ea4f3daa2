"""
Which HTTP status and which of Lytics' codes each failure gets.

This is the only place that turns an error into an answer.
Source of the codes: facts/lytics.md A1 (confirmed); which of them Lytics itself picks for what is inferred.
"""

from collections.abc import Mapping
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from usher.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteRejected,
    RemoteUnreachable,
    TooSoon,
    Unauthenticated,
    Unavailable,
    UsherError,
)
from usher.web.allowing import allowing
from usher.web.deps import deps_of
from usher.web.envelope import Trouble, failed, request_id_of

REMOTE_RETRY_SECONDS = 30  # what a vendor's outage is worth waiting, where it did not say

STATUS: dict[type[UsherError], int] = {
    InvalidInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooSoon: 429,
    Unavailable: 503,
    RemoteMissing: 404,
    RemoteRefused: 400,
    RemoteRejected: 400,
    RemoteUnreachable: 503,
    RemoteError: 502,
    UsherError: 500,
}
CODES: dict[type[UsherError], str] = {
    Unauthenticated: "UNAUTHORIZED-017",
    Forbidden: "FORBIDDEN-026",
    RemoteMissing: "PROVIDER-NOTFOUND-016",
    RemoteError: "PROVIDER-BADREQ-015",
    Unavailable: "INTERNAL-019",
}
BAD = {"job": "JOB-BADREQ-002", "auth": "AUTH-BADREQ-008", "person": "USER-BADREQ-024"}
MISSING = {"job": "JOB-NOTFOUND-004", "auth": "AUTH-NOTFOUND-006", "person": "USER-NOTFOUND-023"}

Found = TypeVar("Found")


class BadJson(InvalidInput):
    """The body is not JSON of the kind that was asked for."""


class CodedNotFound(NotFound):
    """Something is not there, and Lytics has a code of its own for it."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class TooLarge(UsherError):
    """The body is larger than this service takes."""


async def usher_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UsherError)
    troubles = troubles_of(error, area=_area(request))
    return _answer(request, troubles, status=status_of(error), headers=_wait(error))


def status_of(error: UsherError) -> int:
    return 413 if isinstance(error, TooLarge) else _by_type(error, STATUS, 500)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    message = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    code = "NOTFOUND-003" if error.status_code == 404 else "BADREQ-001"
    trouble = Trouble(code, message.get(error.status_code, str(error.detail)))
    headers = allowing(request) if error.status_code == 405 else error.headers
    return _answer(request, [trouble], status=error.status_code, headers=headers)


async def query_error(request: Request, error: Exception) -> Response:
    """Answer parameters that FastAPI could not read."""
    assert isinstance(error, RequestValidationError)
    troubles = [Trouble("BADREQ-001", f"{e['loc'][-1]}: {e['msg']}.", str(e["loc"][-1])) for e in error.errors()]
    return _answer(request, troubles, status=400)


def unexpected(request: Request) -> Response:
    """Answer a fault of ours; the caller has logged it."""
    message = "Something went wrong inside Usher. The service's log names this request's id."
    return _answer(request, [Trouble("INTERNAL-019", message)], status=500)


def troubles_of(error: UsherError, *, area: str) -> list[Trouble]:
    """
    Return one entry for each problem.

    Args:
        area: "job", "auth", "person" or "", as the path begins.
    """
    if isinstance(error, BadJson):
        return [Trouble("JSON-BADREQ-025", str(problem), problem.field) for problem in error.problems]
    if isinstance(error, InvalidInput):
        code = BAD.get(area, "BADREQ-001")
        return [Trouble(code, str(problem), problem.field) for problem in error.problems]
    return [Trouble(_code(error, area=area), error.message)]


def _code(error: UsherError, *, area: str) -> str:
    if isinstance(error, CodedNotFound):
        return error.code
    if isinstance(error, NotFound):
        return MISSING.get(area, "NOTFOUND-003")
    return _by_type(error, CODES, BAD.get(area, "BADREQ-001"))


def _by_type(error: UsherError, table: Mapping[type[UsherError], Found], default: Found) -> Found:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), default)


def _area(request: Request) -> str:
    parts = request.url.path.split("/")
    return parts[2] if parts[1:2] == ["v2"] and len(parts) > 2 else ""


def _wait(error: UsherError) -> dict[str, str]:
    if isinstance(error, TooSoon | Unavailable):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, RemoteUnreachable):
        return {"Retry-After": str(round(error.retry_after_seconds or REMOTE_RETRY_SECONDS))}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}


def _answer(
    request: Request, troubles: list[Trouble], *, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    now_ms = deps_of(request).desk.clock.now_ms()
    return failed(troubles, status=status, request_id=request_id_of(request), now_ms=now_ms, headers=headers)
