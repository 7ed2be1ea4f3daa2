"""
Every answer that a Mapp, or what stands before it, may give to one event; each with what it must be taken for.

An answer is a small program that speaks on the connection. It is told how to apply the event, and may do so or not.
"""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from tests.hostile.scripted import Asked, answer

Meaning = Literal["accepted", "later", "rejected", "stops", "unknown"]
Play = Callable[[Asked], Awaitable[None]]

DRIP_SECONDS = 0.02
LATE_SECONDS = 0.1
BOMB_BYTES = 200_000_000
PAGE = b"<html><script>alert(1)</script><h1>Sign in, jo@example.com</h1></html>"


class Answer(NamedTuple):
    """*meaning*: what the sender must take it for; *play*: says it."""

    meaning: Meaning
    play: Play


def raw(words: bytes) -> Play:
    async def play(asked: Asked) -> None:
        await asked.say(words)

    return play


def then(words: bytes, misdeed: Literal["end", "reset", "silence", "drip"]) -> Play:
    """Say *words*, and then nothing that makes a whole answer of them."""

    async def play(asked: Asked) -> None:
        await asked.say(words)
        if misdeed == "reset":
            asked.reset()
        elif misdeed == "end":
            asked.end()
        while not asked.writer.is_closing():
            await asyncio.sleep(DRIP_SECONDS)
            if misdeed == "drip":
                await asked.say(b"x")

    return play


async def late(asked: Asked) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await asked.say(answer())


async def piecemeal(asked: Asked) -> None:
    for byte in answer(b"{}"):
        await asked.say(bytes([byte]))
        await asyncio.sleep(0)


async def endless(asked: Asked) -> None:
    await asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not asked.writer.is_closing():
        await asked.say(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def refused(status: str, *, headers: str = "", body: bytes = b'{"message":"no"}') -> Play:
    return raw(answer(body, status=status, headers=headers))


def after(wish: str) -> str:
    return f"Retry-After: {wish}\r\n"


def bomb(encoding: str, packed: bytes) -> Play:
    return raw(answer(packed, headers=f"Content-Encoding: {encoding}\r\n"))


def gzip_bomb() -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1_000_000)
    return b"".join(squeeze.compress(zeros) for _ in range(BOMB_BYTES // len(zeros))) + squeeze.flush()


GZIP_BOMB = gzip_bomb()
DEFLATE_BOMB = zlib.compress(bytes(20_000_000), 9)
BROTLI_BOMB = b"\x5b\xff\xff\x03\x00\x24\x10\xfe\x09\x20\x80" * 1_000
HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"half": '
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MANY_HEADERS = "".join(f"X-{number}: {'y' * 200}\r\n" for number in range(100))

ACCEPTED = {
    "200": raw(answer()),
    "200 late": late,
    "200 in single bytes": piecemeal,
    "201": refused("201 Created"),
    "202": refused("202 Accepted"),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "200 with a page": raw(answer(PAGE, headers="Content-Type: text/html\r\n")),
    "200 with half a JSON document": raw(answer(b'{"half": ')),
    "200 of another content type": raw(answer(b"\x89PNG\r\n", headers="Content-Type: image/png\r\n")),
    "200 with NULs": raw(answer(b"\x00" * 500)),
    "200 with many headers": raw(answer(headers=MANY_HEADERS)),
    "200 with a cookie and a redirect's address": raw(answer(headers="Set-Cookie: a=b\r\nLocation: /elsewhere\r\n")),
    "200 chunked": raw(CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    "200 without end": endless,
    "200 with a gzip bomb": bomb("gzip", GZIP_BOMB),
    "200 with a deflate bomb": bomb("deflate", DEFLATE_BOMB),
    "200 with a brotli bomb": bomb("br", BROTLI_BOMB),
    "200 after early hints": raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer()),
    "200 after 100": raw(b"HTTP/1.1 100 Continue\r\n\r\n" + answer()),
    "200 after 102 and 102": raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + answer()),
}
LATER = {
    "408": refused("408 Request Timeout"),
    "423": refused("423 Locked"),
    "425": refused("425 Too Early"),
    "429 and no wish": refused("429 Too Many Requests"),
    "429 for a second": refused("429 Too Many Requests", headers=after("1")),
    "429 until a past date": refused("429 Too Many Requests", headers=after("Wed, 21 Oct 2015 07:28:00 GMT")),
    "429 for less than none": refused("429 Too Many Requests", headers=after("-5")),
    "429 for nonsense": refused("429 Too Many Requests", headers=after("\x7fsoon")),
    "500": refused("500 Internal Server Error"),
    "500 with a page": refused("500 Oops", body=PAGE),
    "500 that throttles": refused("500 Oops", body=b'{"message":"Database Access Limit Exceeded"}'),
    "503": refused("503 Service Unavailable"),
    "503 for half a second": refused("503 Service Unavailable", headers=after("0.5")),
}
LONG_WAITS = {
    "429 for ever": refused("429 Too Many Requests", headers=after("9" * 400)),
    "429 until a far date": refused("429 Too Many Requests", headers=after("Fri, 31 Dec 9999 23:59:59 GMT")),
    "503 for a day": refused("503 Service Unavailable", headers=after("86400")),
}
REJECTED = {
    "400": refused("400 Bad Request"),
    "402": refused("402 Payment Required"),
    "409": refused("409 Conflict"),
    "413": refused("413 Content Too Large"),
    "422": refused("422 Unprocessable Content"),
    "400 with a page": refused("400 Bad Request", body=PAGE),
    "400 with deep JSON": refused("400 Bad Request", body=b"[" * 100_000),
    "400 with a gzip bomb": refused("400 Bad Request", headers="Content-Encoding: gzip\r\n", body=GZIP_BOMB),
}
STOPS = {
    "401": refused("401 Unauthorized"),
    "403": refused("403 Forbidden"),
    "403 with a page": refused("403 Forbidden", body=PAGE),
    "404": refused("404 Not Found"),
    "405": refused("405 Method Not Allowed"),
    "410": refused("410 Gone"),
    **{
        f"{code} to elsewhere": refused(f"{code} Elsewhere", headers="Location: http://127.0.0.1:9/trap\r\n", body=b"")
        for code in (300, 301, 302, 303, 307, 308)
    },
    "302 to itself": refused("302 Found", headers="Location: \r\n"),
    "304": raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
}
UNKNOWN = {
    "200 lost": then(b"", "end"),
    "reset before a byte": then(b"", "reset"),
    "silence": then(b"", "silence"),
    "reset in the body": then(HALF, "reset"),
    "ended in the body": then(HALF, "end"),
    "a byte now and then": then(HALF, "drip"),
    "a head now and then": then(b"HTTP/1.1 200 OK\r\nX-A: ", "drip"),
    "half a head": then(b"HTTP/1.1 200 OK\r\nConte", "end"),
    "half a chunk": then(CHUNKED + b"10\r\n{", "end"),
    "no last chunk": then(CHUNKED + b"2\r\n{}\r\n", "end"),
    "a chunk of no size": then(CHUNKED + b"zz\r\n{}\r\n", "end"),
    "a chunk larger than everything": then(CHUNKED + b"f" * 40 + b"\r\n{}\r\n", "end"),
    "HTTP/0.9": then(b"<html>accepted</html>", "end"),
    "another protocol": then(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "end"),
    "NULs": then(b"\x00" * 500, "end"),
    "endless headers": then(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200_000 + b"\r\n", "end"),
    "one endless header": then(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 2_000_000, "end"),
    "a length below none": then(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "end"),
    "two lengths": then(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}", "end"),
    "early hints for ever": then(b"HTTP/1.1 103 Early Hints\r\n\r\n", "silence"),
    "gzip that breaks off": raw(answer(gzip.compress(b"x" * 99)[:-8], headers="Content-Encoding: gzip\r\n")),
    "gzip that is none": raw(answer(b"none", headers="Content-Encoding: gzip\r\n")),
    "502": refused("502 Bad Gateway"),
    "504": refused("504 Gateway Timeout", body=PAGE),
    "520": refused("520 Unknown"),
    "524": refused("524 A Timeout Occurred"),
}

ANSWERS: dict[str, Answer] = {
    name: Answer(meaning, play)
    for meaning, group in (
        ("accepted", ACCEPTED),
        ("later", LATER | LONG_WAITS),
        ("rejected", REJECTED),
        ("stops", STOPS),
        ("unknown", UNKNOWN),
    )
    for name, play in group.items()
}  # type: ignore[misc]
