"""A figure says what every turn found, and whether its median is what it should be."""

import json

import pytest

from benchmarks.figures import Figure, Goal, against, figure_of
from tests.benchmarks.made import figure, rated


def test_one_run_out_of_three_that_was_disturbed_does_not_move_the_median() -> None:
    found = figure()
    assert (found.median, found.least, found.most) == (120.0, 100.0, 400.0)


@pytest.mark.parametrize(
    ("found", "verdict"), [(0.59, "not reached"), (0.6, "least"), (0.79, "least"), (0.8, "reached"), (2.0, "reached")]
)
def test_a_goal_of_at_least_is_met_from_its_figure_upwards(found: float, verdict: str) -> None:
    assert rated(found, goal=Goal("ratio", "at least", 0.6, 0.8)).verdict == verdict


@pytest.mark.parametrize(
    ("found", "verdict"), [(1.6, "not reached"), (1.5, "least"), (1.2, "least"), (1.15, "reached"), (0.1, "reached")]
)
def test_a_goal_of_at_most_is_met_from_its_figure_downwards(found: float, verdict: str) -> None:
    assert rated(found, goal=Goal("ratio", "at most", 1.5, 1.15)).verdict == verdict


def test_a_goal_of_one_figure_is_reached_or_not() -> None:
    goal = Goal("value", "at most", 120, 120)
    assert figure(goal=goal).verdict == "reached"
    assert figure(runs=(120.1,), goal=goal).verdict == "not reached"


def test_a_goal_for_the_value_does_not_look_at_the_ratio() -> None:
    assert rated(0.1, 0.1, goal=Goal("value", "at least", 1, 1)).verdict == "reached"


def test_without_a_goal_there_is_no_verdict() -> None:
    assert figure().verdict is None


def test_a_ratio_is_taken_turn_by_turn_and_not_of_the_medians() -> None:
    assert against((10, 20, 30), (10, 10, 100)) == (1.0, 2.0, 0.3)


def test_turns_that_do_not_pair_up_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        against((1, 2), (1,))


@pytest.mark.parametrize("found", [figure(), rated(0.5, 0.7, 0.9, goal=Goal("ratio", "at least", 0.6, 0.8))])
def test_a_figure_is_the_same_after_a_journey_through_json(found: Figure) -> None:
    assert figure_of(json.loads(json.dumps(found.to_json()))) == found


def test_programs_read_what_follows_from_the_runs_without_counting() -> None:
    told = rated(0.5, 0.7, 0.9, goal=Goal("ratio", "at least", 0.6, 0.8)).to_json()
    assert (told["median"], told["least"], told["most"], told["verdict"]) == (7.0, 5.0, 9.0, "least")


def test_a_figure_that_was_never_taken_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="never measured"):
        figure(runs=())


def test_a_ratio_to_nothing_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="3 ratios"):
        figure(ratios=(1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="has none"):
        figure(goal=Goal("ratio", "at least", 1, 1))


def test_a_yardstick_that_some_turns_lack_cannot_be_one() -> None:
    with pytest.raises(ValueError, match="1 ratios for 3 runs"):
        figure(yardstick="a script", ratios=(1.0,))


def test_the_best_is_never_easier_than_the_good() -> None:
    with pytest.raises(ValueError, match="swap"):
        Goal("ratio", "at least", 0.8, 0.6)
