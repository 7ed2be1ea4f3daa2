"""Signing in, and changing one's own password."""

import asyncio

import pytest

from tests.access.house import BETTER, CHEAP, GOOD, MINUTE_MS, ROOT, House
from tests.crossing import TurnByTurn
from usher.access.entering import change_password, sign_in
from usher.access.links import open_link
from usher.access.passwords import Passwords
from usher.access.people import remove_person, reset_person
from usher.access.sessions import session_of
from usher.errors import InvalidInput, NotFound, TooSoon, Unauthenticated


class Watched(Passwords):
    """Keeps what was compared, and lets something happen meanwhile."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.compared: list[bool] = []
        self.meanwhile = None

    async def matches(self, kept, password):
        found = await super().matches(kept, password)
        self.compared.append(found)
        if self.meanwhile is not None:
            await self.meanwhile
            self.meanwhile = None
        return found


@pytest.mark.parametrize("name", ["Anna", " anna", "ANNA "])
async def test_a_name_is_taken_however_it_is_spelled(house, name):
    await house.first_admin()

    assert (await house.enter(name)).actor.name == "Anna"


async def test_a_wrong_name_and_a_wrong_password_fail_alike(house):
    await house.first_admin()
    house.passwords = Watched()
    said = []
    for name, password in (("Anna", BETTER), ("nobody", GOOD), ("", ""), ("Anna", ""), ("Anna", "x" * 9_999)):
        with pytest.raises(Unauthenticated) as caught:
            await house.enter(name, password)
        said.append(caught.value.message)

    assert len(set(said)) == 1
    assert house.passwords.compared == [False] * 5  # each of them cost one comparison


async def test_whoever_has_no_password_yet_fails_like_everybody(house):
    await house.first_admin()
    await house.database.write(lambda txn: txn.conn.exec_driver_sql("UPDATE people SET password_hash = ''"))

    for password in ("", GOOD):
        with pytest.raises(Unauthenticated):
            await house.enter("Anna", password)


async def test_a_failure_is_written_down_once_a_minute_and_unknown_names_never(house):
    await house.first_admin()

    async def fail(name: str) -> None:
        with pytest.raises(Unauthenticated):
            await house.enter(name, BETTER)

    for name in ("Anna", "anna", "hunter2", "swordfish", " ANNA"):
        await fail(name)
    house.clock.pass_ms(MINUTE_MS)
    await fail("Anna")

    told = [whom for _, action, whom in await house.actions() if action == "person.sign_in_failed"]
    assert told == ["Anna", "somebody unknown", "Anna"]


async def test_a_cheaper_hash_is_made_anew_at_the_next_sign_in(house):
    from argon2 import PasswordHasher

    await house.first_admin()
    house.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    (old,) = await house.rows("SELECT password_hash FROM people")
    await house.enter("Anna")
    (new,) = await house.rows("SELECT password_hash FROM people")

    assert "m=16,t=2" in new[0]
    assert old != new
    await house.enter("Anna")
    assert await house.rows("SELECT password_hash FROM people") == [new]


async def test_whoever_is_removed_while_the_password_is_compared_stays_out(house):
    await house.first_admin()
    await house.add("Bo")
    house.passwords = Watched()
    house.passwords.meanwhile = remove_person(house, ROOT, name="Bo")

    with pytest.raises(Unauthenticated):
        await house.enter("Bo")
    assert len(await house.rows("SELECT * FROM sessions")) == 1


async def test_what_a_browser_calls_itself_is_cut_and_printable(house):
    await house.first_admin()
    session = await house.enter("Anna", browser="\x1b[31mred\n" + "x" * 9_999)

    assert session.browser.startswith("[31mredx")
    assert len(session.browser) == 200


async def test_many_may_sign_in_at_once(house):
    await house.first_admin()
    house.database = TurnByTurn(house.database)
    tokens = await asyncio.gather(
        *(sign_in(house, name="Anna", password=GOOD, address="", browser="") for _ in range(4))
    )

    assert len({(await session_of(house, token)).id for token in tokens}) == 4
    assert await house.rows("SELECT * FROM sign_in_failures WHERE failures > 0") == []


async def test_a_changed_password_ends_the_other_sessions_and_open_links(house):
    here = await house.first_admin()
    await house.enter("Anna")
    _, link = await reset_person(house, ROOT, name="Anna")

    await change_password(house, here, old=GOOD, new=BETTER)

    assert await house.rows("SELECT id FROM sessions") == [(here.id,)]
    with pytest.raises(NotFound):
        await open_link(house, link)
    with pytest.raises(Unauthenticated):
        await house.enter("Anna", GOOD)
    await house.enter("Anna", BETTER)
    assert ("Anna", "person.password", "Anna") in (await house.actions())[-4:]


async def test_a_wrong_old_or_a_bad_new_password_is_named_and_changes_nothing(house):
    here = await house.first_admin()
    for old, new, field in ((BETTER, BETTER, "old"), (GOOD, "short", "new"), (GOOD, "Anna", "new")):
        with pytest.raises(InvalidInput) as caught:
            await change_password(house, here, old=old, new=new)
        assert [problem.field for problem in caught.value.problems] == [field]

    await house.enter("Anna", GOOD)


async def test_the_old_password_cannot_be_guessed_from_an_open_session(house):
    here = await house.first_admin()
    for _ in range(5):
        with pytest.raises(InvalidInput):
            await change_password(house, here, old=BETTER, new=BETTER)

    with pytest.raises(TooSoon):
        await change_password(house, here, old=GOOD, new=BETTER)


async def test_two_changes_at_once_do_not_both_win(house: House):
    here = await house.first_admin()
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(
        change_password(house, here, old=GOOD, new=BETTER),
        change_password(house, here, old=GOOD, new="six grey geese flew"),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "Unauthenticated"]
