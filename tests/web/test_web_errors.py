"""Every failure, whatever its cause, has the one shape, the right code, and no traceback."""

import json
from typing import Any

import pytest
from starlette.routing import Route

from tests.web.service import EXPORT, Answer, Running, running_service
from usher.cli.serving import network_socket
from usher.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Problem,
    RemoteMissing,
    RemoteRefused,
    RemoteRejected,
    RemoteUnknown,
    RemoteUnreachable,
    Unauthenticated,
    Unavailable,
    UsherError,
)
from usher.web.failures import STATUS, CodedNotFound, TooLarge, _by_type, troubles_of
from usher.web.routes import ROUTES


def check_shape(answer: Answer) -> None:
    body = answer.body
    assert set(body) == {"status", "request_id", "errors"}, answer.text
    assert body["status"] == answer.status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["errors"]
    for error in body["errors"]:
        assert {"code", "level", "message", "timestamp"} <= set(error)
        assert error["level"] == "error"
        assert error["message"]
    assert "Traceback" not in answer.text


def address(path: str) -> str:
    """A route's template with something in each place."""
    return path.replace("{member:path}", "a%2Fb").replace("{name:path}", "x").replace("{", "").replace("}", "")


async def test_without_a_token_every_route_answers_401_in_the_one_shape(usher: Running) -> None:
    for route in ROUTES:
        for headers in ({}, {"Authorization": "wrong"}, {"Authorization": "Bearer "}, {"Authorization": "Basic eDp5"}):
            answer = await usher.ask(route.method, address(route.path), role=None, headers=headers)
            assert answer.status == 401, route.path
            check_shape(answer)
            assert answer.codes == ["UNAUTHORIZED-017"]
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_what_is_not_there_answers_with_lytics_own_code_for_it(usher: Running) -> None:
    token = {"name": "t"}
    cases: list[tuple[str, str, Any, int, str]] = [
        ("GET", "/v2/job/nope", None, 404, "JOB-NOTFOUND-004"),
        ("POST", "/v2/job/nope/pause", None, 404, "JOB-NOTFOUND-004"),
        ("GET", "/v2/job/nope/members/x", None, 404, "JOB-NOTFOUND-004"),
        ("GET", "/v2/auth/nope", None, 404, "AUTH-NOTFOUND-006"),
        ("POST", "/v2/auth/nope/test", None, 404, "AUTH-NOTFOUND-006"),
        ("POST", "/v2/auth/some-kind", {}, 404, "AUTHTYPE-NOTFOUND-007"),
        ("POST", "/v2/job/some-workflow", {}, 404, "WF-NOTFOUND-005"),
        ("PUT", "/v2/job/some-workflow/x", {}, 404, "WF-NOTFOUND-005"),
        ("GET", "/v2/schema/content/field", None, 404, "TABLE-NOTFOUND-009"),
        ("GET", "/v2/segment/nope", None, 404, "PROVIDER-NOTFOUND-016"),
        ("DELETE", "/v2/token/nope", None, 404, "NOTFOUND-003"),
        ("GET", "/v2/nothing", None, 404, "NOTFOUND-003"),
        ("GET", "/v2/job/", None, 404, "NOTFOUND-003"),
        ("GET", "/nowhere", None, 404, "NOTFOUND-003"),
        ("PATCH", "/v2/job", None, 405, "BADREQ-001"),
        ("GET", "/triggers/x", None, 405, "BADREQ-001"),
        ("POST", EXPORT, {"name": "x", "config": {}}, 400, "JOB-BADREQ-002"),
        ("POST", "/v2/auth/lytics-token", {"label": "x"}, 400, "AUTH-BADREQ-008"),
        ("POST", "/v2/token", token | {"odd": 1}, 400, "BADREQ-001"),
        ("POST", "/v2/token", token | {"role": "king"}, 400, "BADREQ-001"),
        ("POST", "/v2/token", token | {"expires_days": "1"}, 400, "BADREQ-001"),
        ("GET", "/v2/job?show_all=perhaps", None, 400, "BADREQ-001"),
        ("GET", "/v2/job?show_state=nonsense", None, 400, "JOB-BADREQ-002"),
        ("GET", "/v2/job?cursor=abc", None, 400, "JOB-BADREQ-002"),
        ("GET", "/v2/audit?cursor=abc", None, 400, "BADREQ-001"),
        ("GET", "/v2/unreadable/nope", None, 404, "NOTFOUND-003"),
        ("GET", "/v2/unreadable/7", None, 404, "NOTFOUND-003"),
        ("GET", "/v2/job/x/members?cursor=abc", None, 400, "JOB-BADREQ-002"),
    ]
    for method, path, body, status, code in cases:
        answer = await usher.ask(method, path, body)
        assert (answer.status, answer.codes[0]) == (status, code), (method, path, answer.text)
        check_shape(answer)


NOT_AN_OBJECT = {
    "half": b"{",
    "list": b"[]",
    "text": b'"text"',
    "no UTF-8": b"\xff\xfe",
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "NaN": b'{"name": NaN}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "UTF-16": json.dumps({"name": "x"}).encode("utf-16"),
}


async def test_a_body_that_is_no_json_object_is_named_as_that(usher: Running) -> None:
    for name, body in NOT_AN_OBJECT.items():
        answer = await usher.ask("POST", EXPORT, body)
        assert (answer.status, answer.codes) == (400, ["JSON-BADREQ-025"]), name
        check_shape(answer)


@pytest.mark.parametrize(
    "body",
    [{"name": "a\0"}, {"a\0": 1}, {"config": {"group_id": "\0"}}, {"auth_ids": ["x", "\0"]}],
    ids=["text", "key", "deep", "list"],
)
async def test_a_body_that_holds_nul_is_refused(usher: Running, body: Any) -> None:
    answer = await usher.ask("POST", EXPORT, body)
    assert (answer.status, answer.codes) == (400, ["JSON-BADREQ-025"])
    assert "NUL" in answer.text


@pytest.mark.parametrize(
    "path", ["/v2/job/%00", "/v2/job?workflow=%00", "/v2/member/a%00b", "/v2/audit?cursor=%00", "/v2/segment/x?%00"]
)
async def test_an_address_that_holds_nul_leads_nowhere(usher: Running, path: str) -> None:
    answer = await usher.ask("GET", path)
    assert (answer.status, "NUL" in answer.text) == (404, True)
    check_shape(answer)
    assert (await usher.ask("GET", path, role=None)).status == 401


async def test_a_body_beyond_the_limit_is_refused(usher: Running) -> None:
    answer = await usher.ask("POST", EXPORT, json.dumps({"name": "x" * 1_100_000}).encode())
    assert answer.status == 413
    check_shape(answer)


async def test_an_unexpected_fault_says_nothing_of_itself(tmp_path: Any) -> None:
    def break_it(app: Any) -> Any:
        async def fail(request: Any) -> None:
            raise ZeroDivisionError("secret detail")

        app.router.routes.insert(0, Route("/broken", fail))
        return app

    async with running_service(tmp_path, wrap=break_it) as usher:
        answer = await usher.ask("GET", "/broken")
        assert (answer.status, answer.codes) == (500, ["INTERNAL-019"])
        check_shape(answer)
        assert "secret detail" not in answer.text


async def test_a_database_that_cannot_answer_is_503_with_a_time_to_come_back(usher: Running) -> None:
    await usher.service.store.database.close()
    for path in ("/v2/job", "/readyz"):
        answer = await usher.ask("GET", path)
        assert answer.status == 503
        check_shape(answer)
        assert int(answer.headers["Retry-After"]) > 0
    assert (await usher.ask("GET", "/healthz", role=None)).status == 200


async def test_a_vendor_that_cannot_be_reached_is_not_our_callers_fault(usher: Running) -> None:
    with network_socket("127.0.0.1", 0) as nobody:  # bound, but nobody listens
        port = nobody.getsockname()[1]
    config = {"api_url": f"http://127.0.0.1:{port}/lytics", "token": "x"}
    other = (await usher.ask("POST", "/v2/auth/lytics-token", {"label": "dead", "config": config})).data
    answer = await usher.ask("GET", f"/v2/segment?auth_id={other['id']}")
    assert (answer.status, answer.codes) == (503, ["PROVIDER-BADREQ-015"])
    check_shape(answer)
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput(Problem("a", "b", "c")), 400),
        (Unauthenticated(), 401),
        (Forbidden(), 403),
        (NotFound(), 404),
        (CodedNotFound("x", code="WF-NOTFOUND-005"), 404),
        (Conflict(), 409),
        (Unavailable(), 503),
        (RemoteUnreachable(), 503),
        (RemoteUnknown(), 502),
        (RemoteRefused(), 400),
        (RemoteRejected(), 400),
        (RemoteMissing(), 404),
        (UsherError(), 500),
        (TooLarge(), 500),  # its 413 is picked before the table is asked
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_kind_of_error_has_its_status(error: UsherError, status: int) -> None:
    assert _by_type(error, STATUS, 0) == status
    for area in ("job", "auth", ""):
        assert all(trouble.code and trouble.message for trouble in troubles_of(error, area=area))


def test_every_problem_is_an_error_of_its_own_that_names_its_field() -> None:
    problems = [Problem("a", "is odd.", "Mend it."), Problem("b.c", "is odd too.", "Mend that.")]
    found = troubles_of(InvalidInput(*problems), area="job")
    assert [(t.code, t.field, t.message) for t in found] == [
        ("JOB-BADREQ-002", "a", "a: is odd. Mend it."),
        ("JOB-BADREQ-002", "b.c", "b.c: is odd too. Mend that."),
    ]
