"""The second listener: what vendors send to is there, and nothing else."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from usher.cli.local_socket import SOCKET_NAME
from usher.cli.serve import run_service
from usher.cli.serving import built_service, network_socket, served, url_of
from usher.errors import Conflict, InvalidInput
from usher.settings import settings_from
from usher.web import receiver

MISSING = (404, b"Not found\n")


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """A service that answers everywhere but where its name says otherwise, and says who asks."""
    status = next((int(code) for code in ("404", "405") if code in scope["path"]), 200)
    await PlainTextResponse(f"inside {scope['client'][0]}", status)(scope, receive, send)


@asynccontextmanager
async def both(app: ASGIApp = inside, **options: Any) -> AsyncIterator[tuple[int, int]]:
    """Serve *app* on two listeners; yields their ports, the public one last."""
    sockets = [network_socket("127.0.0.1", 0) for _ in range(2)]
    async with served(app, sockets[:1], public=sockets[1:], **options):
        yield sockets[0].getsockname()[1], sockets[1].getsockname()[1]


async def ask(port: int, request: str, *headers: str) -> tuple[int, bytes]:
    """Send *request*, a method and a target, byte for byte; return the status and the body of the answer."""
    return (await whole_answer(port, request, *headers))[::2]


async def whole_answer(port: int, request: str, *headers: str, body: bytes = b"") -> tuple[int, set[bytes], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{request} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    head, _, said = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *rest = head.split(b"\r\n")
    return int(status.split()[1]), {line for line in rest if not line.lower().startswith(b"date:")}, said


OPEN = ["POST /triggers/a", "POST /triggers/a/b?c=d", "POST /feedback/a", "GET /healthz", "HEAD /healthz?x"]
SHUT = [
    "GET /", "GET /triggers/a", "POST /triggers", "PUT /triggers/a", "POST /feedback", "GET /feedback/a",
    "POST /healthz", "GET /healthz/", "GET //healthz", "GET /readyz", "GET /metrics", "GET /v2/job", "POST /v2/job",
    "GET /openapi.json", "GET /static/1/usher.css", "GET /sign-in", "OPTIONS *", "OPTIONS /triggers/a",
    "POST //triggers/a", "POST /v2/../triggers/a", "POST /Triggers/a", "GET http://x/v2/job", "GET /%2e%2e/v2/job",
    "POST /triggers/404", "POST /triggers/405", "POST /feedback/404",
]  # fmt: skip


async def test_on_the_public_listener_there_is_nothing_but_what_vendors_send_to_and_a_sign_of_life() -> None:
    async with both() as (main, public):
        for request in OPEN:
            assert (await ask(public, request))[0] == 200, request
        for request in SHUT:
            assert await ask(public, request) == MISSING, request
        for request in OPEN[:4] + SHUT[:-3]:
            assert await ask(main, request) == (200, b"inside 127.0.0.1"), request


async def test_whatever_is_not_there_is_answered_alike() -> None:
    async with both() as (_, public):
        page = "Accept: text/html"
        answers = [await whole_answer(public, request, page) for request in SHUT]

    assert len({(status, frozenset(headers), said) for status, headers, said in answers}) == 1


async def test_a_caller_behind_a_trusted_proxy_is_known_on_both() -> None:
    async with both(trusted_proxies="127.0.0.1") as ports:
        for port in ports:
            assert (await ask(port, "POST /triggers/a", "X-Forwarded-For: 192.0.2.7"))[1] == b"inside 192.0.2.7"


async def test_a_message_on_its_way_at_the_end_is_answered_first() -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await released.wait()
        await inside(scope, receive, send)

    async with both(slow, before_end=released.set) as ports:
        sending = asyncio.create_task(ask(ports[1], "POST /triggers/a"))
        await asyncio.wait_for(arrived.wait(), 5)

    assert (await sending)[0] == 200
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await ask(port, "GET /healthz")


async def test_what_both_listeners_hold_at_once_has_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MOST_BYTES_IN_FLIGHT", 10)
    monkeypatch.setattr(receiver, "is_trigger_token", known)
    settings = settings_from({"USHER_DATA_DIR": str(tmp_path)})
    async with built_service(settings, with_engine=False) as app, both(app) as (main, public):
        _, writer = await asyncio.open_connection("127.0.0.1", main)
        writer.write(b"POST /triggers/a HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 9\r\n\r\n[      ")
        async with asyncio.timeout(5):
            while (await whole_answer(public, "POST /triggers/a", "Authorization: x", body=b"[   ]"))[0] != 503:
                pass
        writer.write(b" ]")
        async with asyncio.timeout(5):
            while (await whole_answer(public, "POST /triggers/a", "Authorization: x", body=b"[   ]"))[0] != 200:
                pass
        writer.close()


async def known(*_: Any) -> bool:
    return True


async def test_the_service_itself_shows_no_more_of_itself(tmp_path: Path) -> None:
    settings = settings_from({"USHER_DATA_DIR": str(tmp_path)})
    async with built_service(settings, with_engine=False) as app, both(app) as (_, public):
        assert await ask(public, "GET /healthz") == (200, b"alive\n")
        assert (await ask(public, "POST /triggers/a"))[0] == 401
        for request in ("POST /feedback/a", "GET /triggers/a", "GET /v2/job", "GET /", "GET /sign-in"):
            assert await ask(public, request, "Accept: text/html") == MISSING, request


@asynccontextmanager
async def announced(
    folder: Path, capture: pytest.CaptureFixture[str], *, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """Run `usher serve` with a public listener too; yields what it says once it serves, and ends it by a signal."""
    settings = settings_from({"USHER_DATA_DIR": str(folder)})
    running = asyncio.create_task(run_service(settings, host=host, port=0, public=(host, 0)))
    said = ""
    async with asyncio.timeout(20):
        while "Public:" not in said and not running.done():
            await asyncio.sleep(0.01)
            said += capture.readouterr().out
    yield said
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 20)


def port_in(said: str, word: str) -> int:
    """Return the port of the address that follows *word*."""
    return int(said.split(word)[1].split(maxsplit=1)[0].rpartition(":")[2])


async def test_serve_says_where_its_public_listener_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], signals_as_before: None
) -> None:
    async with announced(tmp_path, capsys) as said:
        port = port_in(said, "Public:")
        assert await ask(port, "GET /healthz") == (200, b"alive\n")
        assert await ask(port, "GET /metrics") == MISSING
    assert "Stopping" in capsys.readouterr().out


EVERYWHERE = ["0.0.0.0", "::"]


@pytest.mark.parametrize("host", EVERYWHERE)
async def test_a_service_that_listens_on_every_interface_names_an_address_that_a_browser_opens(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], signals_as_before: None
) -> None:
    need(host)
    async with announced(tmp_path, capsys, host=host) as said:
        pass

    first, public = (next(line for line in said.splitlines() if line.startswith(word)) for word in ("Usher", "Public"))
    assert re.fullmatch(r"Usher serves http://localhost:\d+ \(and listens on every interface\)", first)
    assert re.fullmatch(r"Public:  http://localhost:\d+ \(.*; on every interface\)", public)
    assert re.search(r"Sign in: http://localhost:\d+/", said)


@pytest.mark.parametrize(
    ("host", "named", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:{}"),
        ("127.0.0.1", "usher.example", "http://usher.example:{}"),
        ("::1", "", "http://[::1]:{}"),
        ("::1", "::1", "http://[::1]:{}"),
        ("::", "::", "http://localhost:{}"),
    ],
)
def test_an_address_is_told_as_a_browser_takes_it(host: str, named: str, url: str) -> None:
    need(host)
    with network_socket(host, 0) as listening:
        assert url_of(listening, host=named) == url.format(listening.getsockname()[1])


def need(host: str) -> None:
    """Skip where this machine has no IPv6."""
    if ":" in host:
        try:
            network_socket(host, 0).close()
        except Conflict:
            pytest.skip("no IPv6 here")


async def test_serve_counts_what_is_refused_at_its_connections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], signals_as_before: None
) -> None:
    async with announced(tmp_path, capsys) as said:
        for word in ("Usher serves", "Public:"):
            assert (await ask(port_in(said, word), "no request at all"))[0] == 400
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert b'\nusher_refused_connections_total{reason="malformed"} 2.0\n' in await reader.read()
        writer.close()


def test_a_public_address_that_cannot_be_had_is_told_by_its_own_options() -> None:
    with network_socket("127.0.0.1", 0) as taken, pytest.raises(Conflict, match="--public-port"):
        network_socket("127.0.0.1", taken.getsockname()[1], kind="public-")
    with pytest.raises(InvalidInput, match="--public-host"):
        network_socket("no address", 0, kind="public-")


def test_a_port_is_taken_from_the_moment_it_is_given() -> None:
    with network_socket("127.0.0.1", 0) as first, socket.create_connection(first.getsockname()):
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
