"""Whatever is sent to the API as a body or as a cursor: an answer in the one shape, and never a fault of ours."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import BODIES, IDENTIFIERS, RAW_ITEMS, texts, values
from tests.fuzz.house import House, Reply
from usher.web.routes import ROUTES

FUZZ = settings.get_profile("fuzz")
TAKING = [route for route in ROUTES if route.takes is not None]
LISTS = ["/v2/job", "/v2/job/{}/members", "/v2/job/{}/logs", "/v2/unreadable", "/v2/audit"]
DEPTHS = [1, 100, 200, 300, 400, 500, 900, 1_000, 1_100, 5_000, 200_000]
PREVIEW = "/v2/job/mapp-trigger-export/preview"


def ask(house: House, method: str, path: str, body: bytes = b"", *, query: bytes = b"") -> Reply:
    return house.ask(method, path, body, query=query, token=house.running.tokens["admin"])  # type: ignore[index]


def filled(path: str) -> str:
    for name in ("job_id", "auth_id", "workflow", "auth_type", "name:path", "name", "member:path"):
        path = path.replace(f"{{{name}}}", "x")
    return path


def check(reply: Reply) -> None:
    assert reply.status < 500, reply.body[:500]
    assert reply.said["status"] == reply.status
    assert ("errors" in reply.said) == (reply.status >= 400)


@pytest.mark.parametrize("route", TAKING, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_that_takes_a_body_refuses_the_corpus_in_the_one_shape(house: House, route: Any) -> None:
    bodies = {**BODIES, **RAW_ITEMS}
    for name in sorted(bodies):
        reply = ask(house, route.method, filled(route.path), bodies[name])
        check(reply)
        assert reply.status >= 400 or name in {"nothing", "blanks"} or "preview" in route.path, name


@given(body=values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80))
@FUZZ
def test_a_preview_of_anything_has_the_one_shape(house: House, body: bytes) -> None:
    check(ask(house, "POST", PREVIEW, body))


@given(config=st.dictionaries(texts, values, max_size=4), name=values, auth_ids=values)
@FUZZ
def test_a_job_of_odd_parts_is_refused_field_by_field(house: House, config: Any, name: Any, auth_ids: Any) -> None:
    body = {"name": name, "auth_ids": auth_ids, "config": config}
    reply = ask(house, "POST", "/v2/job/mapp-trigger-export", json.dumps(body).encode())
    check(reply)
    assert reply.status == 400


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_body_of_any_depth_is_no_fault_of_ours(house: House, depth: int) -> None:
    for body in (b'{"name":' + b"[" * depth + b"]" * depth + b"}", b'{"a":' * depth + b"1" + b"}" * depth):
        check(ask(house, "POST", PREVIEW, body))
        check(ask(house, "POST", "/v2/person", body))


@pytest.mark.parametrize("path", LISTS)
@given(cursor=texts | st.integers().map(str))
@example(cursor="9" * 19)
@example(cursor="\u0661")
@example(cursor="\0")
@FUZZ
def test_a_cursor_leads_to_a_page_or_is_refused(house: House, path: str, cursor: str) -> None:
    reply = ask(house, "GET", path.format(house.job["id"]), query=f"cursor={quote(cursor)}".encode())
    check(reply)
    assert reply.status in {200, 400, 404}


@pytest.mark.parametrize("name", sorted(IDENTIFIERS))
def test_nobody_s_name_is_too_odd_to_be_asked_for(house: House, name: str) -> None:
    for path in (f"/v2/member/{IDENTIFIERS[name]}", f"/v2/job/{house.job['id']}/members/{IDENTIFIERS[name]}"):
        reply = ask(house, "GET", path)
        check(reply)
        assert reply.status in {200, 400, 404}
