"""
The shapes that pass between Usher and Mapp: one person's event out; pong, groups and attributes in.

What nobody outside Mapp has confirmed about the event is inferred in exactly one function each.
Sources: docs.mapp.com (slugs below), Mapp's public clients, and Lytics' page on its Mapp export.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from usher.domain.attribute import Target, value_of
from usher.errors import InvalidInput, Problem

Flag = Literal["true", "false"]

# An attribute by one of these names would give Mapp an order ("delete") or name another person ("email").
RESERVED_NAMES = frozenset(
    {
        "email",
        "userID",
        "mobileNumber",
        "externalID",
        "group",
        "unsubscribe",
        "delete",
        "doubleOptIn",
        "subscribe",
        "skipUnsubscribers",
        "partialUpdate",
        "updateonly",
        "messageId",
    }
)
_RESERVED = frozenset(name.casefold() for name in RESERVED_NAMES)

_quoted = json.JSONEncoder().encode


def is_reserved(key: str) -> bool:
    """Say whether *key*, prefix and all, is one that Mapp obeys, in any letter case."""
    return key.casefold() in _RESERVED


def attribute_key(target: Target) -> str:
    """
    Return the key that carries the attribute.

    Without dynamic attributes it is the name, which must be mapped in Mapp (confirmed: Lytics' page).
    With them it is prefix + name (inferred: Lytics' page names the prefix and its "_"; Mapp's say nothing).
    Whether a ":MEMBER" ending is wanted as well is unknown.
    """
    return target.attribute_name if target.prefix is None else f"{target.prefix}{target.attribute_name}"


def group_of(target: Target) -> str:
    """
    Return the value of `group`, which is always sent: a contact that Mapp must create needs it (confirmed).

    Inferred: together with `updateonly` and `skipUnsubscribers` it signs nobody up who was not in the group.
    """
    return target.group_id


def update_only(target: Target) -> Flag:
    """
    Return the value of `updateonly`: "true" keeps Mapp from creating a contact.

    Inferred from its name: Mapp's page shows "false" only
    (docs/mapp-connect-partial-updates-for-user-attributes-in-the-connect-api).
    """
    return "false" if target.create_users else "true"


def skip_unsubscribers() -> Flag:
    """
    Return the value of `skipUnsubscribers`: who unsubscribed is not added back.

    Confirmed as a boolean user attribute (docs/mapp-connect-edit-field-mapping);
    inferred that the string does too, and unmapped.
    """
    return "true"


def user_event(target: Target, member: str, is_in: bool) -> bytes:
    r"""
    Return the body of one `user` event: {"email":"jo@example.com","group":"2324000001","vip":"true",…}.

    Compact, and ASCII only ("\u00fc" for "ü"): such bytes read the same in every character set, so a proxy
    or server that assumes another one can break neither the text nor the signature.

    Raises:
        InvalidInput: the attribute's key is reserved; refused here too, because "delete" would be obeyed.
    """
    return f'{{"{target.identifier_type}":{_quoted(member)}{_after_member(target, is_in)}'.encode("ascii")


@lru_cache(maxsize=1024)
def _after_member(target: Target, is_in: bool) -> str:
    key = attribute_key(target)
    if is_reserved(key):
        raise InvalidInput(
            Problem("mapp_attribute_name", f"{key!r} is a word that Mapp obeys.", "Choose another name.")
        )
    fields = {
        "group": group_of(target),
        key: value_of(is_in),
        "updateonly": update_only(target),
        "skipUnsubscribers": skip_unsubscribers(),
    }
    return "," + json.dumps(fields, separators=(",", ":")).removeprefix("{")


def is_pong(content: object) -> bool | None:
    """Read a ping's answer, {"pong": true, …} (confirmed: PHP and Java clients); None where it is none."""
    pong = content.get("pong") if isinstance(content, dict) else None
    return {"true": True, "false": False}.get(str(pong).lower())


def groups_in(content: object) -> dict[str, str] | None:
    """
    Read the list of groups, {"600350571": "Customers"}: id to name (confirmed: Mapp's Salesforce client).

    Numbers are taken for names, and an empty list for no groups; None where it is something else.
    """
    if content in (None, []):
        return {}
    if not isinstance(content, dict) or not all(_is_name(name) for name in content.values()):
        return None
    return {group_id: str(name) for group_id, name in content.items()}


def attributes_in(content: object) -> dict[str, str] | None:
    """
    Read a membership's attributes, [{"name": "vip", "value": "true"}] (confirmed: Engage's published API).

    A null value is left out; None where it is something else.
    """
    if content is None:
        return {}
    if not isinstance(content, list) or not all(_is_attribute(item) for item in content):
        return None
    return {item["name"]: str(item["value"]) for item in content if item.get("value") is not None}


def value_held(attributes: Mapping[str, str], target: Target) -> str | None:
    """
    Return the value that a member's attributes hold for *target*, or None.

    Inferred: a dynamic attribute is stored without its prefix; if not, it is found with it.
    """
    return attributes.get(target.attribute_name, attributes.get(attribute_key(target)))


def _is_name(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_attribute(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)
