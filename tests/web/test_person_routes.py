"""People over REST: admins invite them, and no cookie opens the API."""

import json

import aiohttp
import pytest
from starlette.requests import Request

from tests.web.service import Running
from tests.web.test_web_errors import check_shape
from usher.access.entering import sign_in, use_link
from usher.access.links import first_link, open_link
from usher.access.roles import Role
from usher.access.throttle import ONE_GUESSER
from usher.errors import TooSoon, Unauthenticated
from usher.web.failures import usher_error

GOOD = "four brown foxes jumped"


async def invite(usher: Running, name: str = "Bo", role: str = "operator") -> dict[str, object]:
    found: dict[str, object] = (await usher.ask("POST", "/v2/person", {"name": name, "role": role})).data
    return found


async def test_an_invitation_s_link_is_shown_once(usher: Running) -> None:
    answer = await usher.ask("POST", "/v2/person", {"name": " Bo ", "role": "operator"})
    assert (answer.status, answer.data["name"], answer.data["can_sign_in"]) == (201, "Bo", False)
    base, _, token = answer.data["link"].rpartition("/")

    assert base == f"{usher.url}/welcome"
    assert (await open_link(usher.deps.desk, token)).name == "Bo"
    listed = await usher.ask("GET", "/v2/person")
    assert [person["name"] for person in listed.data] == ["Bo"]
    assert "link_until" in listed.data[0]
    assert token not in listed.text


async def test_a_reset_answers_with_a_new_link(usher: Running) -> None:
    first = await invite(usher)
    again = (await usher.ask("POST", "/v2/person/bo/reset")).data

    assert again["name"] == "Bo"
    assert again["link"] != first["link"]


async def test_a_role_changes_and_a_person_goes(usher: Running) -> None:
    await invite(usher)
    assert (await usher.ask("PUT", "/v2/person/BO", {"role": "viewer"})).data["role"] == "viewer"
    assert (await usher.ask("DELETE", "/v2/person/bo")).status == 200
    assert (await usher.ask("GET", "/v2/person")).data == []
    audit = (await usher.ask("GET", "/v2/audit")).data
    assert [(one["action"], one["actor"]) for one in audit[:3]] == [
        (f"person.{action}", "admin") for action in ("remove", "role", "create")
    ]


async def test_a_name_may_hold_what_addresses_are_made_of(usher: Running) -> None:
    name = "a/b%?#../reset"
    await invite(usher, name)
    path = "/v2/person/a%2Fb%25%3F%23..%2Freset"
    assert (await usher.ask("POST", f"{path}/reset")).data["name"] == name
    assert (await usher.ask("PUT", path, {"role": "admin"})).data["role"] == "admin"
    assert (await usher.ask("DELETE", path)).status == 200


async def test_what_is_wrong_is_named(usher: Running) -> None:
    await invite(usher)
    cases = (
        ("POST", "/v2/person", {"name": "", "role": "king"}, 400, ["name", "role"]),
        ("POST", "/v2/person", {"name": "Cy", "role": "viewer", "password": "x"}, 400, ["password"]),
        ("POST", "/v2/person", {"name": 1, "role": ["viewer"]}, 400, ["name", "role"]),
        ("POST", "/v2/person", {}, 400, ["name", "role"]),
        ("POST", "/v2/person", {"name": "BO", "role": "viewer"}, 409, [""]),
        ("PUT", "/v2/person/bo", {"role": "king"}, 400, ["role"]),
        ("PUT", "/v2/person/bo", {"role": "viewer", "name": "x"}, 400, ["name"]),
        ("PUT", "/v2/person/nobody", {"role": "viewer"}, 404, [""]),
        ("POST", "/v2/person/nobody/reset", None, 404, [""]),
        ("DELETE", "/v2/person/nobody", None, 404, [""]),
    )
    for method, path, body, status, fields in cases:
        answer = await usher.ask(method, path, body)
        assert (answer.status, answer.fields) == (status, fields), (method, path, body)
        check_shape(answer)
    assert (await usher.ask("DELETE", "/v2/person/nobody")).codes == ["USER-NOTFOUND-023"]


async def test_the_last_admin_stays(usher: Running) -> None:
    desk = usher.deps.desk
    token = await first_link(desk)
    assert token is not None
    await use_link(desk, token, name="Anna", password=GOOD, browser="")

    for method, body in (("DELETE", None), ("PUT", {"role": "viewer"})):
        answer = await usher.ask(method, "/v2/person/anna", body)
        assert answer.status == 409
        assert "last administrator" in answer.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_nobody_below_an_admin_sees_who_there_is(usher: Running, role: Role) -> None:
    assert (await usher.ask("GET", "/v2/person", role=role)).status == 403


async def test_a_session_is_no_token_wherever_it_is_presented(usher: Running) -> None:
    desk = usher.deps.desk
    token = await first_link(desk)
    assert token is not None
    session = await use_link(desk, token, name="Anna", password=GOOD, browser="")

    headers = [{"Authorization": session}, {"Authorization": f"Bearer {session}"}]
    headers += [{"Cookie": f"{name}={session}"} for name in ("session", "usher_session", "__Host-usher", "usher")]
    for given in headers:
        assert (await usher.ask("GET", "/v2/job", role=None, headers=given)).status == 401


async def test_by_the_socket_a_link_names_where_the_service_usually_is(usher: Running) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(usher.socket))) as local:
        body = json.dumps({"name": "Bo", "role": "viewer"})
        async with local.post("http://usher/v2/person", data=body) as reply:
            made = (await reply.json())["data"]
    assert made["link"].startswith("http://127.0.0.1:8080/welcome/")
    assert made["created_by"] == "local operator"


async def test_whoever_comes_too_soon_is_told_how_long_to_wait(usher: Running) -> None:
    desk = usher.deps.desk
    for _ in range(ONE_GUESSER.free):
        with pytest.raises(Unauthenticated):
            await sign_in(desk, name="x", password="y", address="", browser="")
    with pytest.raises(TooSoon) as caught:
        await sign_in(desk, name="x", password="y", address="", browser="")

    scope = {"type": "http", "app": usher.service.app, "path": "/", "headers": [], "state": {"request_id": "1"}}
    answer = await usher_error(Request(scope), caught.value)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
