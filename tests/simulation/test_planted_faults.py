"""The simulator is tested too: each fault planted into the product is found, with the seed that found it last first."""

import os
from collections.abc import Iterator
from random import Random

import pytest

from tests.simulation.planted import PLANTED, Planted
from tools.measuring import Measured
from usher.simulation.draws import draw_world
from usher.simulation.run import run_seed

MOST_SEEDS = 2_000
IS_FULL = bool(os.environ.get("SIMULATE_FAULTS_FULL"))  # look from the first seed on


def seeds_for(fault: Planted) -> Iterator[int]:
    if not IS_FULL:
        yield fault.seed
    yield from (seed for seed in range(1, MOST_SEEDS + 1) if fault.may_show(draw_world(Random(seed))))


@pytest.mark.timeout(3_600 if IS_FULL else 600)
@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_found(fault: Planted, measured: Measured) -> None:
    with fault.in_force():
        found = next((seed for seed in seeds_for(fault) if fault.is_found(run_seed(seed).broken)), None)
    assert found is not None, f"{fault.name} ({fault.races}) was not found within {MOST_SEEDS} worlds"
    measured("simulation.planted_slowest_seed", found)


def test_every_race_has_a_planted_fault(measured: Measured) -> None:
    races = {race for fault in PLANTED for race in fault.races.split() if race.startswith("R")}
    assert races >= {f"R{number}" for number in range(1, 16)}
    measured("simulation.planted", len(PLANTED))
