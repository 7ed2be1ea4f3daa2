"""When a job's triggers have ceased to carry its identifier: few say nothing, and what was always so is no change."""

import pytest

from usher.domain.unnamed import Triggers, have_lost_identifier


def test_of_no_triggers_nobody_is_unnamed():
    assert Triggers(0, 0).share == 0.0


def test_what_came_since_is_counted_apart_from_what_came_before():
    assert Triggers(130, 45).since(Triggers(100, 40)) == Triggers(30, 5)


@pytest.mark.parametrize(
    ("lately", "usual", "verdict"),
    [
        (Triggers(49, 49), 0.0, None),
        (Triggers(50, 50), 0.0, True),
        (Triggers(50, 10), 0.0, False),
        (Triggers(50, 11), 0.0, True),
        (Triggers(100, 50), 0.5, False),
        (Triggers(100, 71), 0.5, True),
    ],
)
def test_a_fifth_more_than_usual_of_at_least_fifty_is_a_loss(lately: Triggers, usual: float, verdict: bool | None):
    assert have_lost_identifier(lately, usual=usual) is verdict
