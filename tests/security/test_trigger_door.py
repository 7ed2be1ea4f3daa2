"""Only Lytics gets a trigger in, and whoever is not Lytics learns nothing at the door."""

import asyncio
import hmac
from dataclasses import replace
from typing import Any

import pytest

from tests.jobs.office import ANNA, Office
from tests.web.service import OWNER, Running
from tools.measuring import Measured
from usher.access.roles import Role
from usher.access.tokens import create_token
from usher.jobs import trigger_tokens
from usher.jobs.endpoint import drop_old_trigger_tokens, is_trigger_token, new_trigger_token, trigger_endpoint
from usher.jobs.trigger_tokens import Remembered, TokenCache, hash_of

ABOUT_THIS_REQUEST = {"x-request-id", "date"}
PRESENTED = 10_000


async def knock(usher: Running, *lines: bytes, path: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Send a request's head with *lines*, announce a body and send none of it; return what is answered all the same."""
    host, port = usher.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    address = path or f"/triggers/{usher.made['lytics']}"
    head = [f"POST {address} HTTP/1.1".encode(), b"Host: usher", b"Content-Length: 1000", *lines]
    writer.write(b"\r\n".join(head) + b"\r\n\r\n")
    async with asyncio.timeout(10):
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *rest = raw.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    writer.close()
    return int(first.split()[1]), headers, body


async def wrong_heads(usher: Running) -> dict[str, list[bytes]]:
    """Every way to present something that is not the token, by a word for it."""
    token = (await usher.trigger_token()).encode()
    _, api_token = await create_token(usher.deps.desk, OWNER, name="robot", role=Role.ADMIN)
    bearer = b"Authorization: Bearer "
    return {
        "nothing": [],
        "empty": [b"Authorization:"],
        "no token": [bearer],
        "wrong": [bearer + b"wrong"],
        "beginning": [bearer + token[:-1]],
        "end": [bearer + token[1:]],
        "longer": [bearer + token + b"x"],
        "twice in one": [bearer + token + b" " + token],
        "other case": [bearer + token.swapcase()],
        "unicode": [bearer + "tökén".encode()],
        "not UTF-8": [bearer + b"\xff\xfe"],
        "look-alike": [bearer + "ᴀ".encode() + token[1:]],
        "very long": [bearer + b"x" * 4_000],
        "duplicate": [bearer + token, bearer + token],
        "right and wrong": [bearer + token, bearer + b"wrong"],
        "basic": [b"Authorization: Basic " + token],
        "digest": [b"Authorization: Digest " + token],
        "another header": [b"X-Authorization: Bearer " + token],
        "a cookie": [b"Cookie: Authorization=" + token],
        "its hash": [bearer + hash_of(token.decode()).encode()],
        "an API token": [bearer + api_token.encode()],
        "folded": [bearer + b"\r\n " + token],
    }


async def test_whatever_is_not_the_token_is_refused_before_a_byte_of_the_body_is_there(
    usher: Running, measured: Measured
) -> None:
    await usher.create_job()
    token = await usher.trigger_token()
    wrong = await wrong_heads(usher)
    answers = {word: await knock(usher, *lines) for word, lines in wrong.items()}
    refused = {word: status for word, (status, _, _) in answers.items() if status != 401}
    assert refused in ({}, {"folded": 400}), "a folded header is refused by the server itself"
    query = await knock(usher, path=f"/triggers/{usher.made['lytics']}?token={token}&authorization={token}")
    assert query[0] == 401, "a token in the address, where logs would keep it, counts for nothing"
    measured("security.trigger_door_cases", len(wrong) + 1)


async def test_a_wrong_token_and_an_unknown_address_get_the_same_words_and_headers(usher: Running) -> None:
    await usher.create_job()
    token = (await usher.trigger_token()).encode()
    right, wrong = b"Authorization: Bearer " + token, b"Authorization: Bearer wrong"
    answers = [
        await knock(usher, wrong),
        await knock(usher),
        await knock(usher, right, path="/triggers/" + "0" * 32),
        await knock(usher, wrong, path="/triggers/" + "0" * 32),
        await knock(usher, right, path=f"/triggers/{usher.made['mapp']}"),
        await knock(usher, right, path="/triggers/x"),
        await knock(usher, right, path="/triggers/a/b/c"),
    ]
    alike = set()
    for status, headers, body in answers:
        request_id = headers["x-request-id"].encode()
        shown = {name: value for name, value in headers.items() if name not in ABOUT_THIS_REQUEST}
        message = body.replace(request_id, b"id").split(b'"timestamp"')[0]
        alike.add((status, tuple(sorted(shown.items())), message))
    assert len(alike) == 1, alike
    assert next(iter(alike))[0] == 401


async def test_a_refused_message_is_neither_kept_nor_read(usher: Running) -> None:
    await usher.create_job()
    await usher.trigger(b"{ not even JSON", token="wrong")
    await usher.trigger(usher.event("jo@example.com"), token="wrong")
    assert (await usher.ask("GET", "/v2/unreadable")).data == []
    job = (await usher.ask("GET", "/v2/job")).data[0]
    triggers = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data["triggers"]
    assert triggers["received"] == 0


async def test_a_rotation_loses_none_of_ten_thousand_messages(office: Office, measured: Measured) -> None:
    """Webhooks made by hand go on with the old token; two processes, each with a memory of its own."""
    endpoint = await trigger_endpoint(office.desk, ANNA, office.lytics)
    tokens = [endpoint.header.rpartition(" ")[2]]
    desks = [office.desk, replace(office.desk, trigger_tokens=TokenCache())]
    lost = 0
    for number in range(PRESENTED):
        if number == PRESENTED // 3:
            fresh = await new_trigger_token(office.desk, ANNA, office.lytics)
            tokens.append(fresh.header.rpartition(" ")[2])
        desk, token = desks[number % 2], tokens[number % 3 % len(tokens)]
        lost += not await is_trigger_token(desk, office.lytics, token)
        office.clock.pass_ms(7)
    assert lost == 0
    await drop_old_trigger_tokens(office.desk, ANNA, office.lytics)
    assert not await is_trigger_token(office.desk, office.lytics, tokens[0])
    office.clock.pass_seconds(trigger_tokens.LIFE_SECONDS)
    assert not await is_trigger_token(desks[1], office.lytics, tokens[0]), "the other process forgets it in seconds"
    measured("security.rotation_presented", PRESENTED)
    measured("security.rotation_lost", lost)


@pytest.mark.parametrize("known", [1, 2])
def test_every_token_is_compared_whole_by_its_digest_whatever_is_presented(
    monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    """What takes as long wherever the first difference stands cannot be measured from outside."""
    compared: list[tuple[int, int]] = []

    def watched(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return compare(one, other)

    compare = hmac.compare_digest
    monkeypatch.setattr(trigger_tokens.hmac, "compare_digest", watched)
    tokens = [f"token-{number}-" + "x" * 32 for number in range(known)]
    remembered = Remembered(tuple((hash_of(token), None) for token in tokens), until=1.0)
    presented = [*tokens, "X" + tokens[0][1:], tokens[0][:-1] + "X", "", "x" * 500]
    admitted = [remembered.admits(token, now_ms=0) for token in presented]
    assert admitted == [True] * known + [False] * 4
    assert compared == [(64, 64)] * known * len(presented)
