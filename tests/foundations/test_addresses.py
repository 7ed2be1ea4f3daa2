"""Nothing a person types, and nothing a name server says, leads into the network Usher runs in."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hostile_server import HostileServer

from usher.addresses import check_url, refusal
from usher.errors import RemoteUnreachable
from usher.http import GuardedHttp

HOSTILE_ADDRESSES = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared by a carrier",
    "100.100.100.200": "shared by a carrier",
    "100.127.255.255": "shared by a carrier",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "a cloud's host agent",
    "169.254.0.1": "link-local",
    "169.254.169.254": "link-local",
    "169.254.170.2": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "reserved",
    "192.0.2.1": "for documentation",
    "192.88.99.1": "reserved",
    "192.168.0.1": "private",
    "198.18.0.1": "for benchmarks",
    "198.19.255.255": "for benchmarks",
    "198.51.100.1": "for documentation",
    "203.0.113.1": "for documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::2": "reserved",
    "::127.0.0.1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "0:0:0:0:0:ffff:a9fe:a9fe": "link-local",
    "::ffff:10.0.0.1": "private",
    "::ffff:0.0.0.0": "unspecified",
    "::ffff:0:127.0.0.1": "reserved",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b:1::a9fe:a9fe": "reserved",
    "100::1": "reserved",
    "2001::1": "a Teredo tunnel",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "a Teredo tunnel",
    "2001:10::1": "reserved",
    "2001:20::1": "reserved",
    "2001:db8::1": "for documentation",
    "2002:7f00:1::1": "loopback",
    "2002:a9fe:a9fe::1": "link-local",
    "2002:c0a8:1::": "private",
    "3fff::1": "for documentation",
    "5f00::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf::1": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
    "localhost": "not an address",
    "127.1": "not an address",
    "": "not an address",
}

PUBLIC_ADDRESSES = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:80f::200e", "2001:4860:4860::8888",
    "2001:200::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
)  # fmt: skip

# Every host here stands for the listening trap, or for something else inside.
HOSTILE_HOSTS = (
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.0.0.01", "127.000.000.001", "0177.0.0.1", "0177.0.0.01",
    "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0x7f000001", "0X7F000001", "0x7f.1", "2130706433", "017700000001",
    "00000000000000000000000000000000177.1", "127.0.0.1.1", "4294967297", "0", "0x0", "0x", "0.0.0.0", "127.255.1",
    "10.1", "3232235777", "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.16689662",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2001::1]",
    "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]", "[2606:4700::1%25lo]",
    "[ff02::1]", "[v1.a]", "[127.0.0.1]", "[]",
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "Any.LocalHost.", "%6cocalhost", "%31%32%37.0.0.1",
    "１２７.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "①②⑦.⓪.⓪.①", "ⅼocalhost",
    "127.0.0.1%00.example.com", "127.0.0.1%0d%0a",
    "user@127.0.0.1", "user:pw@127.0.0.1", "example.com@127.0.0.1", "@127.0.0.1", "a@b@127.0.0.1", "-a-", "..", ".",
    "a" * 64, "a." * 127,
    "127.0.0.1\\@example.com", "example.com\\@127.0.0.1", "127.0.0.1#@example.com", "127.0.0.1 ", " 127.0.0.1",
    "127.0.0.1\t", "127.0.0.1\n", "\x00127.0.0.1",
)  # fmt: skip

HOSTILE_SCHEMES = ("file:///etc/passwd", "ftp://{}/", "gopher://{}/", "//{}/", "http:{}", "unix:///var/run/docker.sock",
                   "javascript:alert(1)", "data:,x", "ws://{}/", "http:/{}/", "http:///{}/", "{}")  # fmt: skip


@pytest.mark.parametrize(("address", "kind"), HOSTILE_ADDRESSES.items())
def test_an_address_that_is_not_the_internets_is_refused_by_its_kind(address: str, kind: str) -> None:
    assert refusal(address) == kind


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_an_address_of_the_internet_is_not_refused(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_a_hostile_host_cannot_be_saved(host: str) -> None:
    for port in ("", ":8080"):
        assert check_url(f"https://{host}{port}/api", allow_http=False, allow_private=False) is not None


@pytest.mark.parametrize("url", HOSTILE_SCHEMES)
def test_only_web_urls_can_be_saved(url: str) -> None:
    assert check_url(url.format("example.com"), allow_http=True, allow_private=True) is not None


@pytest.mark.parametrize(
    "url",
    ["https://charon-eu.mapp.com", "https://charon-eu.mapp.com/api/v1/integration/a1b2/event?subtype=user",
     "https://api.lytics.io/api/segment?x=%20y", "https://xn--bcher-kva.example.com:8443/", "https://1.1.1.1/",
     "https://[2606:4700:4700::1111]/", "https://a_b.example.com./", "https://3com.com/", "https://example.com/a@b",
     "https://example.com:443/", "HTTPS://Example.COM/"],
)  # fmt: skip
def test_an_ordinary_url_can_be_saved(url: str) -> None:
    assert check_url(url, allow_http=False, allow_private=False) is None


@pytest.mark.parametrize("port", ["0", "1", "22", "25", "53", "444", "1023", "65536", "-1", "a", "８０", "443x"])
def test_a_port_that_is_not_the_webs_is_refused(port: str) -> None:
    assert check_url(f"https://example.com:{port}/", allow_http=True, allow_private=True) is not None


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("http://example.com/", "USHER_ALLOW_HTTP=1"),
        ("https://10.0.0.1/", "USHER_ALLOW_PRIVATE=1"),
        ("https://localhost/", "USHER_ALLOW_PRIVATE=1"),
        ("https://u:hunter2@example.com/", "before the @"),
        ("https://2130706433/?key=hunter2", "usual form"),
    ],
)
def test_a_problem_names_its_field_and_the_mend_and_repeats_no_secret(url: str, mend: str) -> None:
    problem = check_url(url, field="config.api_url", allow_http=False, allow_private=False)

    assert problem is not None
    assert problem.field == "config.api_url"
    assert mend in problem.mend
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090/mapp", "http://localhost:8090/", "https://[::1]:8443/"])
def test_what_is_allowed_on_purpose_can_be_saved(url: str) -> None:
    assert check_url(url, allow_http=True, allow_private=True) is None


# The trap


class Names(AbstractResolver):
    """A name server under an attacker's hand: each look-up takes the next list of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        pass


async def answer_ok(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


@pytest.fixture
async def trap(server: HostileServer) -> HostileServer:
    server.behaviours = [answer_ok]
    return server


async def test_the_trap_springs_where_nothing_guards_it(trap: HostileServer, http: GuardedHttp) -> None:
    await http.request("GET", trap.url())

    assert trap.connections == 1


async def test_no_spelling_of_an_inner_host_reaches_the_trap(trap: HostileServer, guarded: GuardedHttp) -> None:
    for host in HOSTILE_HOSTS:
        with pytest.raises(RemoteUnreachable):
            await guarded.request("GET", f"http://{host}:{trap.port}/", timeout_seconds=5)

    assert trap.connections == 0


@pytest.mark.parametrize(
    "address", [address for address in HOSTILE_ADDRESSES if address[:1].isdigit() or ":" in address]
)
async def test_no_name_leads_to_an_inner_address(trap: HostileServer, address: str) -> None:
    guarded = GuardedHttp(allow_http=True, allow_private=False, ca_file=None, resolver=Names([address]))

    with pytest.raises(RemoteUnreachable, match=r"its address is .* USHER_ALLOW_PRIVATE=1"):
        await guarded.request("GET", f"http://vendor.example.com:{trap.port}/", timeout_seconds=5)

    await guarded.close()
    assert trap.connections == 0


async def test_a_name_that_changes_its_address_after_it_was_saved_is_caught(trap: HostileServer) -> None:
    names = Names(["127.0.0.1"])
    url = f"http://rebind.example.com:{trap.port}/"
    guarded = GuardedHttp(allow_http=True, allow_private=False, ca_file=None, resolver=names)

    assert check_url(url, allow_http=True, allow_private=False) is None
    with pytest.raises(RemoteUnreachable, match="loopback"):
        await guarded.request("GET", url)

    await guarded.close()
    assert trap.connections == 0


async def test_every_address_of_a_name_is_judged_by_itself(trap: HostileServer) -> None:
    names = Names(["::1", "10.0.0.1", "127.0.0.1", "::ffff:127.0.0.1"])
    guarded = GuardedHttp(allow_http=True, allow_private=False, ca_file=None, resolver=names)

    with pytest.raises(RemoteUnreachable, match="USHER_ALLOW_PRIVATE=1"):
        await guarded.request("GET", f"http://many.example.com:{trap.port}/")

    await guarded.close()
    assert trap.connections == 0


async def test_a_redirect_to_an_inner_address_leads_nowhere(trap: HostileServer) -> None:
    outside = HostileServer()
    await outside.start()

    async def redirect(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 307 Over there\r\nLocation: {trap.url()}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    outside.behaviours = [redirect]
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)

    reply = await http.request("POST", outside.url(), body=b"{}")

    await http.close()
    await outside.stop()
    assert (reply.status, trap.connections) == (307, 0)
