"""Every odd answer to an event is called by its right name, after one request, and costs little memory."""

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from tests.hostile.answers import ANSWERS, BOMB_BYTES, LONG_WAITS, Meaning
from tests.hostile.house import EPOCH_MS, TIMEOUT, FastClock
from tests.hostile.scripted import Asked, ScriptedServer, answer, scripted
from tools.measuring import Measured
from usher.domain.attribute import Target
from usher.domain.outcome import Accepted, Outcome, Rejected, RetryLater, StopJob, Unknown
from usher.http import GuardedHttp
from usher.mapp.client import Account, MappClient
from usher.mapp.headers import LONGEST_WAIT_SECONDS

MEMBER = "jo@example.com"
TARGET = Target(group_id="1", attribute_name="vip", prefix=None, identifier_type="email", create_users=False)
KINDS: dict[type, Meaning] = {
    Accepted: "accepted",
    RetryLater: "later",
    Rejected: "rejected",
    StopJob: "stops",
    Unknown: "unknown",
}
LITTLE_BYTES = 6_000_000


async def fine(asked: Asked) -> None:
    await asked.say(answer())


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted(fine) as server:
        yield server


@pytest.fixture
async def mapp(server: ScriptedServer) -> AsyncIterator[MappClient]:
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    account = Account(f"http://127.0.0.1:{server.port}", "i", "s" * 40)
    yield MappClient(account, http=http, clock=FastClock(), timeout_seconds=TIMEOUT)
    await http.close()


async def sent(mapp: MappClient) -> Outcome:
    return await mapp.send(TARGET, MEMBER, is_in=True, expires_at_ms=EPOCH_MS + 3_600_000)


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_taken_for_what_it_is_after_one_request(
    server: ScriptedServer, mapp: MappClient, name: str, measured: Measured
) -> None:
    server.script = ANSWERS[name].play
    tracemalloc.start()

    outcome = await sent(mapp)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert KINDS[type(outcome)] == ANSWERS[name].meaning, outcome
    assert len(server.asked) == 1
    assert peak_bytes < LITTLE_BYTES < BOMB_BYTES
    assert MEMBER not in str(outcome)
    server.script = fine
    assert await sent(mapp) == Accepted(), "what came before spoiled the next request"
    measured("hostile.answers", 1)


@pytest.mark.parametrize("name", LONG_WAITS)
async def test_a_wish_to_be_left_alone_for_ever_is_granted_for_an_hour(
    server: ScriptedServer, mapp: MappClient, name: str
) -> None:
    server.script = ANSWERS[name].play

    outcome = await sent(mapp)

    assert isinstance(outcome, RetryLater)
    assert outcome.retry_after_seconds == LONGEST_WAIT_SECONDS
