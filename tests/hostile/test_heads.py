"""A request means the same here as to whoever passed it on: nothing of one is ever taken for another."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from tests.hostile.callers import calling, door
from usher.cli.heads import names_one_host, without_upgrade

UPGRADES = {
    "h2c, as Java's client asks": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n",
    "a websocket": b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "twice": b"Upgrade: a\r\nConnection: Upgrade\r\nupgrade: b\r\n",
}
BODIES = {
    "announced": (b"Content-Length: 12\r\n\r\n", b"GET /2 HTTP/"),
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n", b"c\r\nGET /2 HTTP/\r\n0\r\n\r\n"),
}
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo:
    """Answers with the path and the body that it was sent."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.asked.append((scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("pieces", [1, 2, 400], ids=["at once", "head first", "a byte at a time"])
@pytest.mark.parametrize(("length", "body"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_who_asks_for_an_upgrade_is_answered_without_and_the_body_is_no_request(
    upgrade: bytes, length: bytes, body: bytes, pieces: int
) -> None:
    app = Echo()
    head = b"POST /first?a=b HTTP/1.1\r\nHost: x\r\n" + upgrade + length
    words = {1: [head + body + NEXT], 2: [head, body, NEXT]}.get(pieces) or [bytes([c]) for c in head + body + NEXT]
    async with door(app) as port, calling(port) as caller:
        for word in words:
            caller.say(word)
            await caller.until_taken()
            await asyncio.sleep(0)
        for _ in range(2):
            assert await asyncio.wait_for(caller.answer(), 5) == (200, b"ok")

    assert app.asked == [("/first", b"GET /2 HTTP/"), ("/next", b"")]


async def test_what_is_sent_behind_an_upgrade_is_answered_too() -> None:
    app = Echo()
    asking = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with door(app) as port, calling(port) as caller:
        caller.say(asking * 10 + NEXT)
        assert [await asyncio.wait_for(caller.answer(), 5) for _ in range(11)] == [(200, b"ok")] * 11


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        bytes.fromhex("16030100c8010000c40303") + b"a" * 180,
    ],
    ids=["no host", "two hosts", "the same twice", "two in 1.0", "two and an upgrade", "CONNECT", "HTTP/2", "TLS"],
)
async def test_a_head_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection(head: bytes) -> None:
    app = Echo()
    async with door(app) as port, calling(port) as caller:
        caller.say(head + NEXT)
        said = await asyncio.wait_for(caller.rest(), 5)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1") == 1
    assert not app.asked


@pytest.mark.parametrize(
    ("hosts", "version", "is_one"),
    [(1, "1.1", True), (0, "1.1", False), (2, "1.1", False), (0, "1.0", True), (1, "1.0", True), (2, "1.0", False)],
)
def test_exactly_one_host_is_named(hosts: int, version: str, is_one: bool) -> None:
    assert names_one_host([(b"host", b"x")] * hosts + [(b"hosts", b"y")], version=version) is is_one


def test_only_the_wish_for_another_protocol_is_left_out_of_a_head() -> None:
    headers = [(b"host", b"x"), (b"upgrade", b"h2c"), (b"connection", b"Upgrade, close"), (b"x", b"")]

    head = without_upgrade(headers, method=b"POST", url=b"/a?b=c", version="1.0")

    assert head == b"POST /a?b=c HTTP/1.0\r\nhost: x\r\nconnection: Upgrade, close\r\nx: \r\n\r\n"
