"""Who may do what: every route, every role; and who needs no token."""

import json

import aiohttp

from tests.web.service import Running
from tests.web.test_web_errors import address, check_shape
from usher.access.roles import Role, allows
from usher.web.callers import is_local, presented_token
from usher.web.routes import ROUTES

ADMINS_ONLY = ("/v2/token", "/trigger-endpoint", "/v2/unreadable", "/v2/audit", "/v2/person", "/v2/alert-channel")


async def test_every_route_lets_its_role_pass_and_nobody_below(usher: Running) -> None:
    for route in ROUTES:
        for role in Role:
            answer = await usher.ask(route.method, address(route.path), role=role)
            if allows(role, route.needs):
                assert answer.status != 403, (route.method, route.path, role)
            else:
                assert (answer.status, answer.codes) == (403, ["FORBIDDEN-026"]), (route.method, route.path, role)
                check_shape(answer)


def test_looking_needs_a_viewer_jobs_an_operator_and_secrets_an_admin() -> None:
    for route in ROUTES:
        is_secret = any(word in route.path for word in ADMINS_ONLY)
        if is_secret or (route.path.startswith(("/v2/auth", "/v2/member")) and route.method != "GET"):
            expected = Role.ADMIN
        elif route.method == "GET" or route.path.endswith("/preview"):
            expected = Role.VIEWER
        else:
            expected = Role.OPERATOR
        assert route.needs == expected, (route.method, route.path)


async def test_every_route_of_the_api_is_in_the_table_of_roles(usher: Running) -> None:
    described = (await usher.ask("GET", "/openapi.json", role=None)).body["paths"]
    served = {(method.upper(), path) for path, item in described.items() if path.startswith("/v2") for method in item}
    assert served == {(route.method, route.path.replace(":path}", "}")) for route in ROUTES}


async def test_a_token_may_come_raw_or_as_a_bearer(usher: Running) -> None:
    token = usher.tokens[Role.VIEWER]
    for header in (token, f"Bearer {token}", f"bearer  {token}"):
        assert (await usher.ask("GET", "/v2/job", role=None, headers={"Authorization": header})).status == 200


async def test_a_revoked_token_is_refused_at_once(usher: Running) -> None:
    made = (await usher.ask("POST", "/v2/token", {"name": "brief", "role": "operator"})).data
    headers = {"Authorization": made["token"]}
    assert (await usher.ask("GET", "/v2/job", role=None, headers=headers)).status == 200
    listed = await usher.ask("GET", "/v2/token")
    assert made["token"] not in listed.text
    assert "brief" in {token["name"] for token in listed.data}
    await usher.ask("DELETE", "/v2/token/brief")
    assert (await usher.ask("GET", "/v2/job", role=None, headers=headers)).status == 401


async def test_whoever_reaches_the_unix_socket_needs_no_token(usher: Running) -> None:
    assert usher.socket.stat().st_mode & 0o777 == 0o600
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(usher.socket))) as local:
        async with local.get("http://usher/v2/token") as reply:
            assert reply.status == 200
        body = json.dumps({"name": "mine", "role": "viewer"})
        async with local.post("http://usher/v2/token", data=body) as reply:
            assert reply.status == 201
        async with local.get("http://usher/metrics") as reply:
            assert reply.status == 200


def test_no_request_by_the_network_counts_as_local() -> None:
    odd = ({}, {"server": None}, {"server": ("host", 80), "client": None}, {"server": ("host", None), "client": None})
    assert not any(is_local(scope) for scope in odd)
    assert not is_local({"server": ("/data/usher.sock", None), "client": ("127.0.0.1", 5)})
    assert is_local({"server": ("/data/usher.sock", None), "client": None})


def test_two_authorization_headers_or_an_endless_one_present_no_token() -> None:
    from starlette.datastructures import Headers

    def given(*values: bytes) -> str | None:
        return presented_token(Headers(raw=[(b"authorization", value) for value in values]))

    assert given(b"Bearer abc") == "abc"
    assert given(b"abc") == "abc"
    assert given() is None
    assert given(b"") is None
    assert given(b"Bearer ") is None
    assert given(b"abc", b"abc") is None
    assert given(b"x" * 10_000) is None
