"""Guessing is slowed down, by name and by network, and nobody elsewhere keeps the owner out."""

import asyncio

import pytest

from tests.access.house import BETTER, DAY_MS, GOOD, HOUR_MS, House
from tests.crossing import TurnByTurn
from usher.access.entering import change_password
from usher.access.throttle import KNOWN_FOR_MS, ONE_GUESSER, ONE_NAME, ONE_NETWORK, Limit, wait_ms
from usher.errors import InvalidInput, TooSoon, Unauthenticated

OWN, ELSEWHERE = "192.0.2.1", "198.51.100.7"

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
    assert wait_ms(failures, ONE_GUESSER) == expected


@pytest.mark.parametrize(("failures", "expected"), [(4, 0), (5, 1_000), (9, 16_000), (10, 30_000), (10**9, 30_000)])
def test_a_name_alone_never_waits_longer_than_half_a_minute(failures, expected):
    assert wait_ms(failures, ONE_NAME) == expected


def test_no_failure_is_free_where_none_is_given():
    assert wait_ms(0, Limit(free=0, longest_ms=9_000)) == 1_000


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
    await fail(house, ONE_GUESSER.free)

    assert await refused(house) == 1
    house.clock.pass_ms(999)
    assert await refused(house, name=" ANNA", address="198.51.100.7") == 1
    house.clock.pass_ms(1)
    assert (await house.enter("Anna")).actor.name == "Anna"


async def test_a_refused_attempt_does_not_lengthen_the_wait(house):
    await house.first_admin()
    await fail(house, ONE_GUESSER.free)
    for _ in range(50):
        await refused(house, password=BETTER)

    house.clock.pass_ms(1_000)
    await fail(house, 1)
    assert await refused(house) == 2


async def test_a_success_clears_the_name(house):
    await house.first_admin()
    await fail(house, ONE_GUESSER.free - 1)
    await house.enter("Anna")

    await fail(house, ONE_GUESSER.free)
    assert await refused(house) == 1


async def test_a_name_that_nobody_has_is_slowed_down_the_same_way(house):
    await house.first_admin()
    await fail(house, ONE_GUESSER.free, name="nobody")

    assert await refused(house, name="Nobody") == 1


async def test_one_address_that_tries_many_names_is_slowed_down_and_others_are_not(house):
    await house.first_admin()
    for number in range(ONE_NETWORK.free):
        await fail(house, 1, name=f"name {number}", address="203.0.113.9")

    assert await refused(house, address="203.0.113.9") == 1
    assert await refused(house, address="::ffff:203.0.113.9") == 1
    await house.enter("Anna", address="203.0.113.10")


async def test_an_ipv6_network_counts_as_one_address(house):
    await house.first_admin()
    for number in range(ONE_NETWORK.free):
        await fail(house, 1, name=f"name {number}", address=f"2001:db8::{number:x}")

    assert await refused(house, address="2001:db8::ffff:1") == 1
    await house.enter("Anna", address="2001:db8:0:1::1")


async def test_a_success_leaves_an_address_as_it_was(house):
    await house.first_admin()
    for number in range(ONE_NETWORK.free + 3):
        house.clock.pass_ms(10_000)
        await fail(house, 1, name=f"name {number}")
    house.clock.pass_ms(8_000)
    await house.enter("Anna")

    await house.enter("Anna")  # without another wait
    assert (ONE_NETWORK.free + 3,) in await house.rows("SELECT failures FROM sign_in_failures")


async def keep_guessing(house: House, *, hours: int) -> None:
    """Guess the owner's password from elsewhere, each time as soon as it may be guessed."""
    until_ms = house.clock.now_ms() + hours * HOUR_MS
    while house.clock.now_ms() < until_ms:
        try:
            await house.enter("Anna", BETTER, address=ELSEWHERE)
        except TooSoon as error:
            house.clock.pass_ms(error.retry_after_seconds * 1_000)
        except Unauthenticated:
            pass
    await fail_or_wait(house)


async def fail_or_wait(house: House) -> None:
    """End with a guess just made, or just refused."""
    with pytest.raises((Unauthenticated, TooSoon)):
        await house.enter("Anna", BETTER, address=ELSEWHERE)


async def test_whoever_guesses_elsewhere_does_not_keep_the_owner_out_where_they_signed_in_before(house):
    await house.first_admin()
    await house.enter("Anna", address=OWN)
    await keep_guessing(house, hours=3)

    assert (await house.enter("Anna", address=OWN)).actor.name == "Anna"


async def test_whoever_guesses_elsewhere_makes_the_owner_wait_half_a_minute_at_most_where_they_are_new(house):
    await house.first_admin()
    for number in range(60):
        house.clock.pass_ms(30_000)
        await fail(house, 1, address=f"203.0.113.{number}")

    assert await refused(house, address=OWN) <= 30
    house.clock.pass_ms(30_000)
    await house.enter("Anna", address=OWN)


async def test_a_guesser_waits_a_quarter_of_an_hour_while_the_owner_signs_in_elsewhere(house):
    await house.first_admin()
    await keep_guessing(house, hours=3)
    house.clock.pass_ms(30_000)
    await house.enter("Anna", address=OWN)

    house.clock.pass_ms(60_000)
    assert await refused(house, password=BETTER, address=ELSEWHERE) > 30


async def test_where_the_owner_signed_in_their_own_failures_still_count(house):
    await house.first_admin()
    await house.enter("Anna", address=OWN)
    await fail(house, ONE_GUESSER.free, address=OWN)

    assert await refused(house, address=OWN) == 1


async def test_where_somebody_signed_in_is_forgotten_after_a_month(house):
    await house.first_admin()
    await house.enter("Anna", address=OWN)
    house.clock.pass_ms(KNOWN_FOR_MS)
    await fail(house, ONE_NAME.free, address=ELSEWHERE)
    await house.enter("Anna", address=OWN)

    house.clock.pass_ms(KNOWN_FOR_MS + 1)
    await fail(house, ONE_NAME.free, address=ELSEWHERE)
    assert await refused(house, address=OWN) == 1


async def test_what_is_guessed_at_the_door_does_not_slow_down_who_is_in_nor_the_other_way_round(house):
    here = await house.first_admin()
    await keep_guessing(house, hours=1)
    for _ in range(ONE_GUESSER.free):
        with pytest.raises(InvalidInput):
            await change_password(house, here, old=BETTER, new=BETTER)
    with pytest.raises(TooSoon):
        await change_password(house, here, old=GOOD, new=BETTER)

    house.clock.pass_ms(30_000)
    there = await house.enter("Anna", address=OWN)
    await change_password(house, there, old=GOOD, new=BETTER)


async def test_a_success_between_failures_leaves_no_trace_of_itself(house):
    await house.first_admin()
    await house.enter("Anna")

    assert await house.rows("SELECT * FROM sign_in_failures WHERE failures > 0") == []


async def test_failures_are_forgotten_after_a_day(house):
    await house.first_admin()
    await fail(house, ONE_GUESSER.free)
    house.clock.pass_ms(DAY_MS + 1)
    await fail(house, 1)

    assert (await house.enter("Anna")).actor.name == "Anna"
    assert ONE_GUESSER.free not in {row[0] for row in await house.rows("SELECT failures FROM sign_in_failures")}


async def test_guesses_sent_at_once_do_not_all_go_through(house):
    await house.first_admin()
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(*(house.enter("Anna", BETTER) for _ in range(40)), return_exceptions=True)

    assert sum(isinstance(one, Unauthenticated) for one in ended) == ONE_GUESSER.free
    assert sum(isinstance(one, TooSoon) for one in ended) == 40 - ONE_GUESSER.free


async def test_neither_names_nor_addresses_are_kept_in_the_clear(house):
    await fail(house, 1, name="hunter2 typed in the wrong place", address="192.0.2.77")

    kept = await house.everything_kept()
    assert "hunter2" not in kept
    assert "192.0.2.77" not in kept
