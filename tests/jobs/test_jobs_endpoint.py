"""The trigger endpoint: who may read it, which tokens open it, and for how long."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.jobs.office import ANNA
from usher.access.roles import Actor, Role
from usher.errors import Forbidden, NotFound, Unavailable
from usher.jobs.authorizations import delete_authorization
from usher.jobs.endpoint import drop_old_trigger_tokens, is_trigger_token, new_trigger_token, trigger_endpoint
from usher.jobs.trigger_tokens import AGAIN_SECONDS, LIFE_SECONDS, MOST_KEPT, TokenCache

DAY_MS = 86_400_000


async def token_of(office) -> str:
    return (await trigger_endpoint(office.desk, ANNA, office.lytics)).header.removeprefix("Authorization: Bearer ")


async def renewed(office) -> str:
    return (await new_trigger_token(office.desk, ANNA, office.lytics)).header.rpartition(" ")[2]


@dataclass
class Counting:
    """A database that counts how often it is asked, and gives others time meanwhile."""

    database: Any
    reads: int = 0
    faults: list[Exception] = field(default_factory=list)

    async def read(self, work):
        self.reads += 1
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop()
        return await self.database.read(work)


def beside(office):
    """Another process on the same database, and its count of what it asks."""
    counting = Counting(office.desk.database)
    return office.with_desk(database=counting, trigger_tokens=TokenCache()).desk, counting


async def test_a_lytics_authorization_has_a_token_from_the_start(office):
    token = await token_of(office)

    assert await is_trigger_token(office.desk, office.lytics, token)
    assert ("anna", "auth.read_trigger_token", office.lytics) in await office.audit()


@pytest.mark.parametrize("wrong", ["", "x", "token\ud800", "Bearer"])
async def test_no_other_token_and_no_unknown_id_is_let_in(office, wrong):
    token = await token_of(office)
    other = await office.add_lytics()

    assert not await is_trigger_token(office.desk, office.lytics, wrong)
    assert not await is_trigger_token(office.desk, "nobody", token)
    assert not await is_trigger_token(office.desk, other, token)
    assert not await is_trigger_token(office.desk, office.mapp, token)


async def test_the_old_token_goes_on_for_seven_days(office):
    old, new = await token_of(office), await renewed(office)
    assert old != new

    office.clock.pass_ms(7 * DAY_MS - 1)
    assert await is_trigger_token(office.desk, office.lytics, old)
    office.clock.pass_ms(1)
    assert not await is_trigger_token(office.desk, office.lytics, old)
    assert await is_trigger_token(office.desk, office.lytics, new)


async def test_at_most_two_tokens_are_valid_and_the_old_one_can_be_dropped_at_once(office):
    oldest, old, new = await token_of(office), await renewed(office), await renewed(office)
    valid = [await is_trigger_token(office.desk, office.lytics, token) for token in (oldest, old, new)]
    assert valid == [False, True, True]

    assert await drop_old_trigger_tokens(office.desk, ANNA, office.lytics) == 1
    assert not await is_trigger_token(office.desk, office.lytics, old)
    assert await drop_old_trigger_tokens(office.desk, ANNA, office.lytics) == 0


async def test_a_new_token_is_the_newest_even_where_the_clock_was_set_back(office):
    office.clock.pass_ms(-DAY_MS)
    new = await renewed(office)

    assert await token_of(office) == new


async def test_a_deleted_authorization_lets_nobody_in(office):
    token = await token_of(office)
    assert await is_trigger_token(office.desk, office.lytics, token)

    await delete_authorization(office.desk, ANNA, office.lytics)

    assert not await is_trigger_token(office.desk, office.lytics, token)


async def test_thousands_of_triggers_ask_the_database_once_in_a_while(office):
    token = await token_of(office)
    desk, counting = beside(office)
    for _ in range(100):
        assert await is_trigger_token(desk, office.lytics, token)
    assert counting.reads == 1

    office.clock.pass_ms(round(LIFE_SECONDS * 1000))
    assert await is_trigger_token(desk, office.lytics, token)
    assert counting.reads == 2


async def test_a_token_that_another_process_made_is_taken_at_once(office):
    desk, _ = beside(office)
    assert await is_trigger_token(desk, office.lytics, await token_of(office))

    new = await renewed(office)

    assert await is_trigger_token(desk, office.lytics, new)


async def test_all_who_present_a_new_token_at_once_are_taken_by_one_question(office):
    desk, counting = beside(office)
    await is_trigger_token(desk, office.lytics, "wrong")
    new = await renewed(office)

    assert all(await asyncio.gather(*(is_trigger_token(desk, office.lytics, new) for _ in range(20))))
    assert counting.reads == 2


@pytest.mark.parametrize("whose", ["known", "nobody"])
async def test_a_flood_of_wrong_tokens_asks_the_database_once_a_second_at_most(office, whose):
    auth_id = office.lytics if whose == "known" else whose
    desk, counting = beside(office)
    await is_trigger_token(desk, auth_id, "the first question")
    for second in range(1, 4):
        flood = [is_trigger_token(desk, auth_id, f"wrong {number}") for number in range(50)]
        assert not any(await asyncio.gather(*flood))
        assert [await is_trigger_token(desk, auth_id, f"late {number}") for number in range(50)] == [False] * 50
        assert counting.reads == 1 + second
        office.clock.pass_seconds(AGAIN_SECONDS)


async def test_a_token_that_is_not_remembered_is_not_refused_while_the_database_is_away(office):
    desk, counting = beside(office)
    await is_trigger_token(desk, office.lytics, "wrong")
    new = await renewed(office)
    counting.faults = [Unavailable("away")]

    asked = [is_trigger_token(desk, office.lytics, new) for _ in range(3)]
    assert {type(answer) for answer in await asyncio.gather(*asked, return_exceptions=True)} == {Unavailable}
    assert await is_trigger_token(desk, office.lytics, new)


def test_guessed_ids_cannot_fill_the_memory():
    cache = TokenCache()
    for number in range(MOST_KEPT + 50):
        cache.put(str(number), [], now=0)

    assert cache.get("0", now=0) is None
    assert cache.get(str(MOST_KEPT + 49), now=0) is not None


@pytest.mark.parametrize("act", [trigger_endpoint, new_trigger_token, drop_old_trigger_tokens])
async def test_only_admins_have_to_do_with_trigger_tokens(office, act):
    with pytest.raises(Forbidden):
        await act(office.desk, Actor("otto", Role.OPERATOR), office.lytics)
    with pytest.raises(NotFound):
        await act(office.desk, ANNA, office.mapp)
    with pytest.raises(NotFound):
        await act(office.desk, ANNA, "nobody")


async def test_an_endpoint_shows_its_token_on_purpose_only(office):
    endpoint = await trigger_endpoint(office.desk, ANNA, office.lytics)
    token = endpoint.header.rpartition(" ")[2]

    assert token not in repr(endpoint)
    assert token not in await office.everything_kept()
    assert endpoint.paste["webhook_request_headers"] == endpoint.header


async def test_an_endpoint_that_lytics_cannot_reach_says_so(office):
    endpoint = await trigger_endpoint(office.with_desk(base_url="").desk, ANNA, office.lytics)

    assert "USHER_BASE_URL" in endpoint.notes[0]
