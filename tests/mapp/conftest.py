"""A Mapp that answers what a test tells it to, and a clock that stands still."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from usher.http import Reply
from usher.mapp.client import Account, MappClient

NOW_MS = 1_790_000_000_000


@dataclass
class StillClock:
    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.at_ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)


@dataclass(frozen=True)
class Sent:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float


@dataclass
class FakeHttp:
    """Answers each request by a plain function, and keeps what was asked."""

    answer: Callable[[Sent], Reply] = lambda _: Reply(200, {}, b"")
    sent: list[Sent] = field(default_factory=list)

    async def request(self, method, url, *, headers=None, body=b"", timeout_seconds=10, most_bytes=65_536) -> Reply:
        self.sent.append(Sent(method, url, dict(headers or {}), body, timeout_seconds))
        reply = self.answer(self.sent[-1])
        is_cut = reply.is_cut or len(reply.body) > most_bytes
        return Reply(reply.status, reply.headers, reply.body[:most_bytes], is_cut)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def http() -> FakeHttp:
    return FakeHttp()


@pytest.fixture
def account() -> Account:
    return Account(
        api_url="jamie.g.shortest-route.com/charon/",
        integration_id="6f0c7d3e-0000-4000-8000-0123456789ab",
        secret="the secret of this integration, 44 characters",
        rest_api_url="https://amundsen.shortest-route.com/shop/",
        user="api@shop.example",
        password="pässword",
    )


@pytest.fixture
def client(account, http, clock) -> MappClient:
    return MappClient(account, http=http, clock=clock, timeout_seconds=10)
