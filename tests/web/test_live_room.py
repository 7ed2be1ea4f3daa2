"""The room that live pages share: made once for everybody, in turn, with rest, and with so many seats."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from tests.clocks import ManualClock
from usher.errors import NotFound, TooSoon, Unavailable, UsherError
from usher.web.live_room import LiveRoom


@dataclass
class Kitchen:
    """Makes numbered things, each when it is let go."""

    made: int = 0
    doors: list[asyncio.Event] = field(default_factory=list)

    async def make(self) -> int:
        self.made += 1
        number, door = self.made, asyncio.Event()
        self.doors.append(door)
        await door.wait()
        return number


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def starts(making: Awaitable[int]) -> asyncio.Future[int]:
    return asyncio.ensure_future(making)


async def test_what_many_ask_for_at_once_is_made_once() -> None:
    clock, kitchen = ManualClock(), Kitchen()
    room = LiveRoom(clock)
    asked = [starts(room.once("jobs", kitchen.make, since=clock.monotonic())) for _ in range(400)]
    await settled()
    kitchen.doors[0].set()
    assert await asyncio.gather(*asked) == [1] * 400
    assert await room.once("jobs", kitchen.make, since=clock.monotonic()) == 1, "and kept for who comes in this round"


async def test_what_began_before_somebody_asked_is_made_anew_for_all_of_them_together() -> None:
    clock, kitchen = ManualClock(), Kitchen()
    room = LiveRoom(clock)
    first = starts(room.once("jobs", kitchen.make, since=clock.monotonic()))
    await settled()
    clock.pass_ms(10)
    later = [starts(room.once("jobs", kitchen.make, since=clock.monotonic())) for _ in range(3)]
    await settled()
    assert kitchen.made == 1, "one at a time"
    kitchen.doors[0].set()
    await settled()
    kitchen.doors[1].set()
    assert (await first, await asyncio.gather(*later)) == (1, [2, 2, 2])


async def test_whoever_leaves_takes_nothing_from_the_others() -> None:
    clock, kitchen = ManualClock(), Kitchen()
    room = LiveRoom(clock)
    leaving, staying = [starts(room.once("jobs", kitchen.make, since=clock.monotonic())) for _ in range(2)]
    await settled()
    leaving.cancel()
    await settled()
    kitchen.doors[0].set()
    assert await staying == 1
    assert kitchen.made == 1


async def test_a_failure_is_told_to_everybody_and_the_next_round_tries_again() -> None:
    clock = ManualClock()
    room = LiveRoom(clock)

    async def missing() -> int:
        raise NotFound

    asked = [room.once("jobs", missing, since=clock.monotonic()) for _ in range(2)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [NotFound, NotFound]
    clock.pass_ms(1_000)
    assert await room.once("jobs", _seven, since=clock.monotonic()) == 7


async def test_parts_are_made_one_after_another_and_for_at_most_half_of_the_time() -> None:
    clock = ManualClock()
    room, at_work, spans = LiveRoom(clock), [0], []

    async def make() -> None:
        at_work[0] += 1
        began = clock.monotonic()
        await asyncio.sleep(0)
        clock.pass_ms(300)
        assert at_work[0] == 1
        at_work[0] -= 1
        spans.append((began, clock.monotonic()))

    await asyncio.gather(*(room.in_turn(make) for _ in range(4)))
    rests = [later[0] - earlier[1] for earlier, later in pairwise(spans)]
    assert rests == pytest.approx([0.3] * 3)


async def test_what_nobody_asks_for_any_more_is_let_go() -> None:
    clock = ManualClock()
    room = LiveRoom(clock)
    for number in range(50):
        await room.once(number, _seven, since=clock.monotonic())
        clock.pass_ms(1_000)
    assert len(room._making) <= 4


async def _seven() -> int:
    return 7


REFUSALS: list[tuple[type[UsherError], Callable[[int], str]]] = [
    (TooSoon, lambda number: "one"),
    (Unavailable, lambda number: f"session {number}"),
]


@pytest.mark.parametrize(("refusal", "named"), REFUSALS, ids=["of-one-session", "in-all"])
def test_there_are_so_many_seats_and_one_that_is_given_back_can_be_taken(
    refusal: type[UsherError], named: Callable[[int], str]
) -> None:
    room = LiveRoom(ManualClock(), most=500 if refusal is TooSoon else 20, most_of_one=20)
    for number in range(20):
        room.enter(named(number))
    with pytest.raises(refusal):
        room.enter(named(20))
    room.leave(named(0))
    room.enter(named(20))
    with pytest.raises(refusal):
        room.enter(named(21))


def test_a_session_without_a_seat_is_not_looked_for() -> None:
    room = LiveRoom(ManualClock(), most_of_one=1)
    room.enter("one")
    with pytest.raises(TooSoon):
        room.enter("one")
    assert room.sessions == ["one"]
    room.leave("one")
    assert room.sessions == []
