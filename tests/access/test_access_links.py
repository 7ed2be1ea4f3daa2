"""One-time links: nobody gets in without one, and one opens once."""

import asyncio

import pytest

from tests.access.house import BETTER, DAY_MS, GOOD, MINUTE_MS, ROOT
from tests.crossing import TurnByTurn
from usher.access.entering import use_link
from usher.access.links import MOST_FIRST_LINKS, Invitation, first_link, link_url, open_link
from usher.access.people import create_person, list_people, remove_person, reset_person
from usher.access.roles import Role
from usher.access.sessions import session_of
from usher.errors import Conflict, InvalidInput, NotFound, Unauthenticated


async def use(house, token, *, name="Anna", password=GOOD):
    return await use_link(house, token, name=name, password=password, browser="Firefox")


async def is_open(house, token) -> bool:
    try:
        await open_link(house, token)
    except NotFound:
        return False
    return True


async def test_the_first_link_makes_the_first_admin_and_signs_them_in(house):
    token = await first_link(house)
    assert await open_link(house, token) == Invitation(None, Role.ADMIN, is_first=True)

    session = await session_of(house, await use(house, token, name="  Anna "))

    assert (session.actor.name, session.actor.role, session.browser) == ("Anna", Role.ADMIN, "Firefox")
    assert [(one.name, one.role, one.can_sign_in) for one in await list_people(house)] == [("Anna", "admin", True)]
    assert [action for _, action, _ in await house.actions()] == ["person.create", "person.password", "person.sign_in"]


async def test_there_is_no_first_link_once_somebody_can_sign_in(house):
    await create_person(house, ROOT, name="Bo", role="viewer")
    assert await first_link(house) is not None
    await house.first_admin()
    assert await first_link(house) is None


async def test_a_service_that_starts_leaves_the_link_that_another_printed_open(house):
    old, new = await first_link(house), await first_link(house)

    await use(house, old)

    assert not await is_open(house, new)


async def test_only_the_newest_first_links_are_open_and_no_invitation_ends_for_them(house):
    _, invitation = await create_person(house, ROOT, name="Bo", role="viewer")
    links = []
    for _ in range(MOST_FIRST_LINKS + 2):
        links.append(await first_link(house))
        house.clock.pass_ms(1)

    assert [await is_open(house, token) for token in links] == [False] * 2 + [True] * MOST_FIRST_LINKS
    assert await is_open(house, invitation)


async def test_whoever_can_sign_in_ends_every_first_link(house):
    links = [await first_link(house), await first_link(house)]
    await house.add("Bo", Role.ADMIN)

    for first in links:
        assert not await is_open(house, first)
        with pytest.raises(NotFound):
            await use(house, first)


async def test_looking_does_not_use_a_link_up_and_using_it_does(house):
    token = await first_link(house)
    for _ in range(3):
        assert await is_open(house, token)
    await use(house, token)

    assert not await is_open(house, token)
    with pytest.raises(NotFound):
        await use(house, token, name="Eve")


@pytest.mark.parametrize("wrong", ["", "x", "tok\ud800en", "token-1"])
async def test_what_never_was_a_link_opens_nothing(house, wrong):
    await first_link(house)

    assert not await is_open(house, wrong)


async def test_the_first_link_ends_after_a_quarter_of_an_hour(house):
    token = await first_link(house)
    house.clock.pass_ms(15 * MINUTE_MS - 1)
    assert await is_open(house, token)
    house.clock.pass_ms(1)
    assert not await is_open(house, token)
    with pytest.raises(NotFound):
        await use(house, token)


async def test_an_invitation_ends_after_a_day(house):
    person, token = await create_person(house, ROOT, name="Bo", role="viewer")
    assert person.link_until_ms == house.clock.now_ms() + DAY_MS
    house.clock.pass_ms(DAY_MS)

    assert not await is_open(house, token)
    assert (await list_people(house))[0].link_until_ms is None


async def test_a_bad_name_or_password_leaves_the_link_open(house):
    token = await first_link(house)
    with pytest.raises(InvalidInput) as caught:
        await use(house, token, name="", password="short")
    assert [problem.field for problem in caught.value.problems] == ["name", "password"]
    await create_person(house, ROOT, name="bo", role="viewer")
    with pytest.raises(Conflict):
        await use(house, token, name="BO")

    await use(house, token)


async def test_somebodys_link_keeps_their_name_and_role(house):
    _, token = await create_person(house, ROOT, name="Bo", role="operator")
    assert await open_link(house, token) == Invitation("Bo", Role.OPERATOR, is_first=False)

    session = await session_of(house, await use(house, token, name="Eve"))

    assert (session.actor.name, session.actor.role) == ("Bo", Role.OPERATOR)


async def test_an_invitation_opens_once(house):
    _, token = await create_person(house, ROOT, name="Bo", role="viewer")
    await use(house, token)

    assert not await is_open(house, token)
    with pytest.raises(NotFound):
        await use(house, token, password=BETTER)
    await house.enter("Bo", GOOD)


async def test_of_two_who_accept_one_invitation_at_once_one_gets_in(house):
    _, token = await create_person(house, ROOT, name="Bo", role="viewer")
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(use(house, token), use(house, token, password=BETTER), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["NotFound", "str"]
    assert len(await house.rows("SELECT * FROM sessions")) == 1


async def test_of_two_who_use_one_link_at_once_one_gets_in(house):
    token = await first_link(house)
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(use(house, token), use(house, token, name="Eve"), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["NotFound", "str"]
    assert len(await list_people(house)) == 1
    assert len(await house.rows("SELECT * FROM sessions")) == 1


async def test_a_reset_ends_sessions_only_when_its_link_is_used(house):
    await house.first_admin()
    bo = await house.add("Bo")
    _, link = await reset_person(house, ROOT, name="bo")
    await house.enter("Bo")
    before = await house.rows(f"SELECT id FROM sessions WHERE person_id = '{bo.person_id}'")
    assert len(before) == 2

    await use(house, link, password=BETTER)

    after = await house.rows(f"SELECT id FROM sessions WHERE person_id = '{bo.person_id}'")
    assert len(after) == 1
    assert after[0] not in before
    with pytest.raises(Unauthenticated):
        await house.enter("Bo", GOOD)
    await house.enter("Bo", BETTER)


async def test_a_new_link_for_somebody_ends_their_older_one_and_no_others(house):
    _, first = await create_person(house, ROOT, name="Bo", role="viewer")
    _, other = await create_person(house, ROOT, name="Cy", role="viewer")
    _, second = await reset_person(house, ROOT, name="Bo")

    assert [await is_open(house, token) for token in (first, other, second)] == [False, True, True]


async def test_a_removed_persons_link_opens_nothing(house):
    _, token = await create_person(house, ROOT, name="Bo", role="viewer")
    await remove_person(house, ROOT, name="Bo")

    assert not await is_open(house, token)
    assert await house.rows("SELECT * FROM one_time_links") == []


async def test_links_passwords_and_sessions_are_kept_as_hashes_alone(house):
    token = await first_link(house)
    _, invitation = await create_person(house, ROOT, name="Bo", role="viewer")
    kept = await house.everything_kept()
    session = await use(house, token)
    kept += await house.everything_kept()

    for secret in (token, invitation, session, GOOD):
        assert secret not in kept


def test_a_links_address_is_below_the_services():
    assert link_url("https://usher.example.net/", "abc") == "https://usher.example.net/welcome/abc"
