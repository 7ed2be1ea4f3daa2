"""The attribute a job writes: its key on the wire and its value."""

from dataclasses import dataclass
from typing import Literal

Value = Literal["true", "false"]


def value_of(is_in: bool) -> Value:
    """Mapp receives membership as a string (facts: Lytics' own documentation of the export)."""
    return "true" if is_in else "false"


def attribute_name(configured: str, *, audience_slug: str) -> str:
    """A blank Mapp Attribute Name means the audience's slug."""
    return configured or audience_slug


def dynamic_prefix(configured: str, *, group_id: str) -> str:
    """A blank Dynamic Attribute Prefix means the Group ID and an underscore."""
    return configured or f"{group_id}_"


IdentifierType = Literal["email", "userID", "mobileNumber", "externalID"]


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where in Mapp a job writes, resolved: nothing in it is blank.

    Args:
        group_id: the Mapp group.
        attribute_name: the name without any prefix.
        prefix: the dynamic attribute prefix (ends with "_"), or None where dynamic attributes are off.
        identifier_type: which of Mapp's identifiers a member's name is.
        create_users: whether Mapp may create a contact that it does not know.
    """

    group_id: str
    attribute_name: str
    prefix: str | None
    identifier_type: IdentifierType
    create_users: bool
