"""A day of changes, drawn and in words."""

import pytest

from usher.web.dashboard.sparkline import sparkline

QUIET = [(0, 0)] * 24


def test_a_day_without_changes_says_so_and_draws_nothing():
    drawn = sparkline(QUIET)

    assert (drawn.entered, drawn.exited) == ("", "")
    assert drawn.words == "Nobody entered or left within 24 hours."


def test_both_lines_have_one_scale_and_stay_inside_the_drawing():
    drawn = sparkline([*QUIET[:-1], (10, 5)])

    assert drawn.entered.endswith("120,2")
    assert drawn.exited.endswith("120,14")
    assert len(drawn.entered.split()) == 24
    assert {point.split(",")[1] for point in drawn.entered.split()[:-1]} == {"26"}


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ([(0, 0), (1, 0)], "Within 2 hours 1 person entered and 0 left; most in one hour: 1, this hour."),
        ([(900, 400), (0, 1)], "Within 2 hours 900 people entered and 401 left; most in one hour: 1,300, 1 h ago."),
        ([(5, 0), (5, 0), (0, 0)], "Within 3 hours 10 people entered and 0 left; most in one hour: 5, 1 h ago."),
    ],
)
def test_the_words_say_the_figures(hours, words):
    assert sparkline(hours).words == words
