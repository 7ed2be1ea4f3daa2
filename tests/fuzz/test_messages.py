"""Whatever bytes come as a trigger message, reading it never raises, loses nothing in between, and takes no time."""

import json
import statistics
import time

import pytest
from hypothesis import given, settings

from tests.fuzz.corpus import BODIES, IDENTIFIERS, MEGABYTE, RAW_ITEMS, bodies, items, sound_event
from tools.measuring import Measured
from usher.lytics.triggers import MOST_ITEMS, TriggerMessage, observations_of_event, read_message

SEGMENT = {"id": "0b9d", "slug": "vip"}
SLOWEST_SECONDS = 2.0  # of the processor, on a machine that others use too
MEDIAN_SECONDS = 0.05
FUZZ = settings.get_profile("fuzz")


def members(message: TriggerMessage) -> list[str]:
    seen = [observations_of_event(event, field="email", received_ms=0) for event in message.events]
    return [one.member for sighting in seen for one in sighting.observations]


def beside(item: bytes) -> bytes:
    """Put an item between two that make sense."""
    first, last = (json.dumps(sound_event(SEGMENT, member)).encode() for member in ("first@x.org", "last@x.org"))
    return b"[" + first + b"," + item + b"," + last + b"]"


@given(body=bodies(SEGMENT))
@FUZZ
def test_reading_never_raises_and_nothing_is_dropped_in_between(body: bytes) -> None:
    message = read_message(body)
    assert message.events or message.unreadable or body.strip() in {b"[]", b"\xef\xbb\xbf[]"} or is_blank_array(body)
    for event in message.events:
        for seen in observations_of_event(event, field="email", received_ms=0).observations:
            assert "\0" not in seen.member
            assert len(seen.member.encode()) <= 256


def is_blank_array(body: bytes) -> bool:
    return bytes(byte for byte in body.removeprefix(b"\xef\xbb\xbf") if byte not in b" \t\r\n") == b"[]"


@given(item=items(SEGMENT))
@FUZZ
def test_an_odd_item_never_spoils_its_neighbours(item: bytes) -> None:
    found = members(read_message(beside(item)))
    assert found[0] == "first@x.org"
    assert found[-1] == "last@x.org"


@pytest.mark.parametrize("name", sorted(RAW_ITEMS))
def test_an_item_that_no_writer_should_write_never_spoils_its_neighbours(name: str) -> None:
    message = read_message(beside(RAW_ITEMS[name]))
    assert members(message) == ["first@x.org", "last@x.org"]
    assert message.is_json
    assert len(message.unreadable) == 1


@pytest.mark.parametrize("name", sorted(IDENTIFIERS))
def test_an_odd_identifier_names_somebody_storable_or_nobody(name: str) -> None:
    found = members(read_message(json.dumps(sound_event(SEGMENT, IDENTIFIERS[name])).encode()))
    is_nobody = name in {"a NUL", "a line feed", "257 bytes"}
    assert len(found) == (not is_nobody)


def test_a_batch_of_a_thousand_with_one_odd_item_in_ten_loses_none_of_the_others() -> None:
    odd = sorted(RAW_ITEMS.values(), key=len)[:8]
    sound = [json.dumps(sound_event(SEGMENT, f"p{number}@x.org")).encode() for number in range(900)]
    batch = b"[" + b",".join([*sound, *(odd[number % len(odd)] for number in range(100))]) + b"]"
    assert len(set(members(read_message(batch)))) == 900


def test_more_items_than_anybody_sends_are_one_unreadable_item_and_the_first_are_read() -> None:
    sound = json.dumps(sound_event(SEGMENT, "a@x.org")).encode()
    message = read_message(b"[" + b",".join([sound] * (MOST_ITEMS + 5)) + b"]")
    assert len(message.events) == MOST_ITEMS
    assert [item.reason for item in message.unreadable] == ["too_many"]


def large_bodies() -> dict[str, bytes]:
    profile = sound_event(SEGMENT, "jo@example.org")
    profile["data"] |= {f"field_{number}": "x" * 900 for number in range(MEGABYTE // 1_000)}
    batch = [sound_event(SEGMENT, f"p{number}@example.org") for number in range(1_000)]
    many = {"a profile of a megabyte": json.dumps(profile), "a batch of 1,000": json.dumps(batch)}
    return {name: text.encode() for name, text in many.items()} | BODIES | {k: beside(v) for k, v in RAW_ITEMS.items()}


def test_a_body_of_a_megabyte_at_most_is_read_in_milliseconds(measured: Measured) -> None:
    took: dict[str, float] = {}
    for name, body in large_bodies().items():
        assert len(body) <= 1.1 * MEGABYTE
        began = time.process_time()
        read_message(body)
        took[name] = time.process_time() - began
    measured("fuzz.read_ms_median", 1000 * statistics.median(took.values()))
    measured("fuzz.read_ms_slowest", 1000 * max(took.values()))
    assert statistics.median(took.values()) <= MEDIAN_SECONDS, took
    assert max(took.values()) <= SLOWEST_SECONDS, took
