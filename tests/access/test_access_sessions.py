"""How long a session goes on, and who may end it."""

import pytest

from tests.access.house import DAY_MS, GOOD, HOUR_MS, MINUTE_MS, ROOT
from usher.access.entering import sign_in, use_link
from usher.access.people import change_role, create_person, list_people
from usher.access.roles import Actor, Role
from usher.access.sessions import actors_of, end_all, end_session, list_sessions, session_of
from usher.errors import Forbidden, NotFound, Unauthenticated


async def entered(house, name: str = "Anna") -> str:
    return await sign_in(house, name=name, password=GOOD, address="192.0.2.1", browser="Firefox")


async def goes_on(house, token: str) -> bool:
    try:
        await session_of(house, token)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("wrong", ["", "x", "tok\ud800en", "token-1"])
async def test_no_other_token_names_a_session(house, wrong):
    await house.first_admin()

    assert not await goes_on(house, wrong)


async def test_signing_in_ends_the_session_that_the_browser_had_and_no_other(house):
    await house.first_admin()
    mine, elsewhere = await entered(house), await entered(house)
    again = await sign_in(house, name="Anna", password=GOOD, address="192.0.2.1", browser="Firefox", brought=mine)

    assert [await goes_on(house, token) for token in (mine, elsewhere, again)] == [False, True, True]
    assert ("Anna", "person.sign_out", "Anna") in await house.actions()


async def test_a_wrong_password_leaves_the_session_that_the_browser_had(house):
    await house.first_admin()
    mine = await entered(house)
    with pytest.raises(Unauthenticated):
        await sign_in(house, name="Anna", password="wrong", address="192.0.2.1", browser="Firefox", brought=mine)

    assert await goes_on(house, mine)


async def test_a_link_used_in_the_browser_of_somebody_else_signs_them_out_there(house):
    await house.first_admin()
    annas = await entered(house)
    _, link = await create_person(house, ROOT, name="Bo", role="viewer")
    bos = await use_link(house, link, name="", password=GOOD, browser="Firefox", brought=annas)

    assert [await goes_on(house, token) for token in (annas, bos)] == [False, True]
    assert ("Anna", "person.sign_out", "Anna") in await house.actions()


async def test_a_session_ends_when_nobody_used_it_for_12_hours(house):
    await house.first_admin()
    token = await entered(house)
    house.clock.pass_ms(12 * HOUR_MS - 1)
    assert await goes_on(house, token)
    house.clock.pass_ms(12 * HOUR_MS)
    assert not await goes_on(house, token)


async def test_a_session_ends_after_7_days_however_it_is_used(house):
    await house.first_admin()
    token = await entered(house)
    for _ in range(7 * 4 - 1):
        house.clock.pass_ms(6 * HOUR_MS)
        assert await goes_on(house, token)
    house.clock.pass_ms(6 * HOUR_MS - 1)
    assert await goes_on(house, token)
    house.clock.pass_ms(1)
    assert not await goes_on(house, token)


async def test_being_seen_is_written_at_most_once_a_minute(house):
    await house.first_admin()
    token = await entered(house)
    began = house.clock.now_ms()
    house.clock.pass_ms(MINUTE_MS - 1)
    await session_of(house, token)
    assert (await session_of(house, token)).seen_ms == began
    house.clock.pass_ms(1)
    await session_of(house, token)

    assert (await session_of(house, token)).seen_ms == began + MINUTE_MS
    assert (await list_people(house))[0].last_seen_ms == began + MINUTE_MS


async def test_what_is_over_is_forgotten_when_somebody_signs_in(house):
    await house.first_admin()
    await entered(house)
    house.clock.pass_ms(DAY_MS)
    assert len(await house.rows("SELECT * FROM sessions")) == 2
    await entered(house)

    assert len(await house.rows("SELECT * FROM sessions")) == 1


async def test_sessions_are_listed_newest_seen_first_and_only_while_they_go_on(house):
    first = await house.first_admin()
    house.clock.pass_ms(6 * HOUR_MS)
    here = await session_of(house, await entered(house))
    assert [one.id for one in await list_sessions(house, here)] == [here.id, first.id]
    house.clock.pass_ms(6 * HOUR_MS)
    assert [one.id for one in await list_sessions(house, here)] == [here.id]


async def test_signing_out_ends_this_session_alone(house):
    await house.first_admin()
    one, other = await entered(house), await entered(house)
    here = await session_of(house, one)
    await end_session(house, here, here.id)

    assert (await goes_on(house, one), await goes_on(house, other)) == (False, True)
    assert (await house.actions())[-1] == ("Anna", "person.sign_out", "Anna")
    with pytest.raises(NotFound):
        await end_session(house, here, here.id)


async def test_whoever_is_signed_in_may_end_their_other_sessions(house):
    first = await house.first_admin()
    token = await entered(house)
    here = await session_of(house, token)
    await end_session(house, here, first.id)
    assert (await house.actions())[-1] == ("Anna", "session.end", "Anna")
    await entered(house)
    await entered(house)

    assert await end_all(house, here) == 2
    assert await goes_on(house, token)
    assert await end_all(house, here) == 0


async def test_who_acts_in_many_sessions_is_known_at_once_and_as_of_now(house):
    anna = await house.first_admin()
    bo, cy = await house.add("Bo", Role.OPERATOR), await house.add("Cy", Role.VIEWER)
    asked = [anna.id, bo.id, cy.id, "0" * 32]
    assert await actors_of(house, asked) == {one.id: one.actor for one in (anna, bo, cy)}
    assert await actors_of(house, []) == {}

    await change_role(house, anna.actor, name="Bo", role=Role.VIEWER)
    await end_session(house, cy, cy.id)
    assert await actors_of(house, asked) == {anna.id: anna.actor, bo.id: Actor("Bo", Role.VIEWER)}

    house.clock.pass_ms(13 * HOUR_MS)
    assert await actors_of(house, asked) == {}


async def test_other_peoples_sessions_are_an_admins_to_see_and_to_end(house):
    anna = await house.first_admin()
    bo = await house.add("Bo", Role.OPERATOR)
    await entered(house, "Bo")
    with pytest.raises(Forbidden):
        await list_sessions(house, bo, person_id=anna.person_id)
    with pytest.raises(Forbidden):
        await end_all(house, bo, person_id=anna.person_id)
    with pytest.raises(NotFound):
        await end_session(house, bo, anna.id)

    assert len(await list_sessions(house, anna, person_id=bo.person_id)) == 2
    await end_session(house, anna, bo.id)
    assert await end_all(house, anna, person_id=bo.person_id) == 1
    assert (await house.actions())[-1] == ("Anna", "session.end", "Bo")
    assert await list_sessions(house, anna, person_id=bo.person_id) == []


async def test_an_operator_may_not_learn_which_sessions_there_are(house):
    anna = await house.first_admin()
    bo = await house.add("Bo", Role.OPERATOR)
    said = []
    for session_id in (anna.id, "0" * 32):
        with pytest.raises(NotFound) as caught:
            await end_session(house, bo, session_id)
        said.append(caught.value.message)

    assert len(set(said)) == 1
