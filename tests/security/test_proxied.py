"""What a proxy says is believed of the named ones alone, and a password is taken only where nobody reads along."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.dashboard.visiting import PASSWORD, House, Page, Visitor, visiting
from usher.access.roles import Role
from usher.access.throttle import ONE_GUESSER
from usher.cli.serving import network_socket, served
from usher.web.dashboard.cookies import SESSION

HTTPS = {"X-Forwarded-Proto": "https", "Host": "usher.example.com"}


@pytest.fixture
async def place() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder)) as house:
            await house.visitor(Role.ADMIN)
            yield house


@asynccontextmanager
async def behind(place: House, *, trusted: str) -> AsyncIterator[Visitor]:
    """Somebody whose requests come by a proxy at 127.0.0.1; the service trusts those in *trusted*."""
    listening = network_socket("127.0.0.1", 0)
    async with served(place.running.service.app, [listening], trusted_proxies=trusted):
        port = listening.getsockname()[1]
        yield Visitor(f"http://127.0.0.1:{port}", place.running.http)


async def enter(visitor: Visitor, password: str = PASSWORD, **headers: str) -> Page:
    return await visitor.post("/sign-in", {"name": "admin@example.org", "password": password}, **headers)


def set_cookie(page: Page) -> list[str]:
    """The parts of the session's cookie as the browser is sent it."""
    sent = [one for one in page.headers.getall("Set-Cookie", []) if SESSION in one]
    return [part.strip().lower() for part in sent[0].split(";")] if sent else []


async def test_behind_a_named_proxy_the_session_is_tied_to_its_host_and_to_https(place: House) -> None:
    async with behind(place, trusted="127.0.0.1") as visitor:
        page = await enter(visitor, **HTTPS)
        assert page.status == 303
        name, *parts = set_cookie(page)
        assert name.startswith(f"__host-{SESSION}=")
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(parts)
        assert not any(part.startswith("domain") for part in parts)
        cookie = {"Cookie": f"__Host-{SESSION}={visitor.cookies['__Host-' + SESSION]}"}
        visitor.cookies.clear()
        assert (await visitor.get("/jobs", **HTTPS, **cookie)).status == 200
        planted = {"Cookie": cookie["Cookie"].removeprefix("__Host-")}
        assert (await visitor.get("/jobs", **HTTPS, **planted)).status == 303, "a sister site could set this one"


@pytest.mark.parametrize("trusted", ["", "10.0.0.1", "192.0.2.0/24"], ids=["nobody", "another", "a network"])
async def test_nobody_else_can_say_that_a_request_came_by_https(place: House, trusted: str) -> None:
    async with behind(place, trusted=trusted) as visitor:
        page = await enter(visitor, **HTTPS)
        assert (page.status, set_cookie(page)) == (403, [])
        assert "USHER_TRUSTED_PROXIES" in page.words
        assert "USHER_TRUSTED_PROXIES" in (await visitor.get("/sign-in", **HTTPS)).words, "said before anybody types"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080", "127.1.2.3"])
async def test_on_the_machine_itself_plain_http_does(place: House, host: str) -> None:
    async with behind(place, trusted="") as visitor:
        page = await enter(visitor, Host=host)
        assert page.status == 303
        assert set_cookie(page)[0].startswith(f"{SESSION}=")
        assert "httponly" in set_cookie(page)


@pytest.mark.parametrize(
    "host", ["usher.example.com", "10.0.0.5:8080", "127.0.0.1.evil.example", "localhost.evil.example", "1127.0.0.1"]
)
async def test_a_password_is_not_taken_over_plain_http_from_elsewhere(place: House, host: str) -> None:
    """A name that an attacker turned to 127.0.0.1 is refused as well: the browser still says that name."""
    async with behind(place, trusted="") as visitor:
        assert (await enter(visitor, Host=host)).status == 403
        assert set_cookie(await visitor.post("/welcome/x", {"password": PASSWORD}, Host=host)) == []


async def test_a_caller_cannot_choose_the_address_by_which_guesses_are_counted(place: House) -> None:
    async with behind(place, trusted="") as visitor:
        tries = [
            await enter(visitor, "wrong password", **{"X-Forwarded-For": f"192.0.2.{number}", "Host": "localhost"})
            for number in range(ONE_GUESSER.free + 1)
        ]
        assert [page.status for page in tries] == [400] * ONE_GUESSER.free + [429]


async def test_behind_a_named_proxy_the_caller_is_whom_the_proxy_saw_and_not_whom_the_caller_names(
    place: House,
) -> None:
    async with behind(place, trusted="127.0.0.1") as visitor:
        tries = [
            await enter(visitor, "wrong password", **HTTPS, **{"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.7"})
            for number in range(ONE_GUESSER.free + 1)
        ]
        assert [page.status for page in tries] == [400] * ONE_GUESSER.free + [429]
        await place.running.deps.desk.database.write(
            lambda txn: txn.conn.exec_driver_sql("DELETE FROM sign_in_failures")
        )
        elsewhere = [
            await enter(visitor, "wrong password", **HTTPS, **{"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(ONE_GUESSER.free)
        ]
        assert {page.status for page in elsewhere} == {400}


async def test_a_forwarded_host_moves_nobody_and_no_request_becomes_a_local_one(place: House) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=127.0.0.1;proto=https;host=evil.example",
        "X-Real-IP": "127.0.0.1",
        "X-Original-URL": "/v2/token",
        "X-Rewrite-URL": "/v2/token",
    }
    async with behind(place, trusted="127.0.0.1") as visitor:
        page = await visitor.get("/jobs", **HTTPS, **forged)
        assert (page.status, page.leads_to.startswith("/sign-in")) == (303, True)
        assert "evil" not in page.text + str(page.headers)
        assert (await visitor.get("/v2/token", **HTTPS, **forged)).status == 401
        assert (await visitor.get("/metrics", **HTTPS, **forged)).status == 401
