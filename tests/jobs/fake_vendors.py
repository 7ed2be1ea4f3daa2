"""A pretend Mapp and a pretend Lytics behind one Http, so that the real clients speak to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from usher.errors import RemoteUnreachable
from usher.http import Reply

MAPP_HOST, LYTICS_HOST, REST_HOST = "mapp.example.net", "lytics.example.net", "engage.example.net"
VIP = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"
OTHER = "1c9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"
GROUP = "2324000001"


def segment(audience_id: str = VIP, slug: str = "vip_buyers", **changes: Any) -> dict[str, Any]:
    return {
        "id": audience_id,
        "slug_name": slug,
        "name": slug.replace("_", " ").title(),
        "kind": "segment",
        "table": "user",
        "segment_ql": f"FILTER orders > 5 FROM user ALIAS {slug}",
        "size": 1830,
        "invalid": False,
        **changes,
    }


def profile_field(name: str, *, is_identifier: bool) -> dict[str, Any]:
    return {"id": name, "type": "string", "is_identifier": is_identifier, "is_pii": is_identifier}


@dataclass(frozen=True)
class Asked:
    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class FakeVendors:
    """Everything that a test may change about the two vendors, and what they were asked."""

    groups: dict[str, str] = field(default_factory=lambda: {GROUP: "Customers"})
    segments: list[dict[str, Any]] = field(default_factory=lambda: [segment(), segment(OTHER, "lapsed")])
    fields: list[dict[str, Any]] = field(
        default_factory=lambda: [profile_field("email", is_identifier=True), profile_field("city", is_identifier=False)]
    )
    values: list[Any] = field(default_factory=lambda: ["jo.public@example.com", "ana@example.org"])
    held_in_mapp: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)  # host, or "METHOD path", to status
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhook_auths: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    made: int = 0
    before_answer: Any = None

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
        asked = Asked(method, parts.netloc, parts.path, headers or {}, json.loads(body) if body else None)
        self.asked.append(asked)
        if self.before_answer is not None:
            await self.before_answer(asked)
        if parts.netloc in self.down:
            raise RemoteUnreachable(f"{parts.netloc} does not take connections.")
        status = self.refusing.get(asked.line) or self.refusing.get(parts.netloc)
        if status:
            return _reply({"status": status, "message": "not allowed"}, status)
        if parts.netloc == MAPP_HOST:
            return self._mapp(asked)
        if parts.netloc == REST_HOST:
            return self._rest(asked, parse_qs(parts.query))
        return self._lytics(asked)

    def lines(self, host: str) -> list[str]:
        return [asked.line for asked in self.asked if asked.host == host]

    def _mapp(self, asked: Asked) -> Reply:
        if asked.path.endswith("/ping"):
            return _reply({"pong": True})
        return _reply(self.groups) if asked.path.endswith("/group") else Reply(200, {}, b"")

    def _rest(self, asked: Asked, query: dict[str, list[str]]) -> Reply:
        if asked.path.endswith("/getApiVersion"):
            return _reply("19")
        held = self.held_in_mapp.get(query["email"][0])
        return (
            _reply({"errorCode": "NO_SUCH_OBJECT", "objectType": "Membership"}, 400) if held is None else _reply(held)
        )

    def _lytics(self, asked: Asked) -> Reply:  # noqa: PLR0911 - a table, read downwards
        steps = [unquote(step) for step in asked.path.strip("/").split("/")]
        match (asked.method, steps):
            case "GET", ["v2", "schema", "user", "field"]:
                return _data(self.fields)
            case "GET", ["v2", "segment"]:
                return _data(self.segments)
            case "GET", ["v2", "segment", name]:
                found = [one for one in self.segments if name in (one["id"], one["slug_name"])]
                return _data(found[0]) if found else _refusal(404)
            case "GET", ["api", "segment", _, "scan"]:
                data = [{"_id": str(at), "email": value, "city": value} for at, value in enumerate(self.values)]
                return _reply({"status": 200, "total": len(data), "_next": "", "data": data})
            case "POST", ["v2", "auth", "header-param-auth"]:
                return self._make(self.webhook_auths, asked.body)
            case "POST", ["v2", "job", "webhook-triggers"]:
                return self._make(self.webhooks, asked.body)
            case "GET", ["v2", "job", job_id]:
                made = self.webhooks.get(job_id)
                return _refusal(404) if made is None else _data({"id": job_id, "status": "runnable"} | made)
            case "POST", ["v2", "job", job_id, "kill"]:
                return _data({}) if self.webhooks.pop(job_id, None) else _refusal(404)
            case "DELETE", ["v2", "auth", auth_id]:
                return _data({}) if self.webhook_auths.pop(auth_id, None) else _refusal(404)
        return _refusal(404)

    def _make(self, kept: dict[str, dict[str, Any]], body: dict[str, Any]) -> Reply:
        self.made += 1
        kept[f"made-{self.made}"] = body
        return _data({"id": f"made-{self.made}"}, 201)


def _reply(content: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(content).encode())


def _data(content: Any, status: int = 200) -> Reply:
    return _reply({"data": content, "request_id": "r-1", "status": status}, status)


def _refusal(status: int) -> Reply:
    return _reply({"status": status, "request_id": "r-1", "errors": [{"message": "no such thing"}]}, status)
