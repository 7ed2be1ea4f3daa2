"""Controls of the sandbox as a whole: faults, who enters and leaves, and the state of things."""

from dataclasses import dataclass
from typing import Any

import msgspec

from usher.sandbox.audiences import Audience
from usher.sandbox.control_desk import AbsentError, asked, audience_named, control
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.faults import Rule
from usher.sandbox.world import World

FASTEST_PER_SECOND = 10_000.0


class _Move(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who moves: *members* by Lytics id, user id or e-mail, or *count* of them; *also* in further audiences."""

    members: list[str] | None = None
    count: int | None = None
    also: list[str] = msgspec.field(default_factory=list)
    silent: bool = False


class _ChurnOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    audience: str = "vip_shoppers"
    per_second: float = 10.0
    seconds: float = 10.0


@dataclass(slots=True)
class Control:
    world: World

    def handlers(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /control, handler)."""
        return [
            ("POST", "/faults", control(self.add_faults)),
            ("GET", "/faults", control(self.faults)),
            ("DELETE", "/faults", control(self.clear_faults)),
            ("POST", "/audiences/{slug}/{act}", control(self.move)),
            ("GET", "/audiences/{slug}/members", control(self.members)),
            ("POST", "/churn", control(self.churn)),
            ("DELETE", "/churn", control(self.stop_churn)),
            ("GET", "/state", control(self.state)),
        ]

    async def add_faults(self, call: Call) -> Any:
        """Take one rule or a list of them; they are added to those in force."""
        is_list = call.body.lstrip().startswith(b"[")
        self.world.faults.add(asked(call, list[Rule]) if is_list else [asked(call, Rule)])
        return self.world.faults.in_force()

    async def faults(self, call: Call) -> Any:
        return self.world.faults.in_force()

    async def clear_faults(self, call: Call) -> Any:
        self.world.faults.clear()
        return []

    async def move(self, call: Call) -> Any:
        """Let people enter, exit or change; the answer names them as Lytics does."""
        audiences, act, order = self.world.audiences, call.params["act"], asked(call, _Move)
        audience = audience_named(audiences, call.params["slug"])
        if act not in {"enter", "exit", "change"}:
            raise AbsentError("such act; enter, exit or change")
        indexes = self._people(audience, order, is_in=act != "enter")
        if act == "change":
            count = audiences.touch(indexes, audience)
        else:
            chosen = [audience, *(audience_named(audiences, slug) for slug in order.also)]
            count = audiences.move(indexes, chosen, is_in=act == "enter", is_silent=order.silent)
        people = [audiences.people[index] for index in indexes]
        return {"changed": count, "members": [person.email or person.user_id for person in people]}

    async def members(self, call: Call) -> Any:
        """Everybody inside by one field (`email` unless named); those without a value are left out."""
        query, audiences = call.query, self.world.audiences
        audience = audience_named(audiences, call.params["slug"])
        after, most = int(query.get("after", "-1")), int(query.get("limit", str(len(audiences.people))))
        rows: list[Any] = []
        last = None
        for index, _ in zip(audience.indexes(after=after), range(most), strict=False):
            last = index
            value = audiences.people[index].fields().get(query.get("field", "email"))
            rows += [] if value is None else [value]
        return {"size": audience.size, "members": rows, "last": last}

    async def churn(self, call: Call) -> Any:
        order = asked(call, _ChurnOrder)
        audience = audience_named(self.world.audiences, order.audience)
        per_second = min(order.per_second, FASTEST_PER_SECOND)
        await self.world.churn.start(audience, per_second=per_second, seconds=order.seconds)
        return {"is_running": True}

    async def stop_churn(self, call: Call) -> Any:
        await self.world.churn.aclose()
        return {"is_running": False, "made": self.world.churn.made}

    async def state(self, call: Call) -> Any:
        """Counts; `pending` is what is still on its way: 0 on both sides means that all is quiet."""
        return state_of(self.world)

    def _people(self, audience: Audience, order: _Move, *, is_in: bool) -> list[int]:
        if order.members is None:
            count = 1 if order.count is None else order.count
            return audience.pick(count, self.world.rng, is_in=is_in)
        found = [self.world.audiences.person_index(member) for member in order.members]
        if None in found:
            raise AbsentError("such person")
        return [index for index in found if index is not None]


def state_of(world: World) -> dict[str, Any]:
    mapp = world.mapp
    return {
        "lytics": {
            "people": len(world.audiences.people),
            "audiences": {a.slug: _audience(a) for a in world.audiences.by_slug.values()},
            "jobs": [_job(job.shown()) | _counts(job.emitter) for job in world.jobs.by_id.values()],
            "pending": world.jobs.pending,
        },
        "mapp": {
            "contacts": len(mapp.contacts),
            "groups": mapp.groups,
            "applied": mapp.applied,
            "pending": len(world.applier),
            "feedback": dict(mapp.feedback_by_code),
            "attributes": held_attributes(world),
            "requests": world.ledger.requests,
        },
        "traffic": traffic_by_place(world),
        "churn": {"is_running": world.churn.is_running, "made": world.churn.made},
        "faults": world.faults.in_force(),
    }


def held_attributes(world: World) -> list[dict[str, Any]]:
    """How many contacts hold each value of each member attribute."""
    held = sorted((key, count) for key, count in world.mapp.held.items() if count)
    return [{"group": g, "attribute": a, "value": v, "contacts": count} for (g, a, v), count in held]


def traffic_by_place(world: World) -> dict[str, dict[str, int]]:
    """Requests by place and status; "closed" stands for a connection closed without an answer."""
    places: dict[str, dict[str, int]] = {}
    for (place, status), count in sorted(world.traffic.by_status.items()):
        places.setdefault(place, {})[str(status) if status else "closed"] = count
    return places


def _audience(audience: Audience) -> dict[str, Any]:
    return {
        "id": audience.id,
        "name": audience.name,
        "size": audience.size,
        "invalid": audience.is_invalid,
        "deleted": audience.is_deleted,
    }


def _job(shown: dict[str, Any]) -> dict[str, Any]:
    return {"id": shown["id"], "name": shown["name"], "status": shown["status"]}


def _counts(emitter: Any) -> dict[str, Any]:
    return {"pending": emitter.pending, **msgspec.to_builtins(emitter.counters, str_keys=True)}
