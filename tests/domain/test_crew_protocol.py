"""
The whole protocol, walked at random: workers beat, stop, go on, die and leave while others join.

At every step, what all may send within a window stays below the limit, and only the holder of a lease records under it.
That each sentence is needed is shown by leaving it out.
"""

from dataclasses import fields, replace

import pytest

from tests.domain.crew_world import RATE, Rules, World

STEPS = 400
# For each sentence a seed whose walk needs it; where rules change, the search goes on from there.
NEEDED_BY = {
    "beats_take_turns": 1,
    "waits_to_be_known": 536,
    "adopts_before_it_knows": 163,
    "claims_only_when_fresh": 24,
    "fresh_since_the_beat_began": 40,
    "sends_only_within_room": 24,
    "dies_only_when_room_is_over": 190,
    "comes_back_as_another": 67,
    "new_ones_are_last": 2,
    "grows_a_window_later": 17,
    "grows_from_nothing_on_a_new_stay": 5_988,
    "leases_are_looked_at": 6,
}


def walked(rules: Rules, seed: int, *, rate: float = RATE, hands: int = 3) -> World:
    """Walk until something is wrong, or to the end."""
    world = World(rules, seed=seed, rate=rate, hands=hands)
    for _ in range(STEPS):
        world.step()
        if is_wrong(world):
            break
    return world


def is_wrong(world: World) -> bool:
    return world.most > world.rate or world.pages_by_two > 0


@pytest.mark.parametrize(("rate", "hands"), [(5.0, 3), (1.0, 3), (7.0, 4), (2.0, 2)], ids=str)
def test_all_together_never_pass_the_limit_and_two_never_scan_one_job(rate: float, hands: int) -> None:
    worlds = [walked(Rules(), seed, rate=rate, hands=hands) for seed in range(40)]
    assert not [world for world in worlds if is_wrong(world)]
    assert max(world.most for world in worlds) == rate, "and it is used to the full"


@pytest.mark.parametrize("sentence", [field.name for field in fields(Rules)])
def test_no_sentence_of_the_protocol_can_be_left_out(sentence: str) -> None:
    rules = replace(Rules(), **{sentence: False})
    first = NEEDED_BY[sentence]
    assert any(is_wrong(walked(rules, seed)) for seed in range(first, first + 1_000))
    assert not any(is_wrong(walked(Rules(), seed)) for seed in range(first, first + 3))
