"""How a request's JSON body is read: at most so much, for so long, and never deeper than Python can follow."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import Depends
from starlette.requests import Request

from usher.errors import Problem, Unavailable
from usher.web.addressing import NUL
from usher.web.failures import BadJson, TooLarge

MOST_BYTES = 1_048_576  # the largest honest body is a list of members to retry
READ_SECONDS = 15.0


class SlowBody(Unavailable):
    """The body did not arrive in time; send the request again."""


async def json_object(request: Request) -> dict[str, Any]:
    """
    Return the body as an object; an empty body is an empty object.

    Raises:
        TooLarge, BadJson: send a smaller one, or an object.
        SlowBody: it did not arrive within READ_SECONDS.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await _whole(request)
    except TimeoutError:
        raise SlowBody from None
    try:
        value = msgspec.json.decode(body or b"{}")
        has_nul = _holds_nul(value)  # follows the value in less depth than the decoder does
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadJson(Problem("body", "is not JSON.", "Send one JSON object in UTF-8.")) from None
    if not isinstance(value, dict):
        raise BadJson(Problem("body", "is not a JSON object.", "Send one JSON object."))
    if has_nul:
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
