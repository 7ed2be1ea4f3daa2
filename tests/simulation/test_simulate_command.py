"""`usher simulate`: what it prints, and how it ends."""

import json

import pytest
from typer.testing import CliRunner

from tests.simulation.planted import PLANTED
from usher.cli.main import app

FAULT = next(fault for fault in PLANTED if fault.name == "version ignored")


def test_seeds_that_hold_end_well_with_their_number_and_rate() -> None:
    done = CliRunner().invoke(app, ["simulate", "--seed", "2", "--seeds", "2"])
    assert done.exit_code == 0
    assert "2 seeds from 2" in done.stdout
    assert "a second" in done.stdout
    assert "every promise held" in done.stdout


def test_a_broken_promise_is_printed_with_its_seed_its_world_and_what_led_to_it() -> None:
    with FAULT.in_force():
        done = CliRunner().invoke(app, ["simulate", "--seed", str(FAULT.seed), "--seeds", "1"])
    assert done.exit_code == 1
    assert f"seed {FAULT.seed} breaks a promise: versions and sequences only grow" in done.stdout
    assert "faults:" in done.stdout
    assert "BROKEN" in done.stdout
    assert f"usher simulate --seed {FAULT.seed} --seeds 1 --trace" in done.stdout


def test_json_names_every_seed_that_broke_a_promise() -> None:
    with FAULT.in_force():
        done = CliRunner().invoke(app, ["simulate", "--seed", str(FAULT.seed), "--seeds", "1", "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["seeds"] == 1
    assert told["per_second"] > 0
    assert told["failures"] == 1
    assert [found["seed"] for found in told["broken"]] == [FAULT.seed]


def test_a_time_to_run_for_ends_the_run() -> None:
    done = CliRunner().invoke(app, ["simulate", "--for", "0.001"])
    assert done.exit_code == 0
    assert "1 seeds" in done.stdout


@pytest.mark.process
def test_several_processes_tell_the_same_as_one() -> None:
    told = [
        json.loads(CliRunner().invoke(app, ["simulate", "--seeds", "2", "--json", "--workers", workers]).stdout)
        for workers in ("1", "2")
    ]
    for one in told:
        del one["seconds"], one["per_second"]
    assert told[0] == told[1]
