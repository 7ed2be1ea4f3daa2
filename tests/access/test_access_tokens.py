"""API tokens: shown once, kept hashed, ended by expiry or revocation."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.clocks import ManualClock
from usher.access.roles import Actor, Role, allows
from usher.access.tokens import authenticate, create_token, list_tokens, revoke_token
from usher.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from usher.store.database import Database
from usher.store.opening import open_sqlite

ANNA = Actor("anna", Role.ADMIN)
DAY_MS = 86_400_000


@dataclass
class Keys:
    database: Database
    clock: ManualClock
    numbers: itertools.count

    def new_id(self) -> str:
        return f"{next(self.numbers):032x}"

    def new_token(self) -> str:
        return f"token-{next(self.numbers)}"

    async def kept(self) -> str:
        return await self.database.read(
            lambda txn: repr(
                [txn.conn.execute(text(f"SELECT * FROM {table}")).all() for table in ("api_tokens", "audit")]
            )
        )


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[Keys]:
    clock = ManualClock()
    store = open_sqlite(tmp_path, clock=clock, is_threaded=False)
    yield Keys(store.database, clock, itertools.count(1))
    await store.close()


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_each_role_may_do_what_those_below_it_may(role, needed):
    order = ["viewer", "operator", "admin"]

    assert allows(role, needed) == (order.index(role) >= order.index(needed))


async def test_a_token_is_shown_once_and_kept_as_a_hash(keys):
    token, plain = await create_token(keys, ANNA, name=" robot ", role="operator")

    assert (token.name, token.role, token.token_hash, token.expires_ms) == ("robot", "operator", "", None)
    assert plain not in await keys.kept()
    assert plain not in repr(await list_tokens(keys))
    assert await authenticate(keys, plain) == Actor("robot", Role.OPERATOR)


@pytest.mark.parametrize("wrong", ["", "x", "Bearer x", "tok\ud800en"])
async def test_no_other_token_is_taken(keys, wrong):
    await create_token(keys, ANNA, name="robot", role="viewer")

    with pytest.raises(Unauthenticated):
        await authenticate(keys, wrong)


async def test_a_token_ends_when_it_expires(keys):
    _, plain = await create_token(keys, ANNA, name="robot", role="viewer", expires_days=1)

    keys.clock.pass_ms(DAY_MS - 1)
    assert (await authenticate(keys, plain)).name == "robot"
    keys.clock.pass_ms(1)
    with pytest.raises(Unauthenticated):
        await authenticate(keys, plain)
    assert len(await list_tokens(keys)) == 1


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_revoked_token_ends_at_once(keys, by):
    token, plain = await create_token(keys, ANNA, name="robot", role="admin")

    await revoke_token(keys, ANNA, name=getattr(token, by))

    with pytest.raises(Unauthenticated):
        await authenticate(keys, plain)
    with pytest.raises(NotFound):
        await revoke_token(keys, ANNA, name="robot")
    assert "token.revoke" in await keys.kept()


async def test_every_problem_with_a_new_token_is_named(keys):
    with pytest.raises(InvalidInput) as caught:
        await create_token(keys, ANNA, name=" ", role="king", expires_days=0)
    assert [problem.field for problem in caught.value.problems] == ["name", "role", "expires_days"]


async def test_two_tokens_cannot_have_one_name(keys):
    await create_token(keys, ANNA, name="robot", role="viewer")

    with pytest.raises(Conflict):
        await create_token(keys, ANNA, name="robot", role="viewer")


async def test_a_use_is_noted_but_not_at_every_request(keys):
    _, plain = await create_token(keys, ANNA, name="robot", role="viewer")

    first = keys.clock.now_ms()
    await authenticate(keys, plain)
    keys.clock.pass_ms(59_999)
    await authenticate(keys, plain)
    assert (await list_tokens(keys))[0].last_used_ms == first
    keys.clock.pass_ms(1)
    await authenticate(keys, plain)
    assert (await list_tokens(keys))[0].last_used_ms == first + 60_000
