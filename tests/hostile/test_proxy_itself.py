"""The fault proxy does what it is told to, or the tests behind it would prove nothing."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.hostile.proxy import Fault, FaultProxy, Way, Weather, constantly, proxy_to
from tests.hostile.scripted import ScriptedServer, answer, fine, scripted

GET = b"GET / HTTP/1.1\r\n\r\n"
WHOLE = answer(b"{}")
PAUSE = 0.1


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted(fine) as server:
        yield server


async def ask(proxy: FaultProxy, *, seconds: float = 5, until: int = len(WHOLE)) -> bytes | str:
    """Return what came of one request: the bytes up to *until* or the end, "reset", or "silence"."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    said = b""
    try:
        async with asyncio.timeout(seconds):
            writer.write(GET)
            while len(said) < until and (piece := await reader.read(until - len(said))):
                said += piece
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "silence"
    finally:
        writer.transport.abort()
    return said


async def test_in_fair_weather_everything_passes_and_is_counted(server: ScriptedServer) -> None:
    async with proxy_to(server.port) as proxy:
        assert await ask(proxy) == WHOLE
        assert (proxy.connections, proxy.bytes_up, proxy.bytes_down) == (1, len(GET), len(WHOLE))


@pytest.mark.parametrize("at", [0, 1, 17, len(WHOLE) - 1])
@pytest.mark.parametrize(("then", "seen"), [("end", None), ("reset", "reset"), ("stall", "silence")])
async def test_an_answer_is_cut_at_the_byte(server: ScriptedServer, then: Fault, seen: str | None, at: int) -> None:
    async with proxy_to(server.port, constantly(Weather(down=Way(most_bytes=at, then=then)))) as proxy:
        came = await ask(proxy, seconds=PAUSE)
        assert came == (WHOLE[:at] if seen is None else seen)
        assert proxy.bytes_down == at
        assert len(server.asked) == 1 or at == 0


@pytest.mark.parametrize("then", ["end", "reset"])
async def test_a_request_cut_short_never_arrives(server: ScriptedServer, then: Fault) -> None:
    async with proxy_to(server.port, constantly(Weather(up=Way(most_bytes=len(GET) - 1, then=then)))) as proxy:
        assert await ask(proxy) in {b"", "reset"}
        assert server.asked == []


async def test_whoever_knocks_is_turned_away_before_a_byte(server: ScriptedServer) -> None:
    async with proxy_to(server.port, constantly(Weather(knock="reset"))) as proxy:
        assert await ask(proxy) in {"reset", b""}
        assert (proxy.bytes_up, server.connections) == (0, 0)


async def test_each_connection_has_its_own_weather(server: ScriptedServer) -> None:
    odd = Weather(down=Way(most_bytes=3, then="end"))
    async with proxy_to(server.port, lambda number: odd if number % 2 else Weather()) as proxy:
        assert [await ask(proxy) for _ in range(4)] == [WHOLE, WHOLE[:3]] * 2


@pytest.mark.parametrize(
    "weather",
    [Weather(up=Way(latency=PAUSE)), Weather(down=Way(byte_seconds=PAUSE / 20)), Weather(down=Way(loss=0.75))],
    ids=["late", "dripping", "lossy"],
)
async def test_what_is_late_comes_late_and_whole(server: ScriptedServer, weather: Weather) -> None:
    async with proxy_to(server.port, constantly(weather)) as proxy:
        began = time.monotonic()
        for _ in range(4):
            assert await ask(proxy, seconds=30) == WHOLE
        assert time.monotonic() - began > PAUSE / 2


@pytest.mark.parametrize(("direction", "arrived"), [("up", 0), ("down", 1)])
async def test_a_partition_holds_one_direction_and_what_was_held_lands_when_it_heals(
    server: ScriptedServer, direction: str, arrived: int
) -> None:
    async with proxy_to(server.port) as proxy:
        proxy.partition(up=direction == "up", down=direction == "down")
        asking = asyncio.create_task(ask(proxy))
        await asyncio.sleep(PAUSE)
        assert (len(server.asked), asking.done()) == (arrived, False)
        proxy.partition()
        assert await asking == WHOLE


@pytest.mark.parametrize("fault", ["end", "reset"])
async def test_all_connections_can_be_cut_while_they_rest(server: ScriptedServer, fault: Fault) -> None:
    async with proxy_to(server.port) as proxy:
        asking = asyncio.create_task(ask(proxy, until=len(WHOLE) + 1))
        while proxy.bytes_down < len(WHOLE):  # noqa: ASYNC110 - the proxy has no event to give
            await asyncio.sleep(0.005)
        proxy.cut_all(fault)
        assert await asking == (WHOLE if fault == "end" else "reset")
