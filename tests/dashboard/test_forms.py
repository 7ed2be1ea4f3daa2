"""How a form is read: so much of it, for so long, and nothing that no text of ours holds."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import ClientDisconnect, Request

from usher.errors import InvalidInput
from usher.web.dashboard.forms import MOST_BYTES, Form, SlowForm, read_form


def sending(*messages: dict[str, Any]) -> Request:
    """A request whose body comes in such messages; after the last of them, nothing comes any more."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def piece(body: bytes, *, is_last: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": not is_last}


async def read(body: bytes) -> Form:
    return await read_form(sending(piece(body, is_last=True)))


async def test_a_form_may_come_in_pieces() -> None:
    form = await read_form(sending(piece(b"name=J"), piece(b"o&role="), piece(b"viewer", is_last=True)))
    assert (form.get("name"), form.get("role")) == ("Jo", "viewer")


async def test_a_form_that_does_not_end_is_given_up() -> None:
    with pytest.raises(SlowForm):
        await read_form(sending(piece(b"name=J")), read_seconds=0.01)


async def test_a_form_whose_sender_has_gone_is_no_form() -> None:
    with pytest.raises(ClientDisconnect):
        await read_form(sending(piece(b"name=J"), {"type": "http.disconnect"}))


async def test_a_form_is_refused_at_the_first_byte_too_many_and_not_read_on() -> None:
    with pytest.raises(InvalidInput, match="larger than 256 kB"):
        await read_form(sending(piece(b"x" * MOST_BYTES), piece(b"x")))


@pytest.mark.parametrize("field", [("name", "a\0b"), ("na\0me", "x"), ("password", "\0")], ids=["text", "name", "raw"])
async def test_nul_is_in_no_form(field: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match="could not be read"):
        await read(urlencode([field]).encode())


@pytest.mark.parametrize("body", [b"name=\xff", b"&".join([b"a=b"] * 2_001)], ids=["no-utf-8", "too-many-fields"])
async def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="could not be read"):
        await read(body)
