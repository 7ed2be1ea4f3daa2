"""What is said of those whom the removal brake holds, and of both ways on."""

from dataclasses import replace

import pytest

from tests.jobs.test_saying import job
from usher.jobs.removals import HeldScan, Removals
from usher.jobs.removals_said import removals_said
from usher.store.brake import HeldExits

SCAN = HeldScan("reconcile", leaving=6_204, inside=21_000, seen=14_796, pages=148, ended_ms=1)
EXITS = HeldExits(told=0, waiting=710, inside=2_000)
LOOKS_LIKE = "Usher stopped and asks, because a mistake in Lytics looks just like this."
LIMIT = "It asks where more than 500 people, and more than 20 %, leave within 15 minutes."


def held(scan: HeldScan | None = None, exits: HeldExits | None = None, per_second: float | None = None) -> Removals:
    return Removals(job(), scan, exits, since_ms=None, hold="1", per_second=per_second)


STOPPED = [
    (
        held(exits=EXITS),
        (
            "710 of 2,000 people left VIP shoppers: none told yet, 710 wait."
            f" {LOOKS_LIKE} Nothing was sent for them, and nothing is lost by waiting. {LIMIT}"
        ),
    ),
    (
        held(exits=replace(EXITS, told=3)),
        (
            "713 of 2,000 people left VIP shoppers: 3 already told, 710 wait."
            f" {LOOKS_LIKE} Nothing is lost by waiting. {LIMIT}"
        ),
    ),
    (
        held(SCAN),
        (
            "A complete comparison did not find 6,204 of 21,000 people in VIP shoppers."
            f" {LOOKS_LIKE} Nothing was sent for them, and nothing is lost by waiting."
        ),
    ),
    (
        held(SCAN, EXITS),
        (
            "710 of 2,000 people left VIP shoppers: none told yet, 710 wait."
            " A complete comparison did not find 6,204 of 21,000 people in VIP shoppers."
            f" {LOOKS_LIKE} Nothing was sent for them, and nothing is lost by waiting. {LIMIT}"
        ),
    ),
]


@pytest.mark.parametrize(("found", "said"), STOPPED, ids=["exits", "some told", "scan", "both"])
def test_why_it_stopped_is_said_with_its_figures(found: Removals, said: str) -> None:
    assert removals_said(found).stopped == said


@pytest.mark.parametrize("exits", [EXITS, replace(EXITS, told=3), replace(EXITS, told=10, waiting=12, inside=492)])
def test_the_reason_that_a_job_shows_gives_the_figures_of_the_page(exits: HeldExits) -> None:
    figures, _, _ = str(exits).replace("the audience", "VIP shoppers").partition(" for you.")

    assert removals_said(held(exits=exits)).stopped.startswith(f"{figures}. ")


MISSED = "whom the comparison did not find"
STILL = "true in Mapp, until Lytics says that they left or a later comparison does not find them either."
KEPT = [
    (held(SCAN), f"The 6,204 {MISSED} stay {STILL}"),
    (held(replace(SCAN, leaving=1)), f"The one {MISSED} stays {STILL}"),
    (held(exits=EXITS), "The 710 who left stay true, and Mapp is told so once more."),
    (held(exits=replace(EXITS, waiting=1)), "The one who left stays true, and Mapp is told so once more."),
    (
        held(exits=replace(EXITS, told=3)),
        (
            "The 710 who left stay true, and Mapp is told so once more."
            " The 3 of whom Mapp was told before stay false until they enter again."
        ),
    ),
    (
        held(exits=replace(EXITS, told=1)),
        (
            "The 710 who left stay true, and Mapp is told so once more."
            " The one of whom Mapp was told before stays false until this person enters again."
        ),
    ),
    (
        held(SCAN, EXITS),
        f"The 6,204 {MISSED} stay {STILL} The 710 who left stay true, and Mapp is told so once more.",
    ),
]


@pytest.mark.parametrize(("found", "said"), KEPT, ids=range(len(KEPT)))
def test_what_follows_from_keeping_them_is_said(found: Removals, said: str) -> None:
    assert removals_said(found).if_kept == said


@pytest.mark.parametrize(
    ("per_second", "taking"),
    [
        (None, "for each of them. Whoever"),
        (64.0, "for each of them, which takes about 11 seconds at 64 a second. Whoever"),
        (2.5, "for each of them, which takes about 5 minutes at 2.5 a second. Whoever"),
    ],
    ids=["unlimited", "64", "2.5"],
)
def test_how_long_setting_them_to_false_takes_is_said_where_it_is_known(per_second: float | None, taking: str) -> None:
    assert taking in removals_said(held(exits=EXITS, per_second=per_second)).if_confirmed
