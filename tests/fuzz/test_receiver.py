"""Whatever bytes arrive where triggers do: 200, 401, 413 or 503, every one counted, and nobody's news is lost."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import BODIES, RAW_ITEMS, bodies, sound_event, texts
from tests.fuzz.house import House
from tools.measuring import Measured
from usher.web.receiver import ANSWERS

SEGMENT = {"id": "vip", "slug": "vip_shoppers"}
FUZZ = settings.get_profile("fuzz")
ALLOWED = {200, 401, 413, 503}


def messages(house: House) -> float:
    registry = house.running.deps.telemetry.registry
    name = "usher_trigger_messages_total"
    return sum(registry.get_sample_value(name, {"answer": word}) or 0.0 for word in ANSWERS)


def triggers(house: House) -> dict[str, Any]:
    token = house.running.tokens["admin"]
    found: dict[str, Any] = house.ask("GET", f"/v2/job/{house.job['id']}/progress", token=token).said["data"]
    counted: dict[str, Any] = found["triggers"]
    return counted


def sound(house: House, member: str) -> bytes:
    audience = house.running.world.audiences.by_slug["vip_shoppers"]
    return json.dumps(sound_event({"id": audience.id, "slug": audience.slug}, member)).encode()


def check_sum(counted: dict[str, Any]) -> None:
    assert counted["received"] == counted["applied"] + sum(counted["ignored"].values()) + counted["unreadable"]


@given(body=st.deferred(lambda: bodies(SEGMENT)))
@FUZZ
def test_an_authenticated_message_is_kept_and_counted_whatever_it_says(house: House, body: bytes) -> None:
    before = messages(house)
    assert house.trigger(body).status == 200
    assert messages(house) == before + 1
    check_sum(triggers(house))


@pytest.mark.parametrize("name", sorted(BODIES) + sorted(RAW_ITEMS))
def test_after_every_message_of_the_corpus_the_next_one_is_applied(house: House, name: str) -> None:
    applied = triggers(house)["applied"]
    assert house.trigger((BODIES | RAW_ITEMS)[name]).status == 200
    assert house.trigger(sound(house, f"{name.replace(' ', '-')}@example.org")).status == 200
    assert triggers(house)["applied"] == applied + 1


@pytest.mark.parametrize("name", sorted(RAW_ITEMS))
def test_a_neighbour_in_the_same_message_is_applied(house: House, name: str) -> None:
    counted = triggers(house)
    body = b"[" + RAW_ITEMS[name] + b"," + sound(house, f"beside-{name.replace(' ', '-')}@example.org") + b"]"
    assert house.trigger(body).status == 200
    after = triggers(house)
    assert after["applied"] == counted["applied"] + 1
    check_sum(after)


@given(body=st.binary(max_size=50), token=texts, path=texts.filter(str.isprintable))
@FUZZ
def test_without_a_valid_token_nothing_is_said_and_nothing_is_kept(
    house: House, body: bytes, token: str, path: str
) -> None:
    before = triggers(house)["received"]
    reply = house.ask("POST", f"/triggers/{path or 'x'}", body, token=token)
    assert reply.status == 401
    assert triggers(house)["received"] == before


def test_no_answer_is_any_other_than_lytics_understands(house: House, measured: Measured) -> None:
    answers = {house.trigger(body).status for body in (BODIES | RAW_ITEMS).values()}
    assert answers <= ALLOWED
    measured("fuzz.corpus", len(BODIES | RAW_ITEMS))
