import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher.domain.observation import Observation, Source
from usher.lytics.triggers import (
    EXCERPT_BYTES,
    MOST_ITEMS,
    AudienceEvent,
    TriggerMessage,
    observations_of_event,
    read_message,
)

VIP = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"
ENTERED = "2026-11-20T10:15:02.100200300Z"
ENTERED_NS = 1_795_169_702_100_200_300
RECEIVED_MS = 1_795_169_710_000

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEYS = st.sampled_from(["data", "segment_events", "id", "slug", "event", "enter", "exit", "change", "email"])
NEARLY_A_MESSAGE = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from([VIP, ENTERED, "enter", "exit", "change"]),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=30,
)
ODD_ITEMS = [
    b"{}",
    b"null",
    b"1e999",
    b'"\\ud800"',
    b"\xff\xfe",
    b"NaN",
    b"nonsense",
    b"9" * 5_000,
    b'{"data": {"email": "a@example.org"}}',
    b'{"data": {"segment_events": {}}}',
    b'{"data": {"segment_events": [{"event": "enter"}]}}',
    b"[" * 100_000 + b"]" * 100_000,
    b'{"data":' * 100_000 + b"1" + b"}" * 100_000,
]


def segment_event(kind: str = "enter", *, at: Any = ENTERED, **others: Any) -> dict[str, Any]:
    told = {"id": VIP, "slug": "vip_buyers", "event": kind}
    return told | ({} if at is None else {kind: at}) | others


def single(*segment_events: Any, email: Any = "ana@example.org") -> dict[str, Any]:
    return {
        "id": "8801234567890123456",
        "data": {"email": email, "first_name": "Ana", "segment_events": list(segment_events)},
        "meta": {
            "object": "user",
            "subscription_id": "f0e1d2c3b4a5968778695a4b3c2d1e0f",
            "timestamp": "2026-11-20T10:15:06.900800700Z",
        },
    }


def cloud_event(*segment_events: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "8801234567890123456",
        "source": "/work/f0e1d2c3b4a5968778695a4b3c2d1e0f",
        "type": "com.lytics.audience.user.event",
        "datacontenttype": "application/json",
        "time": "2026-11-20T10:15:06.900800700Z",
        "data": single(*segment_events)["data"],
    }


def read(message: Any) -> TriggerMessage:
    return read_message(json.dumps(message).encode())


def an_event(**changes: Any) -> AudienceEvent:
    told = {
        "audience_id": VIP,
        "audience_slug": "vip_buyers",
        "kind": "enter",
        "at_ns": ENTERED_NS,
        "profile": {"email": "ana@example.org", "first_name": "Ana"},
    }
    return AudienceEvent(**(told | changes))


@pytest.mark.parametrize(
    "message",
    [
        single(segment_event()),
        [single(segment_event())],
        cloud_event(segment_event()),
        [cloud_event(segment_event())],
    ],
    ids=["single", "batch", "CloudEvent", "CloudEvents batch"],
)
def test_every_form_that_lytics_sends_says_the_same(message: Any) -> None:
    assert read(message) == TriggerMessage((an_event(),), (), is_json=True)


def test_one_message_may_tell_of_several_audiences_and_ways() -> None:
    message = single(
        segment_event("enter"),
        segment_event("exit", id="a" * 32, slug="lapsed"),
        segment_event("change", at=None),
    )

    found = read(message)

    assert found.events == (
        an_event(),
        an_event(kind="exit", audience_id="a" * 32, audience_slug="lapsed"),
        an_event(kind="change", at_ns=None),
    )
    assert found.unreadable == ()


def test_a_byte_order_mark_does_not_matter() -> None:
    body = b"\xef\xbb\xbf" + json.dumps(single(segment_event())).encode()

    assert read_message(body).events == (an_event(),)


@pytest.mark.parametrize("at", [None, "", "0001-01-01T00:00:00Z"])
def test_an_event_without_a_time_is_an_event_all_the_same(at: str | None) -> None:
    assert read(single(segment_event(at=at))).events == (an_event(at_ns=None),)


def test_a_change_has_no_time_whatever_stands_in_its_place() -> None:
    assert read(single(segment_event("change", at="yesterday"))).events == (an_event(kind="change", at_ns=None),)


@pytest.mark.parametrize("names", [{"id": None}, {"id": 17}, {"id": ""}, {"id": "a\x00"}, {"id": "x" * 257}])
def test_an_audience_is_known_by_its_slug_alone(names: dict[str, Any]) -> None:
    assert read(single(segment_event(**names))).events == (an_event(audience_id=""),)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (segment_event("teleport"), "unknown_kind"),
        (segment_event(event=None), "unknown_kind"),
        (segment_event(event=["enter"]), "unknown_kind"),
        (segment_event(at="yesterday"), "bad_time"),
        (segment_event(at=1_795_169_702), "bad_time"),
        (segment_event(at=["2026"]), "bad_time"),
        (segment_event(at="1969-12-31T23:59:59Z"), "bad_time"),
    ],
)
def test_nonsense_about_a_known_audience_is_unreadable_for_that_audience(told: Any, reason: str) -> None:
    found = read(single(told))

    (item,) = found.unreadable
    assert found.events == ()
    assert found.is_json
    assert (item.reason, item.audience_id, item.audience_slug) == (reason, VIP, "vip_buyers")
    assert json.loads(item.excerpt) == single(told)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({}, "not_an_event"),
        (None, "not_an_event"),
        (17, "not_an_event"),
        ("enter", "not_an_event"),
        ([[]], "not_an_event"),
        ({"data": []}, "not_an_event"),
        ({"data": {"email": "ana@example.org"}}, "no_segment_events"),
        (single(), "no_segment_events"),
        ({"data": {"segment_events": segment_event()}}, "no_segment_events"),
        (single("enter"), "no_audience"),
        (single(segment_event(id=None, slug=None)), "no_audience"),
        (single(segment_event(id="\u202e", slug="\n")), "no_audience"),
    ],
)
def test_what_belongs_to_no_audience_is_unreadable_for_nobody_in_particular(message: Any, reason: str) -> None:
    found = read(message)

    (item,) = found.unreadable
    assert (found.events, found.is_json) == ((), True)
    assert (item.reason, item.audience_id, item.audience_slug) == (reason, "", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"email=ana%40example.org",
        b"<html></html>",
        b'{"data": {',
        b'[{"data": {}}, ',
        json.dumps(single(segment_event())).encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=["empty", "blank", "form", "html", "half", "half batch", "utf-16", "open", "deep"],
)
def test_a_body_that_is_not_json_is_unreadable_as_a_whole(body: bytes) -> None:
    found = read_message(body)

    (item,) = found.unreadable
    assert (found.events, found.is_json, item.reason) == ((), False, "not_json")
    assert item.excerpt == body[:EXCERPT_BYTES]


@pytest.mark.parametrize("odd", ODD_ITEMS, ids=[item[:40].decode("latin-1") for item in ODD_ITEMS])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_odd_item_never_spoils_its_neighbours(odd: bytes, place: int) -> None:
    good = [json.dumps(single(segment_event(), email=f"{n}@example.org")).encode() for n in range(2)]

    found = read_message(b"[" + b", ".join([*good[:place], odd, *good[place:]]) + b"]")

    assert [event.profile["email"] for event in found.events] == ["0@example.org", "1@example.org"]
    (item,) = found.unreadable
    assert item.excerpt == odd[:EXCERPT_BYTES]
    assert found.is_json


def test_one_odd_event_never_spoils_the_others_of_its_person() -> None:
    found = read(single(segment_event(), segment_event("teleport"), segment_event("exit")))

    assert [event.kind for event in found.events] == ["enter", "exit"]
    assert [item.reason for item in found.unreadable] == ["unknown_kind"]


@pytest.mark.parametrize("value", [b"1e999", b'"\\ud83d"', b'"\xe9"', b"9" * 5_000, b"NaN"])
def test_an_odd_value_beside_the_identifier_costs_nobody_their_trigger(value: bytes) -> None:
    body = json.dumps(single(segment_event())).encode().replace(b'"Ana"', value)

    assert read_message(body).events == (an_event(profile={"email": "ana@example.org", "first_name": None}),)


def test_an_identifier_in_a_wrong_encoding_names_nobody_rather_than_somebody_else() -> None:
    body = json.dumps(single(segment_event(), email="jose@example.org")).encode().replace(b"jose", b"jos\xe9")

    (event,) = read_message(body).events
    assert observations_of_event(event, field="email", received_ms=RECEIVED_MS).observations == []


def test_of_duplicate_keys_the_last_wins() -> None:
    body = json.dumps(single(segment_event())).replace('"first_name"', '"email"')

    (event,) = read_message(body.encode()).events
    assert event.profile == {"email": "Ana"}


def test_items_beyond_the_most_are_one_unreadable_item() -> None:
    item = json.dumps(single(segment_event())).encode()

    found = read_message(b"[" + b",".join([item] * MOST_ITEMS + [b"1", b"2"]) + b"]")

    assert len(found.events) == MOST_ITEMS
    (beyond,) = found.unreadable
    assert (beyond.reason, beyond.excerpt) == ("too_many", b"1,2")


def test_items_beyond_the_most_are_one_unreadable_item_even_beside_an_odd_one() -> None:
    item = json.dumps(single(segment_event())).encode()

    found = read_message(b"[" + b",".join([b"nonsense"] + [item] * MOST_ITEMS + [b"1"]) + b"]")

    assert len(found.events) == MOST_ITEMS - 1
    assert [odd.reason for odd in found.unreadable] == ["not_json", "too_many"]


def test_segment_events_beyond_the_most_are_one_unreadable_item() -> None:
    found = read(single(*[segment_event()] * (MOST_ITEMS + 5)))

    assert len(found.events) == MOST_ITEMS
    assert [odd.reason for odd in found.unreadable] == ["too_many"]


def test_unreadable_items_beyond_the_most_are_one_and_spoil_no_neighbour() -> None:
    odd = single(*["enter"] * (MOST_ITEMS - 1))

    found = read([odd, odd, odd, single(segment_event())])

    assert found.events == (an_event(),)
    assert [item.reason for item in found.unreadable] == ["no_audience"] * MOST_ITEMS + ["too_many"]


def test_an_items_excerpt_is_there_once_however_many_of_its_events_are_odd() -> None:
    odd = single(segment_event("teleport"), segment_event("fly"), "enter")

    found = read([odd, odd])

    assert [json.loads(item.excerpt or b"null") for item in found.unreadable] == [odd, None, None] * 2


def test_nothing_that_names_a_person_shows_in_a_repr() -> None:
    found = read([single(segment_event()), single(segment_event("teleport"))])

    assert "ana@" not in repr(found)
    assert len(found.events) == len(found.unreadable) == 1


@given(st.binary())
def test_no_bytes_make_reading_raise(body: bytes) -> None:
    found = read_message(body)

    assert found.is_json or [item.reason for item in found.unreadable] == ["not_json"]


@given(ANY_JSON | NEARLY_A_MESSAGE)
def test_no_json_makes_reading_raise_and_all_of_it_is_accounted_for(value: Any) -> None:
    found = read(value)

    items = value if isinstance(value, list) else [value]
    assert found.is_json
    assert len(found.events) + len(found.unreadable) >= len(items)
    assert all(len(item.excerpt) <= EXCERPT_BYTES for item in found.unreadable)


@given(st.lists(NEARLY_A_MESSAGE | ANY_JSON, max_size=6), st.integers(0, 6))
def test_whatever_its_neighbours_are_a_good_item_is_read(neighbours: list[Any], place: int) -> None:
    marked = single(segment_event(), email="the-good-one@example.org")

    found = read([*neighbours[:place], marked, *neighbours[place:]])

    assert an_event(profile={"email": "the-good-one@example.org", "first_name": "Ana"}) in found.events


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=60).map(lambda raw: raw.translate(None, b'"[]{},\\')), max_size=5))
def test_garbage_between_the_commas_costs_only_itself(garbage: list[bytes]) -> None:
    good = json.dumps(single(segment_event())).encode()

    found = read_message(b"[" + b",".join([*garbage, good]) + b"]")

    assert found.events == (an_event(),)
    assert len(found.unreadable) == len(garbage)


def test_a_batch_of_a_thousand_is_read_in_milliseconds() -> None:
    body = json.dumps([single(segment_event())] * 1_000).encode()
    started = process_time()

    found = read_message(body)

    assert len(found.events) == 1_000
    assert process_time() - started < 0.5


@pytest.mark.parametrize(("kind", "is_in"), [("enter", True), ("exit", False)])
def test_an_event_becomes_one_observation_per_identifier(kind: str, is_in: bool) -> None:
    event = an_event(kind=kind, profile={"email": [" ana@example.org", "a@example.org", "ana@example.org"]})

    seen = observations_of_event(event, field="email", received_ms=RECEIVED_MS)

    assert seen.observations == [
        Observation("ana@example.org", is_in, ENTERED_NS, Source.TRIGGER),
        Observation("a@example.org", is_in, ENTERED_NS, Source.TRIGGER),
    ]
    assert not seen.was_clamped


def test_an_event_without_a_time_is_as_old_as_its_arrival() -> None:
    seen = observations_of_event(an_event(at_ns=None), field="email", received_ms=RECEIVED_MS)

    assert [one.version for one in seen.observations] == [RECEIVED_MS * 10**6]
    assert not seen.was_clamped


@pytest.mark.parametrize("at", ["2026-11-20T11:15:02Z", "9999-12-31T23:59:59.999999999Z"])
def test_a_time_too_far_ahead_becomes_the_arrival_and_says_so(at: str) -> None:
    (event,) = read(single(segment_event(at=at))).events

    seen = observations_of_event(event, field="email", received_ms=RECEIVED_MS)

    assert [one.version for one in seen.observations] == [RECEIVED_MS * 10**6]
    assert seen.was_clamped


def test_a_person_without_the_identifier_gives_no_observation() -> None:
    assert observations_of_event(an_event(), field="phone", received_ms=RECEIVED_MS) == ([], False)


def test_a_change_says_nothing_about_membership() -> None:
    change = an_event(kind="change", at_ns=None)

    assert observations_of_event(change, field="email", received_ms=RECEIVED_MS) == ([], False)
