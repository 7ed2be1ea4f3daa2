"""
What a trigger message from Lytics says.

Reading never raises, and one odd item never spoils its neighbours: what makes sense comes out as events,
everything else as unreadable items with a reason. Nothing is dropped in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import msgspec

from usher.domain.identifier import members_of
from usher.domain.observation import Observation, Source, version_of_trigger
from usher.lytics import tolerant
from usher.lytics.times import ns_from_rfc3339

EXCERPT_BYTES = 16_384  # enough to recognise an item, too little to hoard profiles
MOST_ITEMS = 10_000  # Lytics sends at most 1,000 in a batch
LONGEST_NAME = 256  # characters of an audience's id or slug; Lytics' own names have at most 64

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Kind = Literal["enter", "exit", "change"]
KINDS = frozenset({"enter", "exit", "change"})
Reason = Literal["not_json", "not_an_event", "no_segment_events", "no_audience", "unknown_kind", "bad_time", "too_many"]


@dataclass(frozen=True, slots=True)
class AudienceEvent:
    """
    One person entered or exited one audience, or changed inside it: one trigger.

    Args:
        audience_id, audience_slug: at least one of them is known; the other may be "".
        at_ns: when, in nanoseconds since 1970; None where Lytics did not say, and always for a change.
        profile: the person's fields as Lytics sent them, shared by the events of one item; never log it.
    """

    audience_id: str
    audience_slug: str
    kind: Kind
    at_ns: int | None
    profile: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """
    One thing in a message that makes no sense, for a person to look at.

    Args:
        audience_id, audience_slug: whose jobs count it; both "" where not even that is known.
        excerpt: the beginning of the item as it was sent, at most EXCERPT_BYTES; it may name a person.
            Only the first of an item's unreadable events has it; b"" in the others.
    """

    reason: Reason
    excerpt: bytes = field(repr=False)
    audience_id: str = ""
    audience_slug: str = ""


@dataclass(frozen=True, slots=True)
class TriggerMessage:
    """Everything one message said, in its order. *is_json* is false where the body as a whole is not JSON."""

    events: tuple[AudienceEvent, ...]
    unreadable: tuple[UnreadableItem, ...]
    is_json: bool


class EventSightings(NamedTuple):
    """What an event says about members; *was_clamped*: its time was too far ahead and became its arrival."""

    observations: list[Observation]
    was_clamped: bool


class _Odd(NamedTuple):
    """Something unreadable, before its excerpt is cut."""

    reason: Reason
    audience_id: str = ""
    audience_slug: str = ""


def read_message(body: bytes) -> TriggerMessage:
    """
    Read one request's body: a single event, a batch array, or CloudEvents (one or an array of them).

        {"id": "88…", "data": {"email": "ana@example.org", "segment_events":
            [{"id": "0b9d…", "slug": "vip_buyers", "event": "enter", "enter": "2026-11-20T10:15:02.1Z"}]},
         "meta": {"object": "user", "subscription_id": "f0e1…", "timestamp": "2026-11-20T10:15:06.9Z"}}

    A CloudEvent carries the same "data". An item may tell of several audiences.
    Items beyond MOST_ITEMS are one unreadable item; so are segment events beyond it in one item,
    and so are unreadable items beyond it.
    Never raises, and takes time in proportion to the body.

    Source: facts/lytics.md B1 (confirmed).
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    items = _items_of(body)
    if items is None:
        return TriggerMessage((), (UnreadableItem("not_json", body[:EXCERPT_BYTES]),), is_json=False)
    events: list[AudienceEvent] = []
    odd: list[tuple[int, _Odd]] = []
    for index, item in enumerate(items[:MOST_ITEMS]):
        for found in _read_item(item):
            if isinstance(found, AudienceEvent):
                events.append(found)
            else:
                odd.append((index, found))
        if len(odd) > MOST_ITEMS:
            odd[MOST_ITEMS:] = [(index, _Odd("too_many"))]
    if len(items) > MOST_ITEMS:
        odd.append((MOST_ITEMS, _Odd("too_many")))
    return TriggerMessage(tuple(events), _with_excerpts(odd, body=body), is_json=True)


def observations_of_event(
    event: AudienceEvent, *, field: str, received_ms: int, lowercase: bool = False
) -> EventSightings:
    """
    Return what *event* says about the members that the identifier field *field* names, in lower case if *lowercase*.

    None where the profile has no identifier, and none for a change: it has no time of its own,
    so it could not be told from news older than an exit.
    """
    if event.kind == "change":
        return EventSightings([], was_clamped=False)
    version, was_clamped = version_of_trigger(event.at_ns, received_ms=received_ms)
    is_in = event.kind == "enter"
    members = members_of(event.profile.get(field), lowercase=lowercase)
    seen = [Observation(member, is_in, version, Source.TRIGGER) for member in members]
    return EventSightings(seen, was_clamped)


def _items_of(body: bytes) -> list[object] | None:
    """The message's items, one or many; an unreadable one is the NotJsonError that it raised."""
    try:
        whole = msgspec.json.decode(body)
    except tolerant.STRICT_REFUSALS:
        raw_items = tolerant.split_array(body, most=MOST_ITEMS)
        items = [_decoded(raw) for raw in ([body] if raw_items is None else raw_items)]
        return None if all(isinstance(item, tolerant.NotJsonError) for item in items) else items
    return whole if isinstance(whole, list) else [whole]


def _decoded(raw: bytes) -> object:
    try:
        return tolerant.decode(raw)
    except tolerant.NotJsonError as error:
        return error


def _read_item(item: object) -> Iterator[AudienceEvent | _Odd]:
    data = item.get("data") if isinstance(item, dict) else None
    if not isinstance(data, dict):
        yield _Odd("not_json" if isinstance(item, tolerant.NotJsonError) else "not_an_event")
        return
    told = data.pop("segment_events", None)
    if not isinstance(told, list) or not told:
        yield _Odd("no_segment_events")
        return
    for segment_event in told[:MOST_ITEMS]:
        yield _read_segment_event(segment_event, profile=data)
    if len(told) > MOST_ITEMS:
        yield _Odd("too_many")


def _read_segment_event(told: object, *, profile: dict[str, Any]) -> AudienceEvent | _Odd:
    if not isinstance(told, dict):
        return _Odd("no_audience")
    audience_id, slug = _name(told.get("id")), _name(told.get("slug"))
    if not (audience_id or slug):
        return _Odd("no_audience")
    kind = told.get("event")
    if not isinstance(kind, str) or kind not in KINDS:
        return _Odd("unknown_kind", audience_id, slug)
    at_ns = None
    if kind != "change" and _says_when(claimed := told.get(kind)):
        at_ns = ns_from_rfc3339(claimed)
        if at_ns is None or at_ns < 0:
            return _Odd("bad_time", audience_id, slug)
    return AudienceEvent(audience_id, slug, cast("Kind", kind), at_ns, profile)


def _name(value: object) -> str:
    """Return an audience's id or slug, or "" where *value* could not be one (or could not be stored)."""
    if isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable():
        return value
    return ""


def _says_when(claimed: object) -> bool:
    """Return whether a time was given. Inferred: Go's zero time means none, as Lytics is written in Go."""
    return claimed is not None and claimed not in ("", "0001-01-01T00:00:00Z")


def _with_excerpts(odd: list[tuple[int, _Odd]], *, body: bytes) -> tuple[UnreadableItem, ...]:
    if not odd:
        return ()
    raw_items = tolerant.split_array(body, most=MOST_ITEMS) or [body]
    excerpts = {index: raw_items[index][:EXCERPT_BYTES] for index, _ in odd}
    return tuple(
        UnreadableItem(reason, excerpts.pop(index, b""), audience_id, slug)
        for index, (reason, audience_id, slug) in odd
    )
