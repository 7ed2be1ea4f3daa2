"""Guessing is slowed down for a name and for an address, and forgotten after a day."""

import asyncio

import pytest

from tests.access.house import BETTER, DAY_MS, GOOD, House, TurnByTurn
from usher.access.throttle import FREE_FOR_ADDRESS, FREE_FOR_NAME, wait_ms
from usher.errors import TooSoon, Unauthenticated

WAITS = [
    (0, 0),
    (4, 0),
    (5, 1_000),
    (6, 2_000),
    (7, 4_000),
    (14, 512_000),
    (15, 900_000),
    (16, 900_000),
    (10**9, 900_000),
]


@pytest.mark.parametrize(("failures", "expected"), WAITS)
def test_the_wait_doubles_from_a_second_to_a_quarter_of_an_hour(failures, expected):
    assert wait_ms(failures, free=5) == expected


async def fail(house: House, times: int, *, name: str = "Anna", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await house.enter(name, BETTER, address=address)


async def refused(house: House, name: str = "Anna", password: str = GOOD, address: str = "192.0.2.1") -> int:
    with pytest.raises(TooSoon) as caught:
        await house.enter(name, password, address=address)
    return caught.value.retry_after_seconds


async def test_even_the_right_password_waits_after_five_failures(house):
    await house.first_admin()
    await fail(house, FREE_FOR_NAME)

    assert await refused(house) == 1
    house.clock.pass_ms(999)
    assert await refused(house, name=" ANNA", address="198.51.100.7") == 1
    house.clock.pass_ms(1)
    assert (await house.enter("Anna")).actor.name == "Anna"


async def test_a_refused_attempt_does_not_lengthen_the_wait(house):
    await house.first_admin()
    await fail(house, FREE_FOR_NAME)
    for _ in range(50):
        await refused(house, password=BETTER)

    house.clock.pass_ms(1_000)
    await fail(house, 1)
    assert await refused(house) == 2


async def test_a_success_clears_the_name(house):
    await house.first_admin()
    await fail(house, FREE_FOR_NAME - 1)
    await house.enter("Anna")

    await fail(house, FREE_FOR_NAME)
    assert await refused(house) == 1


async def test_a_name_that_nobody_has_is_slowed_down_the_same_way(house):
    await house.first_admin()
    await fail(house, FREE_FOR_NAME, name="nobody")

    assert await refused(house, name="Nobody") == 1


async def test_one_address_that_tries_many_names_is_slowed_down_and_others_are_not(house):
    await house.first_admin()
    for number in range(FREE_FOR_ADDRESS):
        await fail(house, 1, name=f"name {number}", address="203.0.113.9")

    assert await refused(house, address="203.0.113.9") == 1
    assert await refused(house, address="::ffff:203.0.113.9") == 1
    await house.enter("Anna", address="203.0.113.10")


async def test_an_ipv6_network_counts_as_one_address(house):
    await house.first_admin()
    for number in range(FREE_FOR_ADDRESS):
        await fail(house, 1, name=f"name {number}", address=f"2001:db8::{number:x}")

    assert await refused(house, address="2001:db8::ffff:1") == 1
    await house.enter("Anna", address="2001:db8:0:1::1")


async def test_a_success_leaves_an_address_as_it_was(house):
    await house.first_admin()
    for number in range(FREE_FOR_ADDRESS + 3):
        house.clock.pass_ms(10_000)
        await fail(house, 1, name=f"name {number}")
    house.clock.pass_ms(8_000)
    await house.enter("Anna")

    await house.enter("Anna")  # without another wait
    assert (FREE_FOR_ADDRESS + 3,) in await house.rows("SELECT failures FROM sign_in_failures")


async def test_a_success_between_failures_leaves_no_trace_of_itself(house):
    await house.first_admin()
    await house.enter("Anna")

    assert await house.rows("SELECT * FROM sign_in_failures") == []


async def test_failures_are_forgotten_after_a_day(house):
    await house.first_admin()
    await fail(house, FREE_FOR_NAME)
    house.clock.pass_ms(DAY_MS + 1)
    await fail(house, 1)

    assert (await house.enter("Anna")).actor.name == "Anna"
    assert FREE_FOR_NAME not in {row[0] for row in await house.rows("SELECT failures FROM sign_in_failures")}


async def test_guesses_sent_at_once_do_not_all_go_through(house):
    await house.first_admin()
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(*(house.enter("Anna", BETTER) for _ in range(40)), return_exceptions=True)

    assert sum(isinstance(one, Unauthenticated) for one in ended) == FREE_FOR_NAME
    assert sum(isinstance(one, TooSoon) for one in ended) == 40 - FREE_FOR_NAME


async def test_neither_names_nor_addresses_are_kept_in_the_clear(house):
    await fail(house, 1, name="hunter2 typed in the wrong place", address="192.0.2.77")

    kept = await house.everything_kept()
    assert "hunter2" not in kept
    assert "192.0.2.77" not in kept
