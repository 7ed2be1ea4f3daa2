"""
Audiences and fields as Usher sees them, and when an audience counts as redefined.

    {"id": "0b9d6c1f…", "slug_name": "vip_buyers", "name": "VIP buyers", "kind": "segment", "table": "user",
     "segment_ql": "FILTER AND (orders > 5) FROM user ALIAS vip_buyers", "invalid": false, "size": 1830}
    {"id": "email", "type": "string", "is_identifier": true, "is_pii": true, "shortdesc": "E-mail address"}

Source: facts/lytics.md A2, A5 and the published schemas models.Segment and models.Field (confirmed).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_COUNTED = 2**63 - 1  # what a database keeps as one number
DEFINING = ("segment_ql", "ql_resolved", "withs_ql", "ast")


@dataclass(frozen=True, slots=True)
class Audience:
    """
    A named group of people in Lytics.

    Args:
        id: 32 hex digits; what triggers and webhook jobs call it.
        slug: unique as well; Lytics takes it wherever it takes the id, but not in job configurations.
        size: how many people Lytics counts in it, or None where it did not say.
        invalid_reason: Lytics' words; "" while *is_valid*.
        definition: see *definition_hash*.
    """

    id: str
    slug: str
    name: str
    size: int | None
    is_valid: bool
    invalid_reason: str
    is_deleted: bool
    definition: str


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field of a person's profile.

    Args:
        type: in Lytics' words ("string", "[]string", "map[string]int", …).
        is_identifier: Lytics joins profiles by it, so its values name one person each.
    """

    name: str
    type: str
    is_identifier: bool
    is_pii: bool
    description: str


def audience_from(segment: Mapping[str, Any]) -> Audience | None:
    """Return the audience that *segment* describes, or None where it has no id to ask for it by."""
    audience_id = segment.get("id")
    if not isinstance(audience_id, str) or not audience_id or not audience_id.isprintable():
        return None
    slug = _text(segment, "slug_name")
    return Audience(
        id=audience_id,
        slug=slug,
        name=_text(segment, "name") or slug or audience_id,
        size=count_or_none(segment.get("size")),
        is_valid=segment.get("invalid") is not True,
        invalid_reason=_text(segment, "invalid_reason"),
        is_deleted=segment.get("deleted") is True,
        definition=definition_hash(segment),
    )


def field_from(described: Mapping[str, Any]) -> Field | None:
    """Return the field that *described* describes, or None where it has no name."""
    name = described.get("id")
    if not isinstance(name, str) or not name:
        return None
    return Field(
        name=name,
        type=_text(described, "type"),
        is_identifier=described.get("is_identifier") is True,
        is_pii=described.get("is_pii") is True,
        description=_text(described, "shortdesc") or _text(described, "longdesc"),
    )


def definition_hash(segment: Mapping[str, Any]) -> str:
    """
    Return 64 hex digits that change when it changes who belongs to the audience; "" means cannot tell.

    Inferred: that these keys define membership, and that ql_resolved holds the audiences it builds on.
    If Lytics wrote the present moment into any of them, the hash would change by itself: then scans stop
    saying who left, which is the safe side. Where none of the keys came, the last edit stands in for them.
    """
    defining = _given(segment, DEFINING) or _given(segment, ("updated",))
    if not defining:
        return ""
    canonical = json.dumps(defining | {"table": segment.get("table")}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def count_or_none(value: object) -> int | None:
    """Return *value* where it is a count that can be kept, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNTED else None


def _given(segment: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: segment[key] for key in keys if segment.get(key)}


def _text(described: Mapping[str, Any], key: str) -> str:
    """Return the text under *key* as one line, whatever it holds: not every database keeps every character."""
    value = described.get(key)
    return "".join(char if char.isprintable() else " " for char in value).strip() if isinstance(value, str) else ""
