"""Live streams: whom they end for, how many there may be, and what counts as the same page."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from starlette.requests import Request

from tests.dashboard.visiting import House, Visitor
from tests.web.service import OWNER, until
from usher.access.people import change_role, remove_person
from usher.access.roles import Role
from usher.access.sessions import end_all, session_of
from usher.web.dashboard.cookies import SESSION
from usher.web.dashboard.live import narrowed
from usher.web.dashboard.visit import Visit

OPERATOR = "operator@example.org"


async def opened(house: House, stack: AsyncExitStack, path: str, visitor: Visitor) -> aiohttp.ClientResponse:
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())}
    asked = house.running.http.get(house.running.url + path, headers=cookie)
    return await stack.enter_async_context(asked)


async def sign_out(house: House) -> None:
    assert (await (await house.visitor(Role.OPERATOR)).post("/sign-out")).status == 303


async def demote(house: House) -> None:
    await change_role(house.running.deps.desk, OWNER, name=OPERATOR, role=Role.VIEWER)


async def remove(house: House) -> None:
    await remove_person(house.running.deps.desk, OWNER, name=OPERATOR)


async def end_sessions(house: House) -> None:
    desk, admin = house.running.deps.desk, await house.visitor()
    whose = await session_of(desk, (await house.visitor(Role.OPERATOR)).cookies[SESSION])
    await end_all(desk, await session_of(desk, admin.cookies[SESSION]), person_id=whose.person_id)


ENDINGS: list[Callable[[House], Awaitable[None]]] = [sign_out, demote, remove, end_sessions]


@pytest.mark.parametrize("end", ENDINGS)
async def test_a_stream_ends_within_two_rounds_of_what_ends_its_right(
    house: House, end: Callable[[House], Awaitable[None]]
) -> None:
    admin, visitor = await house.visitor(), await house.visitor(Role.OPERATOR)
    async with AsyncExitStack() as stack:
        theirs = await opened(house, stack, "/live/jobs", Visitor(visitor.url, visitor.http, dict(visitor.cookies)))
        others = await opened(house, stack, "/live/jobs", admin)
        await theirs.content.readuntil(b"event: sums")
        await end(house)
        async with asyncio.timeout(5):
            await theirs.content.read()
        assert not others.content.at_eof(), "nobody else's ends"


async def test_a_stream_goes_on_while_its_session_does(house: House) -> None:
    visitor = await house.visitor(Role.OPERATOR)
    async with AsyncExitStack() as stack:
        stream = await opened(house, stack, "/live/jobs", visitor)
        await stream.content.readuntil(b"event: sums")
        await house.running.create_job()
        async with asyncio.timeout(5):
            await stream.content.readuntil(b"VIP")


async def test_one_too_many_of_a_session_or_in_all_is_refused_and_told_when_to_try_again(house: House) -> None:
    room, visitor = house.running.deps.live, await house.visitor(Role.OPERATOR)
    room._limits = (3, 2)
    async with AsyncExitStack() as stack:
        mine = [await opened(house, stack, "/live/jobs", visitor) for _ in range(3)]
        assert [one.status for one in mine] == [200, 200, 429]
        theirs = [await opened(house, stack, "/live/jobs", await house.visitor()) for _ in range(2)]
        assert [one.status for one in theirs] == [200, 503]
        assert [one.headers["Retry-After"] for one in (mine[2], theirs[1])] == ["5", "5"]
    await until(lambda: room.sessions == [])
    async with AsyncExitStack() as stack:
        assert (await opened(house, stack, "/live/jobs", visitor)).status == 200


async def test_a_stream_of_nothing_keeps_no_seat(house: House) -> None:
    visitor = await house.visitor()
    async with AsyncExitStack() as stack:
        assert (await opened(house, stack, f"/live/jobs/{'0' * 32}", visitor)).status == 404
    assert house.running.deps.live.sessions == []


@pytest.mark.parametrize(
    ("asked", "here"),
    [
        ("", "/live/jobs/1"),
        ("x=1&y=2", "/live/jobs/1"),
        ("level=error&x=1&span=day", "/live/jobs/1?span=day&level=error"),
        ("span=hour&span=+week+", "/live/jobs/1?span=week"),
        ("span=&level=%20", "/live/jobs/1"),
        ("span=a%26level%3Db", "/live/jobs/1?span=a%26level%3Db"),
    ],
)
def test_only_known_parameters_make_another_page_of_it(asked: str, here: str) -> None:
    scope = {
        "type": "http", "method": "GET", "path": "/live/jobs/1", "query_string": asked.encode(),
        "headers": [(b"host", b"usher.example.org")], "scheme": "https", "server": ("usher.example.org", 443),
    }  # fmt: skip
    visit = Visit(Request(scope), None)  # type: ignore[arg-type] # an address needs none of the service's parts
    assert narrowed(visit, ("span", "level")).here == here
