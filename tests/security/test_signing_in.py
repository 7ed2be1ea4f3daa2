"""Guessing gets nobody in, asking tells nobody who there is, and of many first administrators there is one."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from argon2 import PasswordHasher

from tests.access.house import CHEAP, GOOD, ROOT, House
from tests.dashboard.visiting import visiting
from tests.web.test_web_errors import address
from tools.measuring import Measured
from usher.access.entering import sign_in, use_link
from usher.access.links import MOST_FIRST_LINKS, first_link
from usher.access.passwords import Passwords
from usher.access.people import create_person, list_people
from usher.access.roles import Role
from usher.access.sessions import session_of
from usher.errors import Conflict, NotFound, TooSoon, Unauthenticated
from usher.web.dashboard.pages import PAGES
from usher.web.routes import ROUTES

GUESSES, MINUTES = 10_000, 10
MOST_EVALUATED = 100
SET_UPS = 50


@dataclass
class CountingHasher:
    """Counts what costs an attacker's guess its time, and how much of it each costs."""

    evaluated: list[tuple[int, int]] = field(default_factory=list)
    inner: PasswordHasher = CHEAP

    def hash(self, password: bytes, *, salt: bytes) -> str:
        return self.inner.hash(password, salt=salt)

    def verify(self, kept: str, password: bytes) -> bool:
        self.evaluated.append((len(kept), len(password)))
        return self.inner.verify(kept, password)

    def check_needs_rehash(self, kept: str) -> bool:
        return self.inner.check_needs_rehash(kept)


def counted(house: House) -> CountingHasher:
    hasher: Any = CountingHasher()
    house.passwords = Passwords(hasher)
    return hasher  # type: ignore[no-any-return]


async def guess(house: House, name: str, *, whence: str) -> None:
    try:
        await sign_in(house, name=name, password="not the password", address=whence, browser="a guesser")
    except (Unauthenticated, TooSoon):
        return
    pytest.fail("a guess got in")


SEVERAL = 1_500  # where the limits of one name from one network hold already
SOURCES = {
    "one address": lambda number: "192.0.2.7",
    "addresses without end": lambda number: f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
    "one network of IPv6": lambda number: f"2001:db8::{number:x}",
    "networks of IPv6": lambda number: f"2001:db8:{number:x}::1",
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("either_store", ["sqlite"], indirect=True)
async def test_of_ten_thousand_guesses_in_ten_minutes_hardly_any_is_looked_at(
    house: House, source: str, measured: Measured
) -> None:
    await house.first_admin("Anna")
    hasher = counted(house)
    guesses = GUESSES if source == "addresses without end" else SEVERAL
    for number in range(guesses):
        await guess(house, "Anna", whence=SOURCES[source](number))
        house.clock.pass_ms(MINUTES * 60_000 // guesses)
    assert 5 <= len(hasher.evaluated) <= MOST_EVALUATED
    measured("security.guesses_evaluated", len(hasher.evaluated))


async def test_a_name_that_nobody_has_costs_the_same_work_and_gets_the_same_words(house: House) -> None:
    """The work is counted rather than timed: one comparison, with a hash of the same cost and length."""
    await house.first_admin("Anna")
    await create_person(house, ROOT, name="Invited", role=Role.VIEWER)
    hasher, said = counted(house), []
    await house.passwords.matches("", "first use makes the decoy")
    hasher.evaluated.clear()
    for number, name in enumerate(("Anna", "Nobody", "Invited", "", "x" * 5_000, "anna\u0000")):
        with pytest.raises(Unauthenticated) as refused:
            await sign_in(house, name=name, password=GOOD[::-1], address=f"192.0.2.{number}", browser="")
        said.append(str(refused.value))
    assert len(set(said)) == 1
    assert len(hasher.evaluated) == len(said), "one comparison each"
    assert len(set(hasher.evaluated)) == 1, "and all of the same size"


async def test_of_fifty_set_ups_at_once_one_makes_the_administrator(house: House, measured: Measured) -> None:
    links = [await first_link(house) for _ in range(MOST_FIRST_LINKS)]
    assert all(links)

    async def set_up(number: int) -> str | None:
        link = links[number % len(links)] or ""
        try:
            return await use_link(house, link, name=f"Admin {number}", password=GOOD, browser="")
        except (NotFound, Conflict):
            return None

    sessions = [token for token in await asyncio.gather(*(set_up(number) for number in range(SET_UPS))) if token]
    people = await list_people(house)
    assert (len(sessions), len(people), people[0].role) == (1, 1, Role.ADMIN)
    assert (await session_of(house, sessions[0])).actor.name == people[0].name
    assert await first_link(house) is None
    measured("security.first_admins_of_50", len(people))


async def test_a_session_that_a_browser_was_given_beforehand_is_never_taken_over(house: House) -> None:
    await house.first_admin("Anna")
    planted = house.new_token()
    given = await sign_in(house, name="Anna", password=GOOD, address="192.0.2.1", browser="", brought=planted)
    assert given != planted
    with pytest.raises(Unauthenticated):
        await session_of(house, planted)


async def test_before_anybody_can_sign_in_nothing_shows_the_first_link_or_makes_anybody(measured: Measured) -> None:
    """Everything is asked of a fresh service by somebody who has nothing: every route of the API and of the pages."""
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder)) as place:
            desk, stranger, shown, asked = place.running.deps.desk, place.stranger(), [], 0
            link = await first_link(desk)
            assert link
            for _ in range(6):
                for route in (*ROUTES, *PAGES):
                    path = address(route.path)
                    body = {"name": "evil", "password": GOOD, "role": "admin"}
                    if path.startswith("/v2"):
                        found = await place.running.ask(route.method, path, body, role=None)
                    elif route.method == "POST":
                        found = await stranger.post(path, body)
                    else:
                        found = await stranger.get(path)
                    asked += 1
                    if link in found.text or link in str(found.headers):
                        shown.append(path)
            assert shown == []
            assert await list_people(desk) == []
            assert asked >= 800
            measured("security.strangers_requests", asked)
