"""What a form sent: names and texts, bounded; a name may come several times."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request

from usher.errors import InvalidInput, Problem

MOST_BYTES = 256 * 1024
MOST_FIELDS = 2_000


class Form:
    """The fields of one form; a field that was not sent reads as ""."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)

    def get(self, name: str, default: str = "") -> str:
        """Return the last text sent under *name*, outer space cut."""
        return next((value.strip() for key, value in reversed(self.pairs) if key == name), default)

    def raw(self, name: str) -> str:
        """Return the last text sent under *name* as it is: a password may begin with a space."""
        return next((value for key, value in reversed(self.pairs) if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value.strip() for key, value in self.pairs if key == name]

    def has(self, name: str) -> bool:
        """Whether *name* was sent: how a checked box says so."""
        return any(key == name for key, _ in self.pairs)


async def read_form(request: Request) -> Form:
    """
    Read the form that *request* carries.

    Raises:
        InvalidInput: it is larger than any form of ours, or not one at all.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise InvalidInput(Problem("form", "is larger than 256 kB.", "Shorten what you typed."))
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise InvalidInput(Problem("form", "could not be read.", "Go back, reload the page, and try again.")) from None
