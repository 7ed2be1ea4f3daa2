"""Lytics' authorizations of the one type a webhook job needs; what was put in never comes out again."""

import random
from dataclasses import dataclass, field
from typing import Any

from usher.clock import Clock, iso_from_ms
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.lytics_door import Found, LyticsDoor, RefusalError

TYPE = "header_param_auth"


@dataclass(slots=True)
class LyticsKey:
    id: str
    label: str
    description: str
    created: str
    config: dict[str, str] = field(repr=False)

    def headers(self) -> dict[str, str]:
        """One `name: value` a line (confirmed)."""
        lines = self.config.get("webhook_request_headers", "").splitlines()
        pairs = [line.partition(":") for line in lines if ":" in line]
        return {name.strip(): value.strip() for name, _, value in pairs}

    def query(self) -> str:
        return self.config.get("webhook_request_params", "").strip()

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "label": self.label,
            "description": self.description,
            "type": TYPE,
            "provider_slug": "webhook",
            "status": "healthy",
            "unhealthy": False,
            "created": self.created,
            "updated": self.created,
        }


@dataclass(slots=True)
class LyticsKeys:
    door: LyticsDoor
    clock: Clock
    rng: random.Random
    by_id: dict[str, LyticsKey] = field(default_factory=dict)

    def handlers(self) -> list[tuple[str, str, str, Handler]]:
        """(method, path below /lytics, place, handler)."""
        v2, place = self.door.v2, "lytics.auth"
        return [
            ("POST", "/v2/auth/header-param-auth", place, v2(self.create, right="jobs")),
            ("PUT", "/v2/auth/header-param-auth/{id}", place, v2(self.edit, right="jobs")),
            ("GET", "/v2/auth", place, v2(self.every, right="jobs")),
            ("GET", "/v2/auth/{id}", place, v2(self.one, right="jobs")),
            ("DELETE", "/v2/auth/{id}", place, v2(self.delete, right="jobs")),
        ]

    async def create(self, call: Call) -> Found:
        label, description, config = _request(call)
        key_id = f"{self.rng.getrandbits(128):032x}"
        key = LyticsKey(key_id, label, description, iso_from_ms(self.clock.now_ms()), config)
        self.by_id[key_id] = key
        return Found(key.shown(), status=201)

    async def edit(self, call: Call) -> Found:
        key = self.wanted(call.params["id"])
        key.label, key.description, key.config = _request(call)
        return Found(key.shown())

    async def every(self, call: Call) -> Found:
        return Found([key.shown() for key in self.by_id.values()])

    async def one(self, call: Call) -> Found:
        return Found(self.wanted(call.params["id"]).shown())

    async def delete(self, call: Call) -> Found:
        key = self.wanted(call.params["id"])
        del self.by_id[key.id]
        return Found(key.shown())

    def wanted(self, key_id: str) -> LyticsKey:
        key = self.by_id.get(key_id)
        if key is None:
            raise RefusalError(404, "AUTH-NOTFOUND-006", "no such authorization")
        return key


def _request(call: Call) -> tuple[str, str, dict[str, str]]:
    body = call.json_object()
    label, config = body.get("label"), body.get("config")
    if not isinstance(label, str) or not label:
        raise RefusalError(400, "AUTH-BADREQ-008", "label is required")
    if not isinstance(config, dict):
        raise RefusalError(400, "AUTH-BADREQ-008", "config is required")
    return label, str(body.get("description", "")), {str(k): str(v) for k, v in config.items()}
