"""Whatever the network does, a request is sent once, and what became of it is called by its right name."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.hostile.certificates import DAY, Authority
from tests.hostile.proxy import FaultProxy, Way, Weather, constantly, proxy_to
from tests.hostile.scripted import Asked, ScriptedServer, answer, fine, scripted
from tools.measuring import Measured
from usher.errors import RemoteError, RemoteUnknown, RemoteUnreachable
from usher.http import GuardedHttp, Reply

SHORT = 0.3
BODY = b'{"email":"jo@example.com"}'
HEADERS = {"auth-token": "t", "content-type": "application/json"}
WHOLE = answer(b'{"pong":true}', headers="Content-Type: application/json\r\n")
METHODS = ("POST", "GET", "PUT", "DELETE")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted(fine) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    yield client
    await client.close()


async def fate(
    http: GuardedHttp, port: int, *, method: str = "POST", path: str = "/", seconds: float = SHORT
) -> Reply | RemoteError:
    try:
        return await http.request(
            method, f"http://127.0.0.1:{port}{path}", headers=HEADERS, body=BODY, timeout_seconds=seconds
        )
    except RemoteError as error:
        return error


async def by_place(
    http: GuardedHttp,
    server: ScriptedServer,
    weather_at: Callable[[int], Weather],
    places: range,
    *,
    is_up: bool,
    seconds: float = 10,
) -> None:
    """Ask once for each of *places* in which a connection may break; each must count as perhaps sent, and once."""

    async def speak(asked: Asked) -> None:
        await asked.say(WHOLE)

    server.script = speak
    for at in places:
        async with proxy_to(server.port, constantly(weather_at(at))) as proxy:
            before = len(server.asked)
            came = await fate(http, proxy.port, method=METHODS[at % 4], seconds=seconds)
            assert isinstance(came, RemoteUnknown), (at, came)
            assert proxy.connections == 1, at
            assert len(server.asked) - before == (0 if is_up else 1) or at == 0


@pytest.mark.parametrize("then", ["reset", "end"])
async def test_an_answer_that_breaks_off_anywhere_is_a_lost_one(
    server: ScriptedServer, http: GuardedHttp, then: Any, measured: Measured
) -> None:
    places = range(len(WHOLE))
    await by_place(http, server, lambda at: Weather(down=Way(most_bytes=at, then=then)), places, is_up=False)
    measured("hostile.places_in_an_answer", len(places))


async def test_an_answer_that_stands_still_anywhere_is_a_lost_one(server: ScriptedServer, http: GuardedHttp) -> None:
    places = range(0, len(WHOLE), 13)
    await by_place(http, server, lambda at: Weather(down=Way(most_bytes=at)), places, is_up=False, seconds=1)


@pytest.mark.parametrize("then", ["reset", "end"])
async def test_a_request_that_breaks_off_anywhere_counts_as_perhaps_sent_and_is_not_sent_again(
    server: ScriptedServer, http: GuardedHttp, then: Any, measured: Measured
) -> None:
    async with proxy_to(server.port) as proxy:
        lengths = [proxy.bytes_up]
        for method in METHODS:
            await fate(http, proxy.port, method=method)
            lengths.append(proxy.bytes_up - sum(lengths))
    places = range(min(lengths[1:]))
    await by_place(http, server, lambda at: Weather(up=Way(most_bytes=at, then=then)), places, is_up=True)
    measured("hostile.places_in_a_request", len(places))


async def test_who_is_reset_at_the_door_has_sent_nothing_that_arrived(
    server: ScriptedServer, http: GuardedHttp
) -> None:
    async with proxy_to(server.port, constantly(Weather(knock="reset"))) as proxy:
        for method in METHODS * 3:
            assert isinstance(await fate(http, proxy.port, method=method), RemoteError)
        assert proxy.connections == len(METHODS) * 3
    assert server.asked == []


@pytest.mark.parametrize(
    "weather",
    [
        Weather(up=Way(latency=10.0)),
        Weather(down=Way(latency=10.0)),
        Weather(up=Way(byte_seconds=SHORT / 10)),
        Weather(down=Way(byte_seconds=SHORT / 10)),
    ],
    ids=["ten seconds there", "ten seconds back", "byte by byte there", "byte by byte back"],
)
async def test_what_takes_longer_than_its_time_is_unknown(
    server: ScriptedServer, http: GuardedHttp, weather: Weather
) -> None:
    async with proxy_to(server.port, constantly(weather)) as proxy:
        assert isinstance(await fate(http, proxy.port), RemoteUnknown)
        assert proxy.connections == 1


async def test_a_partition_of_the_way_there_makes_a_request_land_late_and_recovers(
    server: ScriptedServer, http: GuardedHttp
) -> None:
    async with proxy_to(server.port) as proxy:
        proxy.partition(up=True)
        assert isinstance(await fate(http, proxy.port), RemoteUnknown)
        assert server.asked == []
        proxy.partition()
        await until(lambda: len(server.asked) == 1)
        assert isinstance(await fate(http, proxy.port), Reply)
    assert len(server.asked) == 2


async def test_a_partition_of_the_way_back_loses_answers_only_and_recovers(
    server: ScriptedServer, http: GuardedHttp
) -> None:
    async with proxy_to(server.port) as proxy:
        proxy.partition(down=True)
        fates = [await fate(http, proxy.port, method=method) for method in METHODS]
        assert {type(one) for one in fates} == {RemoteUnknown}
        assert len(server.asked) == len(METHODS)
        proxy.partition()
        assert isinstance(await fate(http, proxy.port), Reply)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - the proxy has no event to give
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("fault", ["end", "reset"])
async def test_connections_cut_while_they_rest_cost_at_most_a_quarantine_and_never_a_second_request(
    server: ScriptedServer, http: GuardedHttp, fault: Any
) -> None:
    async with proxy_to(server.port) as proxy:
        sent = 0
        for number in range(20):
            came = await fate(http, proxy.port, path=f"/{number}")
            assert isinstance(came, Reply | RemoteUnknown)
            sent += isinstance(came, Reply)
            proxy.cut_all(fault)
        assert sent >= 10
        assert_sent_once(server)


async def test_a_lossy_network_costs_time_and_never_a_second_request(
    server: ScriptedServer, http: GuardedHttp, measured: Measured
) -> None:
    lossy = Weather(up=Way(loss=0.3), down=Way(loss=0.3))
    async with proxy_to(server.port, constantly(lossy)) as proxy:
        fates: list[Reply | RemoteError] = []
        for first in range(0, 300, 50):
            paths = [f"/{number}" for number in range(first, first + 50)]
            fates += await asyncio.gather(*(fate(http, proxy.port, path=path) for path in paths))
    arrived = {line.split()[1] for line, _ in server.asked}
    assert sum(isinstance(one, Reply) for one in fates) > 150
    assert sum(isinstance(one, RemoteUnknown) for one in fates) > 0
    for number, came in enumerate(fates):
        if f"/{number}" in arrived:
            assert isinstance(came, Reply | RemoteUnknown)
        else:
            assert isinstance(came, RemoteError)
    assert_sent_once(server)
    measured("hostile.lossy_requests", 300)


def assert_sent_once(server: ScriptedServer) -> None:
    lines = [line for line, _ in server.asked]
    assert len(lines) == len(set(lines))


class Names(AbstractResolver):
    """Name servers that fail until they are mended."""

    is_broken = True

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self.is_broken:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        found = ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        return [found]

    async def close(self) -> None:
        pass


async def test_a_name_that_is_not_found_was_certainly_not_sent_and_is_asked_for_again(server: ScriptedServer) -> None:
    names = Names()
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None, resolver=names)
    url = f"http://mapp.test:{server.port}/"
    for _ in range(3):
        with pytest.raises(RemoteUnreachable, match="cannot be found"):
            await http.request("POST", url, body=BODY)
    names.is_broken = False
    assert (await http.request("POST", url, body=BODY)).status == 200
    await http.close()


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def expired(authority: Authority, folder: Path) -> ssl.SSLContext:
    return authority.server(ends=timedelta(seconds=-60))


def other_host(authority: Authority, folder: Path) -> ssl.SSLContext:
    return authority.server("other.example")


def unknown_authority(authority: Authority, folder: Path) -> ssl.SSLContext:
    return Authority(folder, "stranger").server()


WRONG = {"expired": expired, "another host": other_host, "signed by a stranger": unknown_authority}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_certificate_gone_wrong_lets_nothing_be_sent_and_a_mended_one_does(
    authority: Authority, tmp_path: Path, wrong: Callable[[Authority, Path], ssl.SSLContext]
) -> None:
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=authority.file)
    for context, is_right in ((wrong(authority, tmp_path), False), (authority.server(ends=DAY), True)):
        async with scripted(fine, tls=context) as server:
            url = f"https://localhost:{server.port}/"
            if is_right:
                assert (await http.request("POST", url, body=BODY)).status == 200
            else:
                with pytest.raises(RemoteUnreachable, match="No secure connection"):
                    await http.request("POST", url, body=BODY)
                assert server.asked == []
    await http.close()


async def handshake(http: GuardedHttp, proxy: FaultProxy) -> RemoteError | Reply:
    try:
        return await http.request("POST", f"https://localhost:{proxy.port}/", body=BODY, timeout_seconds=2 * SHORT)
    except RemoteError as error:
        return error


@pytest.mark.parametrize("then", ["stall", "end", "reset"])
async def test_a_handshake_that_breaks_off_was_certainly_not_sent(authority: Authority, then: Any) -> None:
    http = GuardedHttp(allow_http=False, allow_private=True, ca_file=authority.file)
    async with scripted(fine, tls=authority.server()) as server:
        for at in (0, 1, 100, 400):
            async with proxy_to(server.port, constantly(Weather(down=Way(most_bytes=at, then=then)))) as proxy:
                assert isinstance(await handshake(http, proxy), RemoteUnreachable), at
        assert server.asked == []
        async with proxy_to(server.port) as proxy:
            assert isinstance(await handshake(http, proxy), Reply)
    await http.close()
