"""The guarded client behind a proxy: what it asks of it, and whose fault each failure is."""

import asyncio
import logging
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult
from certificates import Authority
from connect_proxy import ConnectProxy, Failing, answering, saying, silent
from hostile_server import HostileServer
from pydantic import SecretStr

from tests.clocks import ManualClock
from usher.domain.outcome import RetryLater
from usher.errors import InvalidInput, RemoteError, RemoteUnknown, RemoteUnreachable
from usher.http import GuardedHttp
from usher.mapp.answers import outcome_of_error
from usher.mapp.client import Account, MappClient
from usher.proxy import SYSTEM, proxy_at

pytestmark = pytest.mark.timeout(30)

SHORT = 0.4  # seconds; long enough for loopback on a busy machine
VENDOR = "mapp.example.com"
PASSWORD = "p@ss w0rd"
CREDENTIALS = "usher:p%40ss%20w0rd"


class NoNames(AbstractResolver):
    """The name servers of a network that knows no name of the world outside."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        pass


Client = Callable[..., GuardedHttp]


@pytest.fixture
async def proxy(server: HostileServer) -> AsyncIterator[ConnectProxy]:
    """A proxy before the plain server."""
    standing = ConnectProxy()
    standing.server_port = server.port
    await standing.start()
    yield standing
    await standing.stop()


@pytest.fixture
async def vendor(proxy: ConnectProxy, authority: Authority) -> AsyncIterator[HostileServer]:
    """The vendor's server, that speaks TLS and stands behind the proxy."""
    standing = HostileServer()
    await standing.start(tls=authority.server_context(VENDOR))
    standing.behaviours = [answering("200 OK", body=b"ok")]
    proxy.server_port = standing.port
    yield standing
    await standing.stop()


@pytest.fixture
async def through(proxy: ConnectProxy, authority: Authority) -> AsyncIterator[Client]:
    """Makes clients as in production: public addresses only, and here no name can be resolved."""
    made: list[GuardedHttp] = []

    def make(*, url: str = "", **options: Any) -> GuardedHttp:
        guards = {"allow_http": False, "allow_private": False, "ca_file": authority.file, "resolver": NoNames()}
        address = SecretStr(url or f"http://{CREDENTIALS}@127.0.0.1:{proxy.port}")
        made.append(GuardedHttp(proxy_url=address, **guards | options))
        return made[-1]

    yield make
    for client in made:
        await client.close()


async def test_a_name_that_only_the_proxy_knows_is_reached_and_verified(
    through: Client, proxy: ConnectProxy, vendor: HostileServer
) -> None:
    reply = await through().request("POST", f"https://{VENDOR}/a/../b?x=%7b", headers={"auth-token": "t"}, body=b"{}")

    assert (reply.status, reply.body) == (200, b"ok")
    assert [head.split(b"\r\n")[0] for head in proxy.heads] == [f"CONNECT {VENDOR}:443 HTTP/1.1".encode()]
    assert vendor.requests[0].startswith(b"POST /a/../b?x=%7b HTTP/1.1\r\n")
    assert vendor.requests[0].endswith(b"\r\n\r\n{}")


async def test_the_password_goes_to_the_proxy_alone_and_a_vendor_s_token_never_to_the_proxy(
    through: Client, proxy: ConnectProxy, vendor: HostileServer
) -> None:
    await through().request("POST", f"https://{VENDOR}/", headers={"auth-token": "t0ken"})

    presented = b64encode(f"usher:{PASSWORD}".encode())
    assert b"\r\nProxy-Authorization: Basic " + presented + b"\r\n" in proxy.heads[0]
    assert b"t0ken" not in proxy.heads[0]
    assert b"proxy-authorization" not in vendor.requests[0].lower()


async def test_one_tunnel_carries_many_requests(through: Client, proxy: ConnectProxy, vendor: HostileServer) -> None:
    http = through()

    for _ in range(3):
        await http.request("POST", f"https://{VENDOR}/")

    assert (len(proxy.heads), len(vendor.requests)) == (1, 3)


@pytest.mark.parametrize("path", ["/a/../b//c%2Fd%20e?x=%7b1%7D&y=a+b&z=", "/./%41/~'()*!", "/a;b=c:@d?e=/?f"])
async def test_plain_http_asks_the_proxy_for_the_whole_url_exactly_as_given(
    through: Client, proxy: ConnectProxy, server: HostileServer, path: str
) -> None:
    server.behaviours = [answering("200 OK", body=b"ok")]

    reply = await through(allow_http=True).request("GET", f"http://{VENDOR}:8090{path}")

    assert reply.body == b"ok"
    assert proxy.heads[0].startswith(f"GET http://{VENDOR}:8090{path} HTTP/1.1\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic " in proxy.heads[0]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_proxy_that_speaks_tls_itself_works_on_both_event_loops(
    authority: Authority, run: Callable[[Any], Any]
) -> None:
    async def whole() -> tuple[bytes, int, int]:
        vendor, proxy = HostileServer(), ConnectProxy()
        vendor.behaviours = [answering("200 OK", body=b"ok")]
        await vendor.start(tls=authority.server_context(VENDOR))
        await proxy.start(tls=authority.server_context("localhost"))
        proxy.server_port = vendor.port
        url = SecretStr(f"https://{CREDENTIALS}@localhost:{proxy.port}")
        http = GuardedHttp(allow_http=False, allow_private=False, ca_file=authority.file, proxy_url=url)
        reply = [await http.request("POST", f"https://{VENDOR}/", body=b"x" * 100_000) for _ in range(2)][-1]
        await http.close()
        await proxy.stop()
        await vendor.stop()
        return reply.body, len(proxy.heads), len(vendor.requests)

    assert run(whole()) == (b"ok", 1, 2)


# Whose fault


REFUSALS: dict[str, tuple[Failing, str]] = {
    "407": (answering("407 Proxy Authentication Required"), "USHER_PROXY_URL"),
    "403": (answering("403 Forbidden", body=b"blocked by policy"), "does not let Usher through"),
    "401": (answering("401 Unauthorized"), "does not let Usher through"),
    "302": (answering("302 Found"), "does not let Usher through"),
    "502": (answering("502 Bad Gateway"), "could not reach"),
    "503": (answering("503 Service Unavailable"), "could not reach"),
    "504": (answering("504 Gateway Timeout"), "could not reach"),
    "hang-up": (saying(b""), "gave no usable answer"),
    "half an answer": (saying(b"HTTP/1.1 20"), "gave no usable answer"),
    "not HTTP": (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "gave no usable answer"),
    "endless headers": (saying(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000), "gave no usable answer"),
    "silence": (silent, "in time"),
}


@pytest.mark.parametrize(("instead", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_what_the_proxy_does_not_pass_on_was_certainly_not_sent_and_is_told_as_the_proxy_s_doing(
    through: Client, proxy: ConnectProxy, vendor: HostileServer, instead: Failing, words: str
) -> None:
    proxy.instead = instead

    with pytest.raises(RemoteUnreachable, match=f"The proxy 127.0.0.1:{proxy.port} .*{words}") as failure:
        await through().request("POST", f"https://{VENDOR}/", body=b"{}", timeout_seconds=SHORT)

    assert failure.value.system == SYSTEM
    assert (vendor.connections, len(proxy.heads)) == (0, 1)


async def test_a_proxy_that_refuses_us_is_never_taken_for_mapp_refusing_credentials_or_a_person(
    through: Client, proxy: ConnectProxy, server: HostileServer
) -> None:
    proxy.instead = answering("407 Proxy Authentication Required")
    for scheme in ("https", "http"):
        account = Account(f"{scheme}://{VENDOR}/mapp", "integration", "secret")
        mapp = MappClient(account, http=through(allow_http=True), clock=ManualClock(), timeout_seconds=5)

        with pytest.raises(RemoteUnreachable, match=r"The proxy .* \(407\)"):
            await mapp.ping()

    proxy.instead = answering("403 Forbidden")
    with pytest.raises(RemoteUnreachable) as failure:
        await through().request("POST", f"https://{VENDOR}/", body=b"{}")
    assert isinstance(outcome_of_error(failure.value), RetryLater)
    assert server.connections == 0


async def test_a_vendor_s_own_407_in_a_tunnel_is_the_vendor_s_answer(through: Client, vendor: HostileServer) -> None:
    vendor.behaviours = [answering("407 Odd")]

    assert (await through().request("POST", f"https://{VENDOR}/")).status == 407


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port at which nobody listens."""
    with ExitStack() as held:
        unheard = held.enter_context(socket.socket())
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


async def test_a_proxy_that_is_not_there_is_told_by_its_name(through: Client, deaf_port: int) -> None:
    for where, words in ((f"127.0.0.1:{deaf_port}", "does not take connections"), ("proxy:3128", "cannot be found")):
        with pytest.raises(RemoteUnreachable, match=f"The proxy {where} cannot be used.*{words}") as failure:
            await through(url=f"http://{CREDENTIALS}@{where}").request("POST", f"https://{VENDOR}/")

        assert failure.value.system == SYSTEM


async def test_a_proxy_s_certificate_is_verified_too(
    through: Client, authority: Authority, vendor: HostileServer
) -> None:
    dark = ConnectProxy()
    await dark.start(tls=authority.server_context("another.example.com"))

    with pytest.raises(RemoteUnreachable, match=r"The proxy .* cannot be used\. No secure connection") as failure:
        await through(url=f"https://{CREDENTIALS}@127.0.0.1:{dark.port}").request("POST", f"https://{VENDOR}/")

    await dark.stop()
    assert (failure.value.system, dark.heads) == (SYSTEM, [])


async def test_a_proxy_that_reads_along_is_found_out_before_anything_is_sent(
    through: Client, proxy: ConnectProxy, authority: Authority
) -> None:
    impostor = HostileServer()
    await impostor.start(tls=authority.server_context("another.example.com"))
    proxy.server_port = impostor.port

    with pytest.raises(RemoteUnreachable, match=f"No secure connection to {VENDOR}"):
        await through().request("POST", f"https://{VENDOR}/", body=b"{}")

    await impostor.stop()
    assert impostor.requests == []


async def test_a_tunnel_that_breaks_before_the_request_was_certainly_not_sent(
    through: Client, proxy: ConnectProxy
) -> None:
    proxy.instead = saying(b"HTTP/1.1 200 OK\r\n\r\n")

    with pytest.raises(RemoteUnreachable):
        await through().request("POST", f"https://{VENDOR}/", body=b"{}")


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
async def test_a_tunnel_that_breaks_under_a_request_is_a_lost_answer_and_not_asked_for_again(
    through: Client, proxy: ConnectProxy, vendor: HostileServer, method: str
) -> None:
    async def cut(_writer: asyncio.StreamWriter) -> None:
        proxy.tunnels[-1].transport.abort()

    vendor.behaviours = [cut]

    with pytest.raises(RemoteUnknown):
        await through().request(method, f"https://{VENDOR}/", body=b"{}")

    assert (len(proxy.heads), len(vendor.requests)) == (1, 1)


# Where to


PRIVATE = [
    "127.0.0.1", "10.0.0.7", "169.254.169.254", "192.168.1.1", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]",
    "0x7f000001", "2130706433", "127.1", "localhost", "LOCALHOST.", "a.localhost", "intranet", "intranet.",
    "metadata.google.internal", "printer.local", "PRINTER.LOCAL.", "nas.lan", "router.home.arpa", "ad.corp",
    "1.0.0.10.in-addr.arpa", "localhost.localdomain",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_nothing_private_is_asked_of_the_proxy(
    through: Client, proxy: ConnectProxy, scheme: str, host: str
) -> None:
    with pytest.raises(RemoteUnreachable, match="Nothing was sent"):
        await through(allow_http=True).request("GET", f"{scheme}://{host}:8080/")

    assert proxy.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "intranet", "metadata.google.internal", "[::1]"])
async def test_private_names_and_addresses_go_through_where_they_are_allowed(
    through: Client, proxy: ConnectProxy, server: HostileServer, host: str
) -> None:
    server.behaviours = [answering("200 OK")]

    await through(allow_http=True, allow_private=True).request("GET", f"http://{host}:8080/")

    assert proxy.heads[0].startswith(f"GET http://{host}:8080/ ".encode())


@pytest.mark.parametrize("host", ["local.example.com", "internal.example", "8.8.8.8", "[2001:4860:4860::8888]"])
async def test_public_names_and_addresses_go_through(
    through: Client, proxy: ConnectProxy, vendor: HostileServer, host: str
) -> None:
    with pytest.raises(RemoteUnreachable, match="No secure connection"):  # the server can only prove another name
        await through().request("GET", f"https://{host}/")

    assert proxy.heads[0].startswith(f"CONNECT {host}:443 ".encode())


# How it is written


@pytest.mark.parametrize(
    ("text", "name", "presented"),
    [
        ("http://proxy:3128", "proxy:3128", None),
        ("http://proxy.example.com", "proxy.example.com:80", None),
        ("https://proxy.example.com/", "proxy.example.com:443", None),
        ("http://[::1]:3128", "[::1]:3128", None),
        ("http://u@proxy:1", "proxy:1", b"u:"),
        (f"http://{CREDENTIALS}@proxy:1", "proxy:1", b"usher:p@ss w0rd"),
        ("http://J%C3%B6:%2F%3A@proxy:1", "proxy:1", "Jö:/:".encode()),
    ],
)
def test_a_proxy_is_written_as_a_url(text: str, name: str, presented: bytes | None) -> None:
    found = proxy_at(SecretStr(text))

    assert found is not None
    assert found.name == name
    assert found.headers == ({"Proxy-Authorization": f"Basic {b64encode(presented).decode()}"} if presented else {})
    assert presented is None or b64encode(presented).decode() not in repr(found)


def test_no_proxy_is_a_blank() -> None:
    assert proxy_at(SecretStr("")) is None


@pytest.mark.parametrize(
    "text",
    ["proxy:3128", "socks5://s3cret@proxy:1", "http://u:s3cret@", "http://u:s3cret@proxy:99999", "s3cret",
     "http://u:s3cret@proxy:1/path", "http://u:s3cret@proxy:1?a=b", "http://u:s3cret@proxy:1#a", "http://[s3cret",
     "http://u%3As3cret:x@proxy:1", "http://u:s3cret@proxy:x", "//u:s3cret@proxy:1"],
)  # fmt: skip
def test_what_is_no_proxy_s_address_is_told_by_its_variable_and_never_repeated(text: str) -> None:
    with pytest.raises(InvalidInput, match="USHER_PROXY_URL") as refused:
        GuardedHttp(allow_http=False, allow_private=False, ca_file=None, proxy_url=SecretStr(text))

    assert "s3cret" not in refused.value.message
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


async def test_no_failure_and_no_log_tells_the_proxy_s_password(
    through: Client, proxy: ConnectProxy, vendor: HostileServer, deaf_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[RemoteError] = []
    for instead, _ in REFUSALS.values():
        proxy.instead = instead
        with pytest.raises(RemoteError) as failure:
            await through().request("GET", f"https://{VENDOR}/p4th", timeout_seconds=SHORT)
        told.append(failure.value)
    with pytest.raises(RemoteError) as failure:
        await through(url=f"http://{CREDENTIALS}@127.0.0.1:{deaf_port}").request("GET", f"https://{VENDOR}/p4th")

    everything = "\n".join(str(error) for error in [*told, failure.value]) + caplog.text
    secrets = (PASSWORD, CREDENTIALS, "p%40ss", b64encode(f"usher:{PASSWORD}".encode()).decode(), "p4th")
    assert not any(secret in everything for secret in secrets)
    assert all((error.__cause__, error.__suppress_context__) == (None, True) for error in told)
