"""How a request's JSON body is read: at most so much of it, and never deeper than Python can follow."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends
from starlette.requests import Request

from usher.errors import Problem
from usher.web.addressing import NUL
from usher.web.failures import BadJson, TooLarge

MOST_BYTES = 1_048_576  # the largest honest body is a list of members to retry


async def json_object(request: Request) -> dict[str, Any]:
    """
    Return the body as an object; an empty body is an empty object.

    Raises:
        TooLarge, BadJson: send a smaller one, or an object.
    """
    try:
        value = msgspec.json.decode(await _whole(request) or b"{}")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadJson(Problem("body", "is not JSON.", "Send one JSON object in UTF-8.")) from None
    if not isinstance(value, dict):
        raise BadJson(Problem("body", "is not a JSON object.", "Send one JSON object."))
    if _holds_nul(value):
        raise BadJson(Problem("body", "holds the character NUL.", "Leave it out; no text of ours has it."))
    return value


JsonObject = Annotated[dict[str, Any], Depends(json_object)]


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return NUL in value
        case list():
            return any(_holds_nul(one) for one in value)
        case dict():
            return any(_holds_nul(one) for pair in value.items() for one in pair)
    return False


async def _whole(request: Request) -> bytes:
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > MOST_BYTES:
            raise TooLarge(f"The body is larger than {MOST_BYTES:,} bytes. Send less at a time.")
    return bytes(held)
