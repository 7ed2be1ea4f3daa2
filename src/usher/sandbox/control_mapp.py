"""Controls of the pretend Mapp: what it holds, what is mapped, its secret, and its ledger."""

from dataclasses import dataclass
from typing import Any

import msgspec

from usher.sandbox.control_desk import AbsentError, asked, control
from usher.sandbox.exchange import Call, Handler
from usher.sandbox.mapp_state import IDENTIFIER_PRIORITY, Contact
from usher.sandbox.world import World


class _Mapping(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Added to what is mapped, or put in its place; a target of null unmaps a source."""

    mapping: dict[str, str | None] = msgspec.field(default_factory=dict)
    prefixes: dict[str, str] = msgspec.field(default_factory=dict)
    replace: bool = False


class _Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    secret: str | None = None
    integration_id: str | None = None
    apply_delay_ms: int | None = None
    group_key_subscribes: bool | None = None
    groups: dict[str, str] | None = None


class _Attributes(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Written past Connect, as by somebody else's hand; null removes the attribute."""

    group: str
    attribute: str
    values: dict[str, str | None]
    identifier: str = "email"


class _Contacts(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """People by e-mail: made, removed, put into *group*, or unsubscribed from it."""

    create: list[str] = msgspec.field(default_factory=list)
    remove: list[str] = msgspec.field(default_factory=list)
    unsubscribe: list[str] = msgspec.field(default_factory=list)
    group: str = ""


@dataclass(slots=True)
class ControlMapp:
    world: World

    def handlers(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /control/mapp, handler)."""
        return [
            ("GET", "/attributes", control(self.attributes)),
            ("POST", "/attributes", control(self.write)),
            ("POST", "/mapping", control(self.map)),
            ("POST", "/settings", control(self.settings)),
            ("GET", "/contact", control(self.contact)),
            ("POST", "/contacts", control(self.contacts)),
            ("GET", "/ledger", control(self.ledger)),
            ("DELETE", "/ledger", control(self.clear_ledger)),
            ("GET", "/deliveries", control(self.deliveries)),
            ("GET", "/acceptances", control(self.acceptances)),
            ("GET", "/feedback", control(self.feedback)),
        ]

    async def attributes(self, call: Call) -> Any:
        """Identifier -> value of one member attribute, for those who hold it."""
        query = call.query
        kind, attribute = query.get("identifier", "email"), query.get("attribute", "")
        group = query.get("group") or self.world.options.home_group
        held = ((c.identifiers.get(kind), c.groups.get(group, {})) for c in self.world.mapp.contacts.values())
        return {name: values[attribute] for name, values in held if name and attribute in values}

    async def write(self, call: Call) -> Any:
        order, mapp = asked(call, _Attributes), self.world.mapp
        for name, value in order.values.items():
            contact = self._contact(name, order.identifier)
            contact.groups.setdefault(order.group, {})
            mapp.write(contact, order.group, order.attribute, value)
        return {"written": len(order.values)}

    async def map(self, call: Call) -> Any:
        order, mapp = asked(call, _Mapping), self.world.mapp
        if order.replace:
            mapp.mapping.clear()
            mapp.prefixes.clear()
        for source, target in order.mapping.items():
            mapp.mapping.pop(source, None)
            if target is not None:
                mapp.mapping[source] = target
        mapp.prefixes |= order.prefixes
        return {"mapping": mapp.mapping, "prefixes": mapp.prefixes}

    async def settings(self, call: Call) -> Any:
        """Change what is given: a rotated secret, another delay, other groups."""
        order, mapp = asked(call, _Settings), self.world.mapp
        for name in ("secret", "integration_id", "group_key_subscribes", "groups"):
            value = getattr(order, name)
            if value is not None:
                setattr(mapp, name, value)
        if order.apply_delay_ms is not None:
            self.world.applier.delay_seconds = order.apply_delay_ms / 1000
        return {"integration_id": mapp.integration_id, "groups": mapp.groups}

    async def contact(self, call: Call) -> Any:
        """One contact by any identifier of Connect's, in full."""
        named = {kind: call.query[kind] for kind in IDENTIFIER_PRIORITY if kind in call.query}
        found = self.world.mapp.find(named)
        if found is None:
            raise AbsentError("such contact")
        return {
            "id": found.id,
            "identifiers": found.identifiers,
            "groups": found.groups,
            "unsubscribed": sorted(found.unsubscribed),
        }

    async def contacts(self, call: Call) -> Any:
        order, mapp = asked(call, _Contacts), self.world.mapp
        group = order.group or self.world.options.home_group
        for email in order.create:
            known = mapp.find({"email": email}) or mapp.add_contact({"email": email})
            known.groups.setdefault(group, {})
        for email in order.unsubscribe:
            mapp.unsubscribe(self._contact(email, "email"), group)
        for email in order.remove:
            mapp.remove_contact(self._contact(email, "email"))
        return {"contacts": len(mapp.contacts)}

    async def ledger(self, call: Call) -> Any:
        """How many requests were alive at once, for one person and in all, and how many came within one second."""
        return self.world.ledger.summary()

    async def clear_ledger(self, call: Call) -> Any:
        """Count anew from here on; what is under way is counted still."""
        self.world.ledger.clear()
        return self.world.ledger.summary()

    async def deliveries(self, call: Call) -> Any:
        """Identifier -> {value, accepted} for one key of the events, as it was on the wire."""
        wanted = call.query.get("key", "")
        return {
            key.member: {"value": delivered.value, "accepted": delivered.accepted}
            for key, delivered in self.world.ledger.by_key.items()
            if key.attribute == wanted
        }

    async def acceptances(self, call: Call) -> Any:
        """[number, at_ms, member, attribute, value] of what was accepted after number *after*, newest first."""
        return self.world.ledger.accepted_after(int(call.query.get("after", "0")))

    async def feedback(self, call: Call) -> Any:
        """The newest thousand items, and counts of all by code."""
        return {"counts": dict(self.world.mapp.feedback_by_code), "items": list(self.world.mapp.feedback)}

    def _contact(self, name: str, kind: str) -> Contact:
        found = self.world.mapp.find({kind: name})
        if found is None:
            raise AbsentError("such contact")
        return found
