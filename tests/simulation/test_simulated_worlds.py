"""Whole worlds, seed after seed: every promise holds in each, and a seed is the same world every time."""

import os
import subprocess
import sys
from random import Random

import pytest

from tests.store.stores import a_job
from tools.measuring import Measured
from usher.simulation.draws import TIMES, draw_world
from usher.simulation.many import find
from usher.simulation.person import Person
from usher.simulation.run import run_seed
from usher.simulation.stage import Stage
from usher.simulation.trace import Trace
from usher.simulation.world import World

SEEDS = int(os.environ.get("SIMULATE_SEEDS", "200"))
CHUNK = 10
REPLAYED = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_no_world_breaks_a_promise(first: int, measured: Measured) -> None:
    seeds = range(first, min(first + CHUNK, SEEDS + 1))
    for seed in seeds:
        found = find(seed)
        assert not found.is_broken, f"seed {seed} breaks a promise: {found.promise}: {found.seen}\n{found.trace}"
    measured("simulation.seeds", len(seeds))


@pytest.mark.process
def test_the_same_seed_gives_the_same_bytes_in_any_process() -> None:
    command = [sys.executable, "-m", "usher", "simulate", "--trace", "--seeds", "1", "--seed", str(REPLAYED)]
    started = [
        subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": hashed}, stdout=subprocess.PIPE)
        for hashed in ("1", "4242")
    ]
    told = [process.communicate()[0] for process in started]
    assert told[0] == told[1]
    assert told[0].count(b"\n") > 50
    assert [process.returncode for process in started] == [0, 0]


def test_a_seed_is_the_same_whatever_ran_before_it() -> None:
    alone = run_seed(5).trace.text()
    run_seed(6)
    assert run_seed(5).trace.text() == alone


def test_seeds_differ_in_their_worlds_and_faults() -> None:
    draws = [draw_world(Random(seed)) for seed in range(1, 13)]
    assert {draw.is_alone for draw in draws} == {True, False}
    assert len({draw.workers for draw in draws}) == 3
    assert len({frozenset(draw.chances) for draw in draws}) == 12


def test_everything_that_a_world_draws_is_something_that_happens() -> None:
    rng = Random(1)
    world = World(draw_world(rng), rng, Trace())
    world.person = Person(world.stage, world.ledger, a_job(), refresh=lambda: None)
    try:
        assert TIMES.keys() == world.trouble.kinds.keys() | world.person.kinds.keys() | {"many leave"}
    finally:
        world.stage.loop.close()


def test_a_fault_that_no_world_draws_is_not_asked_for() -> None:
    rng = Random(1)
    stage = Stage(draw_world(rng), rng, Trace())
    with pytest.raises(AssertionError, match="answer lsot"):
        stage.happens("answer lsot")
    stage.loop.close()
