"""Who may open which page and make which change: every route, every role, for what exists and for what does not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.dashboard.route_rows import ROWS, Row
from tests.dashboard.visiting import PASSWORD, House, Visitor
from tests.web.service import OWNER
from usher.access.entering import sign_in
from usher.access.people import create_person
from usher.access.roles import Role, allows
from usher.access.sessions import list_sessions, session_of
from usher.access.tokens import create_token
from usher.errors import Unauthenticated
from usher.web.dashboard.cookies import SESSION
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.pages import PAGES
from usher.web.dashboard.words import WHO_MAY

GONE = "nobody-made-this"
ENDINGS = {"/sign-out": 1, "/welcome/{token}": 2}  # what ends the visit, so it is asked last


def row_of(route: PageRoute) -> Row:
    return ROWS[f"{route.method} {route.path}"]


@dataclass
class Made:
    """Makes what addresses name, new for each change: it may leave nothing of it."""

    house: House
    kept: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    async def address(self, route: PageRoute) -> str:
        """Return an address of *route* at which everything exists."""
        path = route.path
        for name in re.findall(r"{(\w+)}", path):
            if route.method == "POST" or name not in self.kept:
                self.kept[name] = await self._new(name)
            path = path.replace("{" + name + "}", quote(self.kept[name], safe=""))
        return path

    async def _new(self, name: str) -> str:  # noqa: PLR0911 - one return for each kind of thing
        running, number = self.house.running, next(self.numbers)
        match name:
            case "job_id":
                return str((await running.create_job(mapp_attribute_name=f"attribute_{number}"))["id"])
            case "auth_id":
                config = {"api_url": f"{running.sandbox_url}/lytics", "token": "sandbox-lytics-token"}
                body = {"label": f"label {number}", "config": config}
                return str((await running.ask("POST", "/v2/auth/lytics-token", body)).data["id"])
            case "entry_id":
                await running.trigger(b"no message")
                return str((await running.ask("GET", "/v2/unreadable")).data[0]["id"])
            case "token_id":
                return (await create_token(running.deps.desk, OWNER, name=f"token {number}", role=Role.VIEWER))[0].id
            case "person_id" | "token":
                name_ = f"person{number}@example.org"
                person, link = await create_person(running.deps.desk, OWNER, name=name_, role=Role.VIEWER)
                return person.id if name == "person_id" else link
            case "action":
                return "kill"
            case "type":
                return "webhook"
            case "channel_id":
                hook = {"name": f"hook {number}", "type": "webhook", "config": {"url": f"{running.sandbox_url}/x"}}
                return str((await running.ask("POST", "/v2/alert-channel", hook)).data["id"])
        raise AssertionError(f"the table does not know how to make {name}")


def gone_address(route: PageRoute) -> str:
    return re.sub(r"{\w+}", GONE, route.path)


async def ask(visitor: Visitor, route: PageRoute, path: str) -> tuple[int, str, str]:
    """Ask as a browser would; return status, where it leads and the text (none of a live stream, which never ends)."""
    fields = urlencode(row_of(route).fields)
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Cookie": visitor._cookie()}
    path, body = (f"{path}?{fields}", None) if route.method == "GET" else (path, fields.encode())
    where = visitor.url + path
    async with visitor.http.request(route.method, where, data=body, headers=headers, allow_redirects=False) as reply:
        is_stream = reply.content_type == "text/event-stream"
        return reply.status, reply.headers.get("Location", ""), "" if is_stream else await reply.text()


def is_open_to(role: Role, route: PageRoute) -> bool:
    return route.needs is None or allows(role, route.needs)


async def what_is_kept(house: House) -> dict[str, Any]:
    """Everything that a change would leave a trace in; that somebody asked for a message is noted, and is no change."""
    paths = ("/v2/job?show_all=true", "/v2/auth", "/v2/person")
    found = {path: (await house.running.ask("GET", path)).data for path in paths}
    deeds = (await house.running.ask("GET", "/v2/audit")).data
    found["deeds"] = [deed for deed in deeds if deed["action"] != "unreadable.read"]
    tokens = (await house.running.ask("GET", "/v2/token")).data
    return found | {"tokens": [(one["name"], one["role"]) for one in tokens]}


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert sorted(ROWS) == sorted(f"{route.method} {route.path}" for route in PAGES)
    assert [key for key, row in ROWS.items() if ("{" in key) != (row.gone is not None)] == []


OPEN = frozenset({"/", "/sign-in", "/welcome/{token}", "/theme"})
ADMINS = re.compile(r"/settings/(?!(about|alerts)$)|/authorizations/(new|{auth_id}/)|/members/(erase|lift-erasure)")
OPERATORS = re.compile(r"/jobs/(new|{job_id}/(edit|ask|clone))\b")


def test_looking_needs_a_viewer_jobs_an_operator_and_accounts_an_administrator() -> None:
    for route in PAGES:
        is_change = route.method == "POST"
        if route.path in OPEN:
            expected = None
        elif ADMINS.match(route.path) or (is_change and route.path.startswith("/authorizations")):
            expected = Role.ADMIN
        elif OPERATORS.match(route.path) or (is_change and route.path.startswith("/jobs/")):
            expected = Role.OPERATOR
        else:
            expected = Role.VIEWER
        assert route.needs == expected, (route.method, route.path)


async def test_a_stranger_is_led_to_sign_in_whether_it_exists_or_not(house: House) -> None:
    made, stranger = Made(house), house.stranger()
    closed = [route for route in PAGES if route.needs is not None]
    paths = {path: route for route in closed for path in (await made.address(route), gone_address(route))}
    before, wrong = await what_is_kept(house), []
    for path, route in paths.items():
        status, leads_to, text = await ask(stranger, route, path)
        if route.path.startswith("/live/"):
            is_right = (status, leads_to, text) == (204, "", "")
        else:
            is_right = (status, text) == (303, "") and leads_to.startswith("/sign-in?next=/")
        if not is_right:
            wrong.append((route.method, path, status, leads_to))
    assert wrong == []
    assert await what_is_kept(house) == before


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_whoever_may_not_is_told_who_may_and_not_what_exists(house: House, role: Role) -> None:
    made, visitor = Made(house), await house.visitor(role)
    closed = [route for route in PAGES if not is_open_to(role, route)]
    paths = {path: route for route in closed for path in (await made.address(route), gone_address(route))}
    before, wrong = await what_is_kept(house), []
    for path, route in paths.items():
        status, _, text = await ask(visitor, route, path)
        if status != 403 or f"{WHO_MAY[route.needs]} may do this." not in text:
            wrong.append((route.method, path, status))
    assert len(closed) > 20
    assert wrong == []
    assert await what_is_kept(house) == before


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_may_gets_what_exists(house: House, role: Role) -> None:
    made, visitor, wrong = Made(house), await house.visitor(role), []
    for route in sorted(PAGES, key=lambda route: (route.method, ENDINGS.get(route.path, 0))):
        if is_open_to(role, route):
            status = (await ask(visitor, route, await made.address(route)))[0]
            if status != row_of(route).there:
                wrong.append((route.method, route.path, status))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_may_hears_that_something_does_not_exist_and_changes_nothing(house: House, role: Role) -> None:
    visitor, wrong = await house.visitor(role), []
    before = await what_is_kept(house)
    for route in PAGES:
        if row_of(route).gone is not None and is_open_to(role, route):
            status = (await ask(visitor, route, gone_address(route)))[0]
            if status != row_of(route).gone:
                wrong.append((route.method, route.path, status))
    assert wrong == []
    assert await what_is_kept(house) == before


async def test_nobody_signs_somebody_else_out(house: House) -> None:
    desk = house.running.deps.desk
    viewer, operator = await house.visitor(Role.VIEWER), await house.visitor(Role.OPERATOR)
    mine = await session_of(desk, viewer.cookies[SESSION])
    second = await sign_in(desk, name=mine.actor.name, password=PASSWORD, address="127.0.0.1", browser="another")
    own = next(one.id for one in await list_sessions(desk, mine) if one.id != mine.id)
    theirs = (await session_of(desk, operator.cookies[SESSION])).id
    answers = [await viewer.post("/account/end", {"id": one}) for one in (theirs, GONE, mine.id)]
    assert len({answer.said for answer in answers}) == 1, "nobody learns which sessions exist"
    for token in (operator.cookies[SESSION], viewer.cookies[SESSION], second):
        assert await session_of(desk, token), "still signed in"
    await viewer.post("/account/end", {"id": own})
    with pytest.raises(Unauthenticated):
        await session_of(desk, second)
