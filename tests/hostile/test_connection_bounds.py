"""Whoever asks slowly, endlessly or for too much at once costs the service little, and nobody else anything."""

import asyncio
import contextlib
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.hostile.callers import LARGE, App, Caller, calling, door, several_calling
from usher.cli.bounded import Bounds
from usher.cli.serving import local_socket, network_socket, served
from usher.engine.telemetry import Refusal

SHORT = 0.15
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
OK = (200, b"ok")
HEADS = {
    "a byte at a time": b"X-A: b\r\n",
    "nothing but line ends": b"\r\n",
    "one header without end": b"x",
}


@pytest.mark.parametrize("kept", [False, True], ids=["at first", "on a kept connection"])
@pytest.mark.parametrize("words", HEADS.values(), ids=HEADS)
async def test_a_head_that_never_ends_is_given_up(words: bytes, kept: bool) -> None:
    async with door(App(), head_seconds=SHORT) as port, calling(port) as caller:
        if kept:
            caller.say(GET)
            assert await caller.answer() == OK
        if words != b"\r\n":
            caller.say(b"GET / HTTP/1.1\r\n")
        dribbling = asyncio.create_task(caller.dribble(words, pause=SHORT / 10))

        said = await asyncio.wait_for(caller.rest(), 5)

        await dribbling
        assert said.startswith(b"HTTP/1.1 408 ") or not said  # a reset may overtake the words


async def test_who_connects_and_says_nothing_is_let_go() -> None:
    async with door(App(), head_seconds=SHORT) as port, calling(port) as caller:
        assert await asyncio.wait_for(caller.rest(), 5) == b""


async def test_who_asks_in_time_may_take_long_over_the_body_and_wait_long_for_the_answer() -> None:
    app = App()
    async with door(app, head_seconds=SHORT) as port, calling(port) as caller:
        caller.say(HELD + b"GET / HT")  # the beginning of the next one waits too
        await asyncio.sleep(2.5 * SHORT)
        app.let_go.set()
        assert await caller.answer() == OK
        caller.say(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert await caller.answer() == OK


TOO_LARGE = {
    "many headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\na: " + b"b" * 33_000 + b"\r\n\r\n",
    "a long address": b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\n\r\n",
    "long names": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"%d%s: b\r\n" % (n, b"a" * 400) for n in range(99))
    + b"\r\n",
    "no end of a header": b"GET / HTTP/1.1\r\na: " + b"b" * 1_000_000,
    "no end of line ends": b"\r\n" * 500_000,
    "trailers": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: "
    + b"b" * 1_000_000,
    "many trailers": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    + b"a: b\r\n" * 200_000,
    "the size of a chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 1_000_000,
}


@pytest.mark.parametrize("head", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_head_beyond_its_size_ends_the_connection(head: bytes) -> None:
    app = App()
    app.let_go.set()
    async with door(app) as port, calling(port) as caller:
        caller.say(head.replace(b"POST / ", b"POST /held "))

        said = await asyncio.wait_for(caller.rest(), 5)

    assert said[:13] in {b"HTTP/1.1 431 ", b"HTTP/1.1 400 ", b"HTTP/1.1 200 ", b""}
    assert app.asked == head.startswith(b"POST")


async def test_a_head_within_its_size_is_taken_in_as_many_pieces_as_it_likes() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"%d: %s\r\n" % (n, b"b" * 300) for n in range(98)) + b"\r\n"
    async with door(App()) as port, calling(port) as caller:
        for _ in range(2):
            caller.say(head)
            assert await caller.answer() == OK
        for at in range(0, len(head), 1_000):
            caller.say(head[at : at + 1_000])
            await asyncio.sleep(0)
        assert await caller.answer() == OK


ENDLESS = {
    "announced": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", b"x"),
    "chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}


@pytest.mark.parametrize(("head", "more"), ENDLESS.values(), ids=ENDLESS)
async def test_a_body_that_nobody_asked_for_is_not_read_for_ever(head: bytes, more: bytes) -> None:
    async with door(App(), rest_seconds=SHORT) as port, calling(port) as caller:
        caller.say(head + more)
        assert await caller.answer() == OK
        dribbling = asyncio.create_task(caller.dribble(more, pause=SHORT / 10))

        assert await asyncio.wait_for(caller.rest(), 5) == b""

        await dribbling


async def test_a_body_that_nobody_asked_for_and_that_ends_keeps_the_connection() -> None:
    async with door(App(), rest_seconds=SHORT, head_seconds=SHORT) as port, calling(port) as caller:
        caller.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
        assert await caller.answer() == OK
        caller.say(b"56789")
        await asyncio.sleep(2 * SHORT)
        caller.say(GET)
        assert await caller.answer() == OK


async def test_a_few_requests_sent_ahead_are_answered_and_thousands_are_not_kept() -> None:
    app = App()
    async with door(app, most_ahead=16) as port:
        async with calling(port) as caller:
            caller.say(GET * 16)
            assert [await caller.answer() for _ in range(16)] == [OK] * 16
        app.asked = 0
        async with calling(port) as caller:
            caller.say(HELD + GET * 10_000)
            assert await asyncio.wait_for(caller.rest(), 5) == b""
            app.let_go.set()
    assert app.asked <= 17


async def test_who_takes_nothing_of_an_answer_is_let_go() -> None:
    async with door(App(), unread_seconds=SHORT) as port:
        with await slow_reader(port) as deaf:
            await asyncio.sleep(4 * SHORT)
            assert await read_whole(deaf, pause=0) < LARGE


async def test_who_takes_an_answer_slowly_gets_it_whole() -> None:
    async with door(App(), unread_seconds=3 * SHORT, head_seconds=SHORT) as port:
        with await slow_reader(port) as slow:
            began = time.monotonic()
            assert await read_whole(slow, pause=SHORT / 10) > LARGE
            assert time.monotonic() - began > 3 * SHORT


async def slow_reader(port: int) -> socket.socket:
    """Ask for more than the system keeps for a caller who does not read."""
    slow, loop = socket.socket(), asyncio.get_running_loop()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    slow.setblocking(False)
    await loop.sock_connect(slow, ("127.0.0.1", port))
    await loop.sock_sendall(slow, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    return slow


async def read_whole(one: socket.socket, *, pause: float) -> int:
    """Return how many bytes came before the end, or before the whole answer was there."""
    got = 0
    with contextlib.suppress(ConnectionError):
        while got <= LARGE and (piece := await asyncio.get_running_loop().sock_recv(one, 400_000)):
            got += len(piece)
            await asyncio.sleep(pause)
    return got


async def test_where_all_places_are_taken_whoever_asked_nothing_for_longest_makes_room() -> None:
    async with door(App(), most_connections=3) as port, several_calling(port, 3) as callers:
        for caller in callers:
            caller.say(GET)
            assert await caller.answer() == OK
        callers[0].say(GET)  # so the second is the one who rests longest
        assert await callers[0].answer() == OK

        async with calling(port) as newcomer:
            newcomer.say(GET)
            assert await newcomer.answer() == OK

            assert await asyncio.wait_for(callers[1].rest(), 5) == b""
            for caller in (callers[0], callers[2]):
                caller.say(GET)
                assert await caller.answer() == OK


async def test_where_everybody_waits_for_an_answer_a_newcomer_is_told_to_come_again() -> None:
    app = App()
    async with door(app, most_connections=2) as port, several_calling(port, 2) as callers:
        for caller in callers:
            caller.say(HELD)
        async with asyncio.timeout(5):
            while app.asked < 2:  # noqa: ASYNC110 - the application has no event to give
                await asyncio.sleep(0.01)

        async with calling(port) as newcomer:
            said = await asyncio.wait_for(newcomer.rest(), 5)

        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1\r\n" in said
        app.let_go.set()
        assert [await caller.answer() for caller in callers] == [OK, OK]
        async with calling(port) as again:
            again.say(GET)
            assert await again.answer() == OK


SENT_ONCE = {
    Refusal.HEAD_TOO_LARGE: b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\n\r\n",
    Refusal.HEAD_TOO_SLOW: b"GET / HTTP/1.1\r\nX-A: ",
    Refusal.BODY_TOO_SLOW: b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
    Refusal.MALFORMED: b"no request\r\n\r\n",
    Refusal.TOO_MANY_AHEAD: HELD + GET * 3,
}


@pytest.mark.parametrize(("reason", "words"), SENT_ONCE.items(), ids=SENT_ONCE)
async def test_what_is_refused_at_the_connection_is_counted_once_with_its_reason(reason: Refusal, words: bytes) -> None:
    counted: list[Refusal] = []
    limits = {"head_seconds": SHORT, "rest_seconds": SHORT, "most_ahead": 2}
    app = App()
    async with door(app, refused=counted.append, **limits) as port, calling(port) as caller:
        caller.say(words)
        await asyncio.wait_for(caller.rest(), 5)
        app.let_go.set()
    assert counted == [reason]


async def test_who_finds_no_place_and_who_makes_room_are_counted() -> None:
    counted: list[Refusal] = []
    app = App()
    async with door(app, refused=counted.append, most_connections=1) as port, calling(port) as idle:
        idle.say(GET)
        assert await idle.answer() == OK
        async with calling(port) as busy:
            busy.say(HELD)
            assert await asyncio.wait_for(idle.rest(), 5) == b""
            async with asyncio.timeout(5):
                while app.asked < 2:  # noqa: ASYNC110 - the application has no event to give
                    await asyncio.sleep(0.01)
            async with calling(port) as another:
                assert (await asyncio.wait_for(another.rest(), 5)).startswith(b"HTTP/1.1 503 ")
            app.let_go.set()
            assert await busy.answer() == OK
    assert counted == [Refusal.DISPLACED, Refusal.FULL]


async def test_who_takes_nothing_of_an_answer_is_counted_and_who_only_connects_is_not() -> None:
    counted: list[Refusal] = []
    async with door(App(), refused=counted.append, unread_seconds=SHORT, head_seconds=SHORT) as port:
        async with calling(port) as silent:
            assert await asyncio.wait_for(silent.rest(), 5) == b""
        with await slow_reader(port) as deaf:
            await asyncio.sleep(4 * SHORT)
            assert await read_whole(deaf, pause=0) < LARGE
    assert counted == [Refusal.ANSWER_NOT_TAKEN]


async def test_the_operators_own_socket_always_has_a_place() -> None:
    app = App()
    with TemporaryDirectory(prefix="usher-") as folder, local_socket(path := Path(folder) / "s") as local:
        listening = network_socket("127.0.0.1", 0)
        async with (
            served(app, [listening, local], bounds=Bounds(most_connections=1)),
            calling(listening.getsockname()[1]) as busy,
        ):
            busy.say(HELD)
            operator = Caller(*await asyncio.open_unix_connection(path))
            operator.say(GET)
            assert await operator.answer() == OK
            app.let_go.set()
            assert await busy.answer() == OK
            await operator.leave()


async def test_all_that_is_said_within_bounds_costs_next_to_no_time() -> None:
    async with door(App()) as port, calling(port) as caller:
        began = time.perf_counter()
        for _ in range(300):
            caller.say(GET)
            assert await caller.answer() == OK
        assert time.perf_counter() - began < 3
