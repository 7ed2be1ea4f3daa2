"""
What the pretend Mapp holds, and what one `user` event does to it.

Business errors never reach the caller of an event: Mapp reports them later, as feedback (confirmed).
The codes of that feedback, MISSING_FIELD apart, are made up here; Mapp publishes none.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.sandbox.options import SandboxOptions
from usher.sandbox.people import Person

IDENTIFIER_PRIORITY = ("userID", "email", "mobileNumber", "externalID")  # confirmed by Mapp's own pages
CONTROL_KEYS = frozenset(
    (*IDENTIFIER_PRIORITY, "group", "updateonly", "skipUnsubscribers", "unsubscribe", "delete", "subscribe")
) | {"doubleOptIn", "partialUpdate", "messageId"}
FEEDBACK_KEPT = 1000
MOST_VALUE_CHARACTERS = 2000

Event = Mapping[str, Any]


@dataclass(slots=True)
class Contact:
    """One contact: identifiers by their Connect name, member attributes by group."""

    id: int
    identifiers: dict[str, str]
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    unsubscribed: frozenset[str] = frozenset()


@dataclass(slots=True)
class MappState:
    """
    Everything the pretend Mapp knows. Lives as long as the sandbox; one event loop only.

    Args:
        mapping: source name -> "group:attribute", case sensitive.
        prefixes: dynamic attribute prefix -> group; `<group>_` is known for every group by itself.
    """

    secret: str
    integration_id: str
    groups: dict[str, str]
    mapping: dict[str, str] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    group_key_subscribes: bool = True
    applied: int = 0
    feedback: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=FEEDBACK_KEPT))
    feedback_by_code: Counter[str] = field(default_factory=Counter)
    held: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    contacts: dict[int, Contact] = field(default_factory=dict)
    _index: dict[str, dict[str, Contact]] = field(default_factory=lambda: {name: {} for name in IDENTIFIER_PRIORITY})
    _next_id: int = 1

    def find(self, identifiers: Mapping[str, Any]) -> Contact | None:
        """The contact by the first identifier that leads to one; letter case counts (unknown of Mapp)."""
        for name in IDENTIFIER_PRIORITY:
            contact = self._index[name].get(str(identifiers.get(name, "")))
            if contact is not None:
                return contact
        return None

    def add_contact(self, identifiers: Mapping[str, Any], *, group: str | None = None) -> Contact:
        named = {k: str(identifiers[k]) for k in IDENTIFIER_PRIORITY if identifiers.get(k)}
        contact = Contact(self._next_id, named)
        self._next_id += 1
        self.contacts[contact.id] = contact
        for name, value in named.items():
            self._index[name][value] = contact
        if group is not None:
            contact.groups[group] = {}
        return contact

    def remove_contact(self, contact: Contact) -> None:
        for group in list(contact.groups):
            self._leave(contact, group)
        for name, value in contact.identifiers.items():
            self._index[name].pop(value, None)
        self.contacts.pop(contact.id, None)

    def unsubscribe(self, contact: Contact, group: str) -> None:
        self._leave(contact, group)
        contact.unsubscribed |= {group}

    def write(self, contact: Contact, group: str, attribute: str, value: str | None) -> None:
        """Set one member attribute; None removes it. The contact must be in the group."""
        attributes = contact.groups[group]
        if attribute in attributes:
            self.held[group, attribute, attributes.pop(attribute)] -= 1
        if value is not None:
            attributes[attribute] = value
            self.held[group, attribute, value] += 1

    def apply(self, event: Event) -> None:
        """Do what a `user` event asks, or leave feedback."""
        self.applied += 1
        contact = self.find(event) or self._create(event)
        if contact is None:
            return
        if is_true(event.get("delete")):
            self.remove_contact(contact)
            return
        self._join_or_leave(contact, event)
        for source, value in event.items():
            if source not in CONTROL_KEYS:
                self._write_source(contact, source, value)

    def target_of(self, source: str) -> tuple[str, str] | None:
        """
        Where a key of an event is written: (group, member attribute), or None where it is not mapped.

        That a prefix leads to a group, and that the stored name is without it, is inferred (Lytics' pages).
        """
        mapped = self.mapping.get(source)
        if mapped is not None:
            group, _, attribute = mapped.partition(":")
            return group, attribute
        prefixes = {f"{group}_": group for group in self.groups} | self.prefixes
        found = max((p for p in prefixes if source.startswith(p) and source != p), key=len, default=None)
        return None if found is None else (prefixes[found], source.removeprefix(found))

    def report(self, code: str, event: Event) -> None:
        """Leave feedback in the shape of Mapp's `mctFeedback` items (confirmed; the codes are ours)."""
        self.feedback_by_code[code] += 1
        self.feedback.append(
            {
                "errorCode": code,
                "integration_id": self.integration_id,
                "mappingName": "user",
                "actionParams": event,
            }
        )

    def _create(self, event: Event) -> Contact | None:
        if is_true(event.get("updateonly")) or is_true(event.get("delete")):
            self.report("CONTACT_UNKNOWN", event)
            return None
        if not event.get("group") or not any(event.get(name) for name in IDENTIFIER_PRIORITY):
            self.report("MISSING_FIELD", event)
            return None
        return self.add_contact(event)

    def _join_or_leave(self, contact: Contact, event: Event) -> None:
        group = str(event.get("group") or "")
        if not group:
            return
        if group not in self.groups:
            self.report("GROUP_UNKNOWN", event)
        elif is_true(event.get("unsubscribe")):
            self.unsubscribe(contact, group)
        elif group not in contact.groups and self._may_join(contact, group, event):
            contact.unsubscribed -= {group}
            contact.groups[group] = {}

    def _may_join(self, contact: Contact, group: str, event: Event) -> bool:
        """That a `group` key adds a known contact to the group is confirmed, with `updateonly` inferred."""
        is_kept_out = group in contact.unsubscribed and is_true(event.get("skipUnsubscribers"))
        return not is_kept_out and (self.group_key_subscribes or not contact.groups)

    def _write_source(self, contact: Contact, source: str, value: Any) -> None:
        target = self.target_of(source)
        if target is None:
            self.report("NOT_MAPPED", {source: value})
        elif target[0] not in contact.groups:
            self.report("NOT_A_MEMBER", {source: value})
        else:
            self.write(contact, *target, as_text(value))

    def _leave(self, contact: Contact, group: str) -> None:
        for attribute in list(contact.groups.get(group, ())):
            self.write(contact, group, attribute, None)
        contact.groups.pop(group, None)


def is_true(flag: Any) -> bool:
    """Mapp's flags come as booleans and as text (confirmed: both are in production)."""
    return flag is True or (isinstance(flag, str) and flag.lower() == "true")


def as_text(value: Any) -> str | None:
    """A member attribute holds text; null removes it (inferred)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)[:MOST_VALUE_CHARACTERS]


def mapp_state(options: SandboxOptions, people: Iterable[Person], *, missing: frozenset[int]) -> MappState:
    """A Mapp that knows everybody but the *missing* indexes; each further address is a contact of its own."""
    state = MappState(
        secret=options.secret,
        integration_id=options.integration_id,
        groups=dict(options.groups),
        group_key_subscribes=options.group_key_subscribes,
    )
    for person in people:
        if person.index not in missing:
            _introduce(state, person, options.home_group)
    return state


def _introduce(state: MappState, person: Person, group: str) -> None:
    first = {"userID": person.user_id, "mobileNumber": person.phone, "externalID": person.lytics_id}
    state.add_contact(first | ({"email": person.email} if person.email else {}), group=group)
    for email in person.emails[1:]:
        state.add_contact({"email": email}, group=group)
