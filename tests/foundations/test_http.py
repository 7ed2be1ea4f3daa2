"""The guarded client against a server that does every hostile thing."""

import asyncio
import contextlib
import gzip
import json
import logging
import re
import socket
import ssl
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from certificates import Authority
from hostile_server import Behaviour, HostileServer

import usher
from usher.connection import trusting
from usher.errors import InvalidInput, RemoteUnknown, RemoteUnreachable
from usher.http import MOST_CONNECTIONS, GuardedHttp, remote_error
from usher.jobs.credentials import MOST_IN_FLIGHT

pytestmark = pytest.mark.timeout(30)

SHORT = 0.4  # seconds; long enough for loopback on a busy machine


class FixedResolver(AbstractResolver):
    """Answers every name with the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


def answering(body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
        await writer.drain()

    return answer


def answering_raw(raw: bytes, *, then: str = "close") -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then == "reset":
            reset(writer)
        elif then == "close":
            writer.close()

    return answer


def reset(writer: asyncio.StreamWriter) -> None:
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: closing sends RST
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def slow_loris(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_the_answer_is_given_back_whatever_its_status(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering(b'{"why": 1}', status="418 Teapot", headers="X-Why: a\r\nx-why: b\r\n")]

    reply = await http.request("POST", server.url())

    assert (reply.status, reply.body, reply.is_cut) == (418, b'{"why": 1}', False)
    assert reply.headers["x-why"] == "b"


@pytest.mark.parametrize(
    "path", ["/a/../b//c%2Fd%20e?x=%7b1%7D&y=a+b&z=", "/./%41/~'()*!", "/a;b=c:@d?e=/?f", "/?x=%E2%82%AC"]
)
async def test_the_path_goes_out_exactly_as_given(server: HostileServer, http: GuardedHttp, path: str) -> None:
    server.behaviours = [answering()]

    await http.request("POST", server.url(path), body=b"{}")

    assert server.requests[0].startswith(f"POST {path} HTTP/1.1\r\n".encode())


async def test_the_body_goes_out_as_it_is_and_nothing_is_added_to_the_headers(
    server: HostileServer, http: GuardedHttp
) -> None:
    server.behaviours = [answering()]

    await http.request("POST", server.url(), headers={"auth-token": "t"}, body=b'{"a":1}')

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert body == b'{"a":1}'
    assert names == {b"host", b"user-agent", b"accept-encoding", b"auth-token", b"accept", b"content-length"}
    assert b"User-Agent: Usher/" in head
    assert b"Accept-Encoding: identity" in head


async def test_a_redirect_is_an_answer_and_is_not_followed(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering(b"", status="302 Found", headers="Location: /elsewhere\r\n")]

    reply = await http.request("GET", server.url())

    assert (reply.status, reply.headers["location"]) == (302, "/elsewhere")
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering(headers="Set-Cookie: a=b; Path=/\r\n")]

    for _ in range(2):
        await http.request("GET", server.url(host="localhost"))

    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_proxy_in_the_environment_is_ignored(
    server: HostileServer, http: GuardedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.behaviours = [answering()]

    assert (await http.request("GET", server.url())).status == 200


async def test_a_connection_is_used_again(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering()]

    for _ in range(5):
        await http.request("POST", server.url(), body=b"{}")

    assert (server.connections, len(server.requests)) == (1, 5)


# Bodies


@pytest.mark.parametrize(("size", "is_cut"), [(0, False), (99, False), (100, False), (101, True), (10**6, True)])
async def test_a_body_is_cut_at_its_cap(server: HostileServer, http: GuardedHttp, size: int, is_cut: bool) -> None:
    server.behaviours = [answering(b"x" * size)]

    reply = await http.request("GET", server.url(), most_bytes=100)

    assert (reply.body, reply.is_cut) == (b"x" * min(size, 100), is_cut)


async def test_an_endless_body_is_cut_and_its_connection_ended(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [endless]

    reply = await http.request("GET", server.url(), most_bytes=200_000)

    assert (len(reply.body), reply.is_cut) == (200_000, True)
    await asyncio.wait_for(server.ended.wait(), 5)


async def test_a_gzip_answer_is_inflated(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering(gzip.compress(b'{"a": 1}' * 50, mtime=0), headers="Content-Encoding: GZIP\r\n")]

    reply = await http.request("GET", server.url())

    assert (reply.body, reply.is_cut) == (b'{"a": 1}' * 50, False)
    assert "content-encoding" not in reply.headers


async def test_a_gzip_bomb_is_cut_at_the_cap(server: HostileServer, http: GuardedHttp) -> None:
    bomb = gzip.compress(bytes(50_000_000), mtime=0)
    server.behaviours = [answering(bomb, headers="Content-Encoding: gzip\r\n")]

    tracemalloc.start()
    reply = await http.request("GET", server.url(), most_bytes=60_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(bomb) < 60_000
    assert (reply.body, reply.is_cut) == (bytes(60_000), True)
    assert peak_bytes < 3_000_000


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"x" * 999, mtime=0)[:-9],
        b"no gzip at all",
        gzip.compress(b"{}", mtime=0) + b"more",
        zlib.compress(b"{}"),
    ],
)
async def test_gzip_that_cannot_be_read_whole_is_a_lost_answer(
    server: HostileServer, http: GuardedHttp, body: bytes
) -> None:
    server.behaviours = [answering(body, headers="Content-Encoding: gzip\r\n")]

    with pytest.raises(RemoteUnknown):
        await http.request("POST", server.url())


async def test_an_encoding_nobody_asked_for_leaves_the_status_to_be_seen(
    server: HostileServer, http: GuardedHttp
) -> None:
    server.behaviours = [answering(b"\x0b\x02\x80", headers="Content-Encoding: br\r\n")]

    reply = await http.request("POST", server.url())

    assert (reply.status, reply.body, reply.headers["content-encoding"]) == (200, b"\x0b\x02\x80", "br")


async def test_a_header_that_is_no_text_can_still_be_written_down(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering_raw(b"HTTP/1.1 200 OK\r\nX-Odd: a\xff\r\nContent-Length: 0\r\n\r\n", then="")]

    reply = await http.request("POST", server.url())

    assert reply.headers["x-odd"].encode() == b"a?"


# Lost answers: perhaps sent

LOST = {
    "closed before a byte": answering_raw(b""),
    "reset before a byte": answering_raw(b"", then="reset"),
    "half a status line": answering_raw(b"HTTP/1.1 20"),
    "half the headers": answering_raw(b"HTTP/1.1 200 OK\r\nContent-"),
    "half the body": answering_raw(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"half'),
    "reset in the body": answering_raw(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"half', then="reset"),
    "half a chunk": answering_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
    "no last chunk": answering_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "not HTTP": answering_raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "a length that is no number": answering_raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "endless headers": answering_raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n"),
    "silence": silent,
    "one byte at a time": slow_loris,
}


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
async def test_a_lost_answer_is_never_taken_for_a_failure_nor_asked_for_again(
    server: HostileServer, http: GuardedHttp, behaviour: Behaviour, method: str
) -> None:
    server.behaviours = [behaviour]

    with pytest.raises(RemoteUnknown):
        await http.request(method, server.url(), body=b"{}", timeout_seconds=SHORT)

    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize("then", ["close", "reset"])
async def test_a_kept_connection_that_ends_under_a_request_is_a_lost_answer(
    server: HostileServer, http: GuardedHttp, method: str, then: str
) -> None:
    server.behaviours = [answering(), answering_raw(b"", then=then), answering()]
    await http.request("GET", server.url())

    with pytest.raises(RemoteUnknown):
        await http.request(method, server.url(), body=b"{}")

    assert (server.connections, len(server.requests)) == (1, 2)


async def test_a_connection_closed_while_idle_is_replaced_and_nothing_is_lost(
    server: HostileServer, http: GuardedHttp
) -> None:
    server.behaviours = [answering_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), answering()]
    await http.request("GET", server.url())
    await asyncio.wait_for(server.ended.wait(), 5)
    await until_closed_here(http)

    reply = await http.request("POST", server.url(), body=b"{}")

    assert reply.body == b"ok"
    assert (server.connections, len(server.requests)) == (2, 2)


async def until_closed_here(http: GuardedHttp) -> None:
    """Wait until the end of every pooled connection has come in."""
    session = http._session
    assert session is not None
    assert isinstance(session.connector, aiohttp.TCPConnector)
    async with asyncio.timeout(5):
        while any(  # noqa: ASYNC110 - aiohttp tells nobody when this happens
            kept.is_connected() for pool in session.connector._conns.values() for kept, _ in pool
        ):
            await asyncio.sleep(0)


async def test_half_a_json_document_of_the_announced_length_is_the_callers_to_judge(
    server: HostileServer, http: GuardedHttp
) -> None:
    server.behaviours = [answering(b'{"half": ')]

    reply = await http.request("GET", server.url())

    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)


async def test_the_time_covers_the_whole_answer_not_each_byte(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [slow_loris]
    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(RemoteUnknown):
        await http.request("GET", server.url(), timeout_seconds=SHORT)

    assert loop.time() - began < 10 * SHORT


# Failures: certainly not sent


async def test_a_refused_connection_was_certainly_not_sent(http: GuardedHttp) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]

        with pytest.raises(RemoteUnreachable, match="does not take connections"):
            await http.request("POST", f"http://127.0.0.1:{port}/", body=b"{}")


async def test_a_connection_that_never_comes_about_was_certainly_not_sent(http: GuardedHttp) -> None:
    with socket.socket() as full, contextlib.ExitStack() as knocking:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # fill the queue, so that the next one waits for ever
            caller = knocking.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())

        with pytest.raises(RemoteUnreachable, match="in time"):
            await http.request("POST", f"http://127.0.0.1:{full.getsockname()[1]}/", timeout_seconds=SHORT)


async def test_a_name_that_never_resolves_was_certainly_not_sent() -> None:
    class Hanging(FixedResolver):
        async def resolve(self, *args: Any, **options: Any) -> list[ResolveResult]:
            await asyncio.Event().wait()
            raise AssertionError

    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None, resolver=Hanging())

    with pytest.raises(RemoteUnreachable, match="in time"):
        await http.request("POST", "http://somewhere.test/", timeout_seconds=SHORT)

    await http.close()


async def test_an_unknown_name_was_certainly_not_sent() -> None:
    class Ignorant(FixedResolver):
        async def resolve(self, *args: Any, **options: Any) -> list[ResolveResult]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None, resolver=Ignorant())

    with pytest.raises(RemoteUnreachable, match="cannot be found"):
        await http.request("POST", "http://somewhere.test/")

    await http.close()


async def test_a_request_that_found_no_free_connection_was_certainly_not_sent(server: HostileServer) -> None:
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None, limit=1)
    server.behaviours = [silent]
    holding = asyncio.create_task(http.request("POST", server.url(), timeout_seconds=20))
    await asyncio.wait_for(server.asked.wait(), 5)

    with pytest.raises(RemoteUnreachable, match="in time"):
        await http.request("POST", server.url(), timeout_seconds=SHORT)

    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    await http.close()
    assert len(server.requests) == 1


async def test_authorizations_that_share_a_host_do_not_wait_for_each_other_s_connections(
    server: HostileServer, http: GuardedHttp
) -> None:
    everybody_is_here = asyncio.Event()
    together = MOST_IN_FLIGHT + 64

    async def meet(writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == together:
            everybody_is_here.set()
        await everybody_is_here.wait()
        await answering()(writer)

    server.behaviours = [meet]

    replies = await asyncio.gather(*(http.request("POST", server.url(), body=b"{}") for _ in range(together)))

    assert [reply.status for reply in replies] == [200] * together


def test_sixteen_authorizations_at_their_cap_fit_into_the_pool() -> None:
    assert MOST_CONNECTIONS >= 16 * MOST_IN_FLIGHT


@pytest.mark.parametrize(
    "url",
    ["", "/path", "https://", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://127.0.0.1/ HTTP/1.1\r\nX: y",
     "http://127.0.0.1:99999/", "http://a..b/", f"http://{'a' * 64}.test/", "http://127.0.0.1/é", "http://[::1/"],
)  # fmt: skip
async def test_an_unusable_url_is_never_sent(http: GuardedHttp, url: str) -> None:
    with pytest.raises(RemoteUnreachable, match="Nothing was sent"):
        await http.request("GET", url)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "caf\u00e9", "\ud800"])
async def test_a_header_cannot_smuggle_another_in(server: HostileServer, http: GuardedHttp, value: str) -> None:
    with pytest.raises(RemoteUnreachable, match="auth-token"):
        await http.request("POST", server.url(), headers={"auth-token": value})

    assert server.connections == 0


async def test_plain_http_is_refused_unless_allowed(server: HostileServer) -> None:
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=None)

    with pytest.raises(RemoteUnreachable, match="USHER_ALLOW_HTTP"):
        await http.request("GET", server.url())

    assert server.connections == 0


async def test_requests_after_the_end_are_refused(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [answering()]
    await http.request("GET", server.url())
    await http.close()
    await http.close()

    with pytest.raises(RemoteUnreachable, match="shutting down"):
        await http.request("GET", server.url())


async def test_a_cancelled_request_ends_its_connection(server: HostileServer, http: GuardedHttp) -> None:
    server.behaviours = [silent, answering()]
    task = asyncio.create_task(http.request("POST", server.url(), body=b"{}"))
    await asyncio.wait_for(server.asked.wait(), 5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await http.request("POST", server.url())).status == 200
    assert server.connections == 2


# TLS


@pytest.fixture
async def tls_server(authority: Authority) -> Any:
    hostile = HostileServer()
    await hostile.start(tls=authority.server_context("localhost"))
    hostile.behaviours = [answering()]
    yield hostile
    await hostile.stop()


async def test_an_added_authority_is_trusted(tls_server: HostileServer, authority: Authority) -> None:
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=authority.file)

    reply = await http.request("POST", tls_server.url(scheme="https", host="localhost"))
    await http.close()

    assert reply.body == b"ok"


async def test_an_added_authority_is_trusted_besides_the_machine_s_own(
    tls_server: HostileServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Authority(tmp_path, name="Added authority")
    other_server = HostileServer()
    await other_server.start(tls=added.server_context("localhost"))
    other_server.behaviours = [answering()]
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))  # where OpenSSL finds the machine's own
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=added.file)

    for standing in (tls_server, other_server):
        assert (await http.request("GET", standing.url(scheme="https", host="localhost"))).body == b"ok"

    await http.close()
    await other_server.stop()


def test_nothing_in_usher_can_switch_verification_off() -> None:
    sources = {path: path.read_text() for path in Path(usher.__file__).parent.rglob("*.py")}
    sources = {path: text for path, text in sources.items() if "sandbox" not in path.parts}
    off = re.compile(r"CERT_NONE|CERT_OPTIONAL|verify_mode|check_hostname|_create_unverified|ssl=False|verify=False")

    assert len(sources) > 100
    assert [path.name for path, text in sources.items() if off.search(text)] == []
    assert trusting(None).verify_mode is ssl.CERT_REQUIRED
    assert trusting(None).check_hostname


@pytest.mark.parametrize(("is_added", "host"), [(False, "localhost"), (True, "127.0.0.1")])
async def test_a_certificate_that_proves_nothing_is_refused_before_anything_is_sent(
    tls_server: HostileServer, authority: Authority, is_added: bool, host: str
) -> None:
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=authority.file if is_added else None)

    with pytest.raises(RemoteUnreachable, match="No secure connection"):
        await http.request("POST", tls_server.url(scheme="https", host=host), body=b"{}")

    await http.close()
    assert tls_server.requests == []


async def test_a_server_that_speaks_no_tls_was_certainly_not_sent_anything(http: GuardedHttp) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as mail:
        port = mail.sockets[0].getsockname()[1]

        with pytest.raises(RemoteUnreachable):
            await http.request("POST", f"https://127.0.0.1:{port}/", body=b"{}")


def test_an_unreadable_authority_file_names_its_variable(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")

    for file in (odd, tmp_path / "missing.pem"):
        with pytest.raises(InvalidInput, match="USHER_CA_FILE"):
            GuardedHttp(allow_http=False, allow_private=False, ca_file=file)


# What is told


async def test_no_failure_tells_the_url_or_a_header(
    server: HostileServer, http: GuardedHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.behaviours = [*LOST.values()]
    told = []
    for _ in LOST:
        with pytest.raises(RemoteUnknown) as failure:
            await http.request("GET", server.url("/p4th?key=s3cret"), headers={"auth": "t0ken"}, timeout_seconds=SHORT)
        told.append(str(failure.value))
        assert (failure.value.__cause__, failure.value.__suppress_context__) == (None, True)

    everything = "\n".join(told) + caplog.text
    assert "127.0.0.1" in everything
    assert not any(secret in everything for secret in ("p4th", "s3cret", "t0ken"))


@pytest.mark.parametrize(
    "error",
    [aiohttp.ClientError(), aiohttp.ServerDisconnectedError(), ConnectionResetError(), TimeoutError(), OSError(),
     BrokenPipeError(), aiohttp.ClientOSError(), aiohttp.SocketTimeoutError(), Exception()],
)  # fmt: skip
def test_whatever_is_not_certainly_unsent_counts_as_perhaps_sent(error: Exception) -> None:
    assert isinstance(remote_error(error, host="h"), RemoteUnknown)
