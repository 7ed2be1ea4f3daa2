"""How the sandbox's own controls read what they are asked and say what is wrong with it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from usher.sandbox.audiences import Audience, Audiences
from usher.sandbox.exchange import Answer, Call, Handler, json_answer

Asked = TypeVar("Asked")


class AbsentError(LookupError):
    """Nothing by that name; answer 404."""


def control(act: Callable[[Call], Awaitable[Any]]) -> Handler:
    """A handler that answers with the JSON of what *act* returns, 400 or 404."""

    async def handle(call: Call) -> Answer:
        try:
            return json_answer(await act(call))
        except msgspec.DecodeError as error:
            return json_answer({"error": str(error)}, 400)
        except AbsentError as error:
            return json_answer({"error": f"there is no {error.args[0]}"}, 404)

    return handle


def asked(call: Call, kind: type[Asked]) -> Asked:
    """
    The body as *kind*; an empty body is an empty object.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    return msgspec.json.decode(call.body or b"{}", type=kind)


def audience_named(audiences: Audiences, slug: str) -> Audience:
    audience = audiences.find(slug)
    if audience is None:
        raise AbsentError("such audience")
    return audience
