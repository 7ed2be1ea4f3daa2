"""What a form sent: names and texts, bounded in size and time; a name may come several times."""

import asyncio
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request

from usher.errors import InvalidInput, Problem, Unavailable
from usher.web.addressing import NUL

MOST_BYTES = 256 * 1024
MOST_BYTES_OF_STRANGERS = 16 * 1024  # a name, a password and an address; all of them encoded
MOST_FIELDS = 2_000
READ_SECONDS = 30.0


class SlowForm(Unavailable):
    """The form did not arrive in time; go back and send it again."""


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


async def read_form(request: Request, *, most_bytes: int = MOST_BYTES, read_seconds: float = READ_SECONDS) -> Form:
    """
    Read the form that *request* carries.

    Raises:
        InvalidInput: it is larger than *most_bytes*, or not a form at all.
        SlowForm: it did not arrive within *read_seconds*.
        ClientDisconnect: whoever sent it has gone; nobody waits for an answer.
    """
    try:
        async with asyncio.timeout(read_seconds):
            body = await _whole(request, most_bytes)
    except TimeoutError:
        raise SlowForm from None
    return Form(_pairs_in(body))


def _pairs_in(body: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        if not any(NUL in text for pair in pairs for text in pair):
            return pairs
    except ValueError:
        pass
    raise InvalidInput(Problem("form", "could not be read.", "Go back, reload the page, and try again."))


async def _whole(request: Request, most_bytes: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise InvalidInput(Problem("form", f"is larger than {most_bytes // 1024} kB.", "Shorten what you typed."))
    return bytes(body)
