"""Nothing that the service answers is open by mistake: every route of the application says who may use it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import text
from starlette.routing import BaseRoute

from tests.dashboard.visiting import PASSWORD, House, visiting
from tests.web.service import OWNER, Answer
from tests.web.test_web_errors import address
from tools.measuring import Measured
from usher.access.entering import use_link
from usher.access.people import create_person, remove_person
from usher.access.roles import Role, allows
from usher.access.sessions import end_all, session_of
from usher.access.tokens import create_token, revoke_token
from usher.web.bare_route import BareRoute
from usher.web.dashboard.cookies import SESSION
from usher.web.dashboard.pages import PAGES
from usher.web.routes import ROUTES

# Who need show nothing, or something of their own kind; each stands here because somebody decided so.
ON_PURPOSE = {
    "POST /triggers/{auth_id:path}": "its own token, judged before the body",
    "GET /healthz": "says that the process answers, and nothing else",
    "GET /readyz": "says that the database answers, and the version",
    "GET /metrics": "a viewer's token, judged by the handler",
    "GET /openapi.json": "the surface, which is published",
    "GET /static/{stamp}/{name:path}": "files of the package",
}
SENSELESS = ("PATCH", "TRACE", "PROPFIND", "OPTIONS")


@pytest.fixture
async def place() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder)) as house:
            await house.running.authorize()
            yield house


def declared() -> dict[str, Role | None]:
    """Every route that says which role it needs; None for pages that need nobody."""
    found: dict[str, Role | None] = {f"{route.method} {route.path}": route.needs for route in ROUTES}
    return found | {f"{route.method} {route.path}": route.needs for route in PAGES}


def named(routes: list[BaseRoute]) -> set[str]:
    """Every method and path that *routes* answer to."""
    found = set()
    for route in routes:
        path = str(getattr(route, "path", repr(route)))
        methods = set(getattr(route, "methods", None) or {"ANY"}) - {"HEAD"}
        found |= {f"{method} {path}" for method in methods}
    return found


def undeclared(routes: list[BaseRoute]) -> set[str]:
    return named(routes) - set(declared()) - set(ON_PURPOSE)


async def test_every_route_of_the_application_says_who_may_use_it(place: House, measured: Measured) -> None:
    routes = place.running.service.app.router.routes  # type: ignore[attr-defined]
    assert undeclared(routes) == set()
    assert set(declared()) | set(ON_PURPOSE) == named(routes)
    assert declared().keys() & ON_PURPOSE.keys() == set()
    measured("security.routes", len(named(routes)))


def test_a_new_route_without_a_role_would_be_found() -> None:
    async def nothing(request: Any) -> Any:
        return request

    assert undeclared([BareRoute("/v2/forgotten", nothing, methods=["POST"])]) == {"POST /v2/forgotten"}


@dataclass(frozen=True)
class Caller:
    """Somebody whom nothing should be shown to."""

    name: str
    headers: dict[str, str]


async def nobodies(place: House) -> list[Caller]:
    """Whoever presents something that is not valid, or not valid here, or not valid any more."""
    running, desk = place.running, place.running.deps.desk
    _, revoked = await create_token(desk, OWNER, name="revoked", role=Role.ADMIN)
    await revoke_token(desk, OWNER, name="revoked")
    _, expired = await create_token(desk, OWNER, name="expired", role=Role.ADMIN, expires_days=1)
    await desk.database.write(
        lambda txn: txn.conn.execute(text("UPDATE api_tokens SET expires_ms = 1 WHERE name = 'expired'"))
    )
    admin = await place.visitor(Role.ADMIN)
    return [
        Caller("nobody", {}),
        Caller("revoked token", {"Authorization": revoked}),
        Caller("expired token", {"Authorization": f"Bearer {expired}"}),
        Caller("trigger token", {"Authorization": f"Bearer {await running.trigger_token()}"}),
        Caller("session as a token", {"Authorization": f"Bearer {admin.cookies[SESSION]}"}),
        Caller("session's cookie at the API", {"Cookie": f"{SESSION}={admin.cookies[SESSION]}"}),
        Caller("beginning of a token", {"Authorization": running.tokens[Role.ADMIN][:-1]}),
        Caller("longer token", {"Authorization": running.tokens[Role.ADMIN] + "x"}),
        Caller("token as a password", {"Authorization": f"Basic {running.tokens[Role.ADMIN]}"}),
    ]


async def test_whoever_has_nothing_valid_gets_nothing_from_any_route_of_the_api(
    place: House, measured: Measured
) -> None:
    wrong, cells = [], 0
    callers = await nobodies(place)
    for route in (*ROUTES, None):
        method, path = ("GET", "/metrics") if route is None else (route.method, address(route.path))
        for caller in callers:
            answer = await place.running.ask(method, path, role=None, headers=caller.headers)
            cells += 1
            if (answer.status, answer.codes) != (401, ["UNAUTHORIZED-017"]):
                wrong.append((caller.name, method, path, answer.status))
    assert wrong == []
    measured("security.refused_requests", cells)


async def signed_in(place: House, name: str) -> str:
    """Return the token of a session of a new administrator's."""
    desk = place.running.deps.desk
    _, link = await create_person(desk, OWNER, name=name, role=Role.ADMIN)
    return await use_link(desk, link, name="", password=PASSWORD, browser="a test")


async def ended_sessions(place: House) -> dict[str, str]:
    """Sessions of administrators that are over, each in its own way."""
    desk = place.running.deps.desk
    found = {way: await signed_in(place, way) for way in ("expired", "idle", "ended", "removed", "ender")}
    begun = {way: await session_of(desk, token) for way, token in found.items()}
    for way, change in (("expired", "expires_ms = 1"), ("idle", "seen_ms = 1")):
        statement = text(f"UPDATE sessions SET {change} WHERE id = '{begun[way].id}'")
        await desk.database.write(lambda txn, statement=statement: txn.conn.execute(statement))
    await end_all(desk, begun["ender"], person_id=begun["ended"].person_id)
    await remove_person(desk, OWNER, name="removed")
    del found["ender"]
    return found


async def test_a_session_that_is_over_opens_no_page(place: House) -> None:
    running, wrong = place.running, []
    tokens = await ended_sessions(place)
    tokens |= {"API token": running.tokens[Role.ADMIN], "nothing": "", "long": "x" * 8_000}
    for way, token in tokens.items():
        headers = {"Cookie": f"{SESSION}={token}", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        for route in PAGES:
            if route.needs is None:
                continue
            path = re.sub(r"{\w+}", "x", route.path)
            answer: Answer = await running.ask(route.method, path, role=None, headers=headers, allow_redirects=False)
            if (answer.status, answer.text) not in {(303, ""), (204, "")}:
                wrong.append((way, route.method, route.path, answer.status))
    assert wrong == []


async def test_a_token_opens_no_page_and_no_stream(place: House) -> None:
    headers = {"Authorization": place.running.tokens[Role.ADMIN], "Accept": "text/html"}
    for path in ("/jobs", "/live/jobs", "/settings/people"):
        answer = await place.running.ask("GET", path, role=None, headers=headers, allow_redirects=False)
        assert answer.status in {303, 204}, path


async def test_what_no_route_names_is_refused_whatever_the_method(place: House) -> None:
    """A method that is not named answers 405, and 404 where there is nothing; no word is taken for another."""
    for route in ROUTES:
        for method in SENSELESS:
            answer = await place.running.ask(method, address(route.path))
            assert answer.status in {404, 405}, (method, route.path)
    for path in ("/v2", "/v2/", "/V2/job", "/v2/job/", "//v2/job", "/v2//job", "/docs", "/redoc", "/debug", "/.env"):
        assert (await place.running.ask("GET", path)).status in {404, 405}, path


async def test_a_mistyped_method_never_counts_as_another(place: House) -> None:
    job = await place.running.create_job()
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    path = f"/v2/job/{job['id']}"
    answer = await place.running.ask("GET", f"{path}?_method=DELETE", role=Role.VIEWER, headers=headers)
    assert (answer.status, answer.data["id"]) == (200, job["id"])
    assert (await place.running.ask("GET", path)).data["status"] == job["status"]


async def test_a_viewer_learns_no_identifier_from_any_route(place: House) -> None:
    """Every address that a viewer may read, with a member in the job: pages, files, streams left out, and the API."""
    running = place.running
    job = await running.create_job()
    assert (await running.trigger(running.event("canary.person@example.com"))).status == 200
    auth_id = running.made["mapp"]
    names = {"job_id": job["id"], "auth_id": auth_id, "member:path": "ca", "id_or_slug": "vip_shoppers"}
    names |= {"table": "user", "auth_type": "integration-secret", "token": "x"}
    viewer, shown = await place.visitor(Role.VIEWER), []
    for route in (*ROUTES, *PAGES):
        is_stream = route.path.startswith("/live/")
        if route.method != "GET" or is_stream or not (route.needs and allows(Role.VIEWER, route.needs)):
            continue
        path = re.sub(r"{([\w:]+)}", lambda found: names.get(found[1], "x"), route.path)
        text_ = (
            (await running.ask("GET", path, role=Role.VIEWER)).text
            if path.startswith("/v2")
            else (await viewer.get(path)).text
        )
        if "canary.person" in text_:
            shown.append(path)
    assert shown == []
    clear = await running.ask("GET", f"/v2/job/{job['id']}/members", role=Role.OPERATOR)
    assert "canary.person@example.com" in clear.text, "operators see it, so it was there to be seen"
