"""Which limits the brake asked by, and since when somebody waits."""

from dataclasses import replace

import pytest

from tests.jobs.test_saying import job
from usher.domain.removal_brake import PEOPLE, PERCENT
from usher.jobs.removals import HeldScan, Limits, Removals
from usher.store.brake import HeldExits

SCAN = HeldScan("reconcile", leaving=700, inside=2_000, seen=1_300, pages=13, ended_ms=5)
EXITS = HeldExits(told=0, waiting=710, inside=2_000)


def removals(scan: HeldScan | None = None, exits: HeldExits | None = None, **config: object) -> Removals:
    of = job()
    of = replace(of, config=replace(of.config, **config))  # type: ignore[arg-type] # named by each test
    return Removals(of, scan, exits, since_ms=9, hold="1", per_second=None)


@pytest.mark.parametrize(
    ("found", "since_ms"),
    [(removals(), None), (removals(SCAN), 5), (removals(exits=EXITS), 9), (removals(SCAN, EXITS), 5)],
    ids=["nobody", "scan", "exits", "both"],
)
def test_somebody_waits_since_the_brake_stopped_the_job(found: Removals, since_ms: int | None) -> None:
    assert found.stopped_ms == since_ms


LIMITS = [
    (True, 40, 5.0, Limits(40, 5.0)),
    (True, 900, 50.0, Limits(PEOPLE, PERCENT)),
    (False, 40, 5.0, Limits(PEOPLE, PERCENT)),
]


@pytest.mark.parametrize(("is_on", "people", "percent", "scan"), LIMITS, ids=["lower", "higher", "off"])
def test_a_scan_is_held_by_the_job_s_own_limits_only_where_they_are_lower(
    is_on: bool, people: int, percent: float, scan: Limits
) -> None:
    found = removals(exit_brake=is_on, exit_brake_people=people, exit_brake_percent=percent)
    assert (found.exit_limits, found.scan_limits) == (Limits(people, percent), scan)
