"""Controls of the pretend Lytics: audiences redefined, rights taken away, scans and triggers that misbehave."""

from dataclasses import dataclass
from typing import Any

import msgspec

from usher.sandbox.control_desk import asked, control
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.lytics_door import Right
from usher.sandbox.lytics_scan import ScanQuirks
from usher.sandbox.world import World


class _Definition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What changes; an unknown slug is a new audience of *count* people."""

    name: str | None = None
    segment_ql: str | None = None
    invalid: bool | None = None
    deleted: bool | None = None
    count: int = 0


class _Token(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What *token* may do from now on; null makes it unknown."""

    token: str
    rights: frozenset[Right] | None


class _Emission(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    duplicate_share: float = 0.0
    reorder_share: float = 0.0
    reorder_seconds: float = 0.5


class _Errors(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    flat: bool


@dataclass(slots=True)
class ControlLytics:
    world: World

    def handlers(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /control/lytics, handler)."""
        return [
            ("POST", "/audience/{slug}", control(self.define)),
            ("POST", "/token", control(self.token)),
            ("POST", "/scan", control(self.scan)),
            ("POST", "/scan/expire", control(self.expire)),
            ("POST", "/emission", control(self.emission)),
            ("POST", "/errors", control(self.errors)),
        ]

    async def define(self, call: Call) -> Any:
        order, slug, audiences = asked(call, _Definition), call.params["slug"], self.world.audiences
        audience = audiences.find(slug)
        if audience is None:
            audience = audiences.add(slug, name=order.name or slug, rule=f'name = "{slug}"')
            audiences.move(audience.pick(order.count, self.world.rng, is_in=False), [audience], is_in=True)
        audience.name = order.name or audience.name
        audience.segment_ql = order.segment_ql or audience.segment_ql
        if order.invalid is not None:
            audience.is_invalid = order.invalid
            audience.invalid_reason = "made invalid" if order.invalid else ""
        if order.deleted is not None:
            audience.is_deleted = order.deleted
        audience.updated_ms = self.world.clock.now_ms()
        return {"id": audience.id, "slug": audience.slug, "size": audience.size}

    async def token(self, call: Call) -> Any:
        order = asked(call, _Token)
        if order.rights is None:
            self.world.door.rights.pop(order.token, None)
        else:
            self.world.door.rights[order.token] = order.rights
        return {"tokens": len(self.world.door.rights)}

    async def scan(self, call: Call) -> Any:
        """Replace every quirk of the scan; what is not named goes back to its usual value."""
        self.world.scan.quirks = asked(call, ScanQuirks)
        return self.world.scan.quirks

    async def expire(self, call: Call) -> Any:
        """Make every page token given out until now useless."""
        self.world.scan.expire_tokens()
        return {}

    async def emission(self, call: Call) -> Any:
        """Replace every quirk of how triggers are sent, for all jobs."""
        order, quirks = asked(call, _Emission), self.world.jobs.quirks
        quirks.duplicate_share = order.duplicate_share
        quirks.reorder_share = order.reorder_share
        quirks.reorder_seconds = order.reorder_seconds
        return order

    async def errors(self, call: Call) -> Any:
        """Word V2's failures flat, as Lytics' agent skills do, or with a list of errors, as its reference does."""
        self.world.door.is_flat = asked(call, _Errors).flat
        return {"flat": self.world.door.is_flat}
