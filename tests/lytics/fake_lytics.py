"""A Lytics that is one plain function, and a record of what it was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from usher.errors import RemoteError
from usher.http import Reply
from usher.lytics.client import LyticsClient
from usher.lytics.exchange import Account

TOKEN = "lytics-token-1"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    most_bytes: int

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class FakeHttp:
    """Answers by *handler*, which returns a reply or an error to raise."""

    handler: Callable[[Asked], Reply | RemoteError]
    asked: list[Asked] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float = 10,
        most_bytes: int = 65_536,
    ) -> Reply:
        parts = urlsplit(url)
        content = json.loads(body) if body else None
        asked = Asked(method, parts.path, dict(parse_qsl(parts.query)), headers or {}, content, most_bytes)
        self.asked.append(asked)
        answer = self.handler(asked)
        if isinstance(answer, RemoteError):
            raise answer
        return answer

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]


def reply(status: int = 200, body: Any = None, **headers: str) -> Reply:
    """A reply whose body is *body* as JSON, or as it is where it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def data(value: Any, status: int = 200) -> Reply:
    return reply(status, {"data": value, "request_id": "r-1", "status": status, "_meta": {}})


def refusal(status: int, message: str = "no") -> Reply:
    entry = {"code": "UNKNOWN-000", "level": "error", "message": message, "timestamp": "2026-11-20T09:00:00Z"}
    return reply(status, {"status": status, "request_id": "r-1", "errors": [entry]})


def client_of(http: FakeHttp) -> LyticsClient:
    return LyticsClient(Account(TOKEN, "https://lytics.example/"), http=http)


def client_answering(answer: Reply | RemoteError) -> LyticsClient:
    return client_of(FakeHttp(lambda asked: answer))
