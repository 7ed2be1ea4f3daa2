"""
The one shape of every answer: Lytics' v2 envelope.

    {"data": …, "request_id": "…", "status": 200, "_meta": {}}
    {"status": 404, "request_id": "…", "errors": [{"code", "level", "message", "timestamp"}]}

Source: facts/lytics.md A1 and the schemas models.ApiResponse and models.ApiErrorResponse (confirmed).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from usher.clock import iso_from_ms

Data = TypeVar("Data")
Item = TypeVar("Item")
REQUEST_ID = "X-Request-Id"


class Ok(BaseModel, Generic[Data]):
    """What succeeded."""

    data: Data
    request_id: str
    status: int = 200
    meta: dict[str, Any] = Field(default_factory=dict, serialization_alias="_meta")


class ErrorItem(BaseModel):
    """One thing that is wrong."""

    code: str
    level: str
    message: str
    timestamp: str
    field: str | None = None


class Failed(BaseModel):
    """What did not succeed."""

    status: int
    request_id: str
    errors: list[ErrorItem]


class Trouble(NamedTuple):
    """One error to be told: Lytics' *code*, a sentence with its mend, and the field that it is about."""

    code: str
    message: str
    field: str = ""


def ok(request: Request, data: Data, *, status: int = 200, meta: Mapping[str, Any] | None = None) -> Ok[Data]:
    return Ok(data=data, request_id=request_id_of(request), status=status, meta=dict(meta or {}))


def page(request: Request, data: list[Item], following: str | None) -> Ok[list[Item]]:
    """Answer with one page; *following* is the cursor of the next, None where this is the last."""
    return ok(request, data, meta={"next": following} if following else {})


def failed(
    troubles: Sequence[Trouble], *, status: int, request_id: str, now_ms: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a failure in the published shape; *troubles* are listed in order."""
    at = iso_from_ms(now_ms)
    errors = [
        {"code": code, "level": "error", "message": message, "timestamp": at} | ({"field": field} if field else {})
        for code, message, field in troubles
    ]
    body = {"status": status, "request_id": request_id, "errors": errors}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def request_id_of(request: Request) -> str:
    return str(request.scope["state"]["request_id"])
