"""The proxy and the authorities that an operator sets, as commands and the doctor speak of them."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from yarl import URL

from tests.cli.terminal import Said, Terminal
from tests.foundations.certificates import Authority
from usher.cli.checks import Level
from usher.cli.proxy_check import proxy_check
from usher.cli.serving import network_socket
from usher.errors import RemoteError, RemoteUnknown, RemoteUnreachable
from usher.http import Reply
from usher.proxy import SYSTEM, Proxy

PROXY = Proxy(URL("http://proxy:3128"))


class Ending:
    """Ends every request in one way."""

    def __init__(self, end: Reply | RemoteError) -> None:
        self.end = end

    async def request(self, method: str, url: str, **_more: object) -> Reply:
        if isinstance(self.end, RemoteError):
            raise self.end
        return self.end


@pytest.mark.parametrize(
    ("end", "level", "words"),
    [
        (Reply(403, {}, b""), Level.OK, "which answers"),
        (RemoteUnknown("No answer."), Level.OK, "which answers"),
        (RemoteUnreachable("The proxy says no.", system=SYSTEM), Level.BAD, "The proxy says no."),
        (RemoteUnreachable("Nothing was sent."), Level.WARN, "could not be seen"),
    ],
)
async def test_the_doctor_tells_the_proxy_s_trouble_from_a_vendor_s(
    end: Reply | RemoteError, level: Level, words: str
) -> None:
    check = await proxy_check(Ending(end), PROXY, "https://vendor.example.com")

    assert (check.level, words in check.what, bool(check.mend)) == (level, True, level is not Level.OK)


def test_the_doctor_says_that_a_proxy_is_in_use_and_does_not_answer(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USHER_PROXY_URL", "http://usher:hunter2@127.0.0.1:1")
    said = terminal.run("doctor", "--json")

    (found,) = [check for check in said.json if "The proxy 127.0.0.1:1" in check["what"]]
    assert (said.code, found["level"]) == (1, "bad")
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("job", "list"), ("doctor",)], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("variable", "value"), [("USHER_CA_FILE", "none.pem"), ("USHER_PROXY_URL", "socks5://u:hunter2@proxy:1")]
)
@pytest.mark.usefixtures("signals_as_before")
def test_a_way_out_that_cannot_be_used_is_told_at_the_start_by_its_variable(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    said = terminal.run(*words)

    assert said.code == (1 if words[0] == "doctor" else 2)
    assert variable in said.out + said.err
    assert "hunter2" not in said.out + said.err


@pytest.fixture
def tls_url(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A service of a sort behind a proxy with a certificate of its own making; also the authority's file."""
    authority = Authority(tmp_path)
    listening = network_socket("127.0.0.1", 0)
    loop, is_up, end = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    body = b'{"data": [], "request_id": "1", "status": 200, "_meta": {}}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, sock=listening, ssl=authority.server_context("localhost")):
            is_up.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert is_up.wait(10)
    yield f"https://localhost:{listening.getsockname()[1]}", authority.file
    loop.call_soon_threadsafe(end.set)
    thread.join()
    loop.close()


def test_commands_verify_the_service_s_certificate_by_the_added_authority_too(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tls_url: tuple[str, Path]
) -> None:
    url, ca_file = tls_url
    monkeypatch.setenv("USHER_URL", url)
    monkeypatch.setenv("USHER_TOKEN", "x")

    refused: Said = terminal.run("job", "list", "--json")
    monkeypatch.setenv("USHER_CA_FILE", str(ca_file))

    assert (refused.code, "does not answer" in refused.err) == (1, True)
    assert terminal.done("job", "list", "--json").json == []
