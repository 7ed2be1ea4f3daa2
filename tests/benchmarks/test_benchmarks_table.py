"""A figure is shown on one line for people and one for programs."""

import json

import pytest

from benchmarks.figures import Goal, figure_of
from benchmarks.table import asked, lines, number
from tests.benchmarks.made import figure, rated


def test_the_line_for_programs_holds_the_whole_figure() -> None:
    found = rated(0.5, 0.7, goal=Goal("ratio", "at least", 0.6, 0.8))
    _, told = lines(found)
    assert figure_of(json.loads(told)) == found


def test_the_line_for_people_says_spread_ratio_yardstick_and_goal() -> None:
    shown, _ = lines(rated(0.5, 0.7, 0.9, goal=Goal("ratio", "at least", 0.6, 0.8)))
    assert " ".join(shown.split()) == "usher --help 7 (5–9) ms 0.7 a script; at least 0.6, then 0.8: least"


def test_a_figure_beside_nothing_has_nothing_after_its_spread() -> None:
    shown, _ = lines(figure())
    assert shown.endswith("120 (100–400) ms")


def test_a_goal_of_one_figure_is_said_once() -> None:
    assert asked(Goal("value", "at most", 150, 150)) == "at most 150"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_234_567.8, "1,234,568"),
        (100.4, "100"),
        (99.94, "99.9"),
        (10.0, "10"),
        (1.256, "1.26"),
        (0.6, "0.6"),
        (0, "0"),
    ],
)
def test_a_number_keeps_the_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown
