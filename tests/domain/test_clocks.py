"""Whether our clock can be trusted with a scan."""

import pytest

from usher.domain.clocks import Moment, do_differ, most_difference_seconds, was_set, why_no_scan


@pytest.mark.parametrize(
    ("difference", "guard", "differ"),
    [
        (None, 0, False),
        (0.0, 0, False),
        (2.0, 0, False),
        (2.1, 0, True),
        (60.0, 120, False),
        (60.1, 120, True),
        (-60.0, 120, False),
        (-60.1, 120, True),
    ],
)
def test_clocks_may_differ_by_half_the_guard_and_by_what_a_header_cannot_tell(
    difference: float | None, guard: float, differ: bool
) -> None:
    assert do_differ(difference, guard_seconds=guard) is differ


@pytest.mark.parametrize(
    ("moved_ms", "passed_seconds", "is_set"),
    [
        (0, 0.0, False),
        (3_600_000, 3_600.0, False),
        (60_000, 0.0, False),
        (60_001, 0.0, True),
        (-60_001, 0.0, True),
        (0, 61.0, True),
        (-3_540_000, 60.0, True),
    ],
)
def test_a_clock_was_set_where_it_moved_otherwise_than_time_passed(
    moved_ms: int, passed_seconds: float, is_set: bool
) -> None:
    before, after = Moment(1_790_000_000_000, 5.0), Moment(1_790_000_000_000 + moved_ms, 5.0 + passed_seconds)

    assert was_set(before, after, guard_seconds=120) is is_set


def test_people_are_told_by_how_much_what_follows_and_what_to_do() -> None:
    said = why_no_scan(-75.2, guard_seconds=120)

    assert said.startswith("This machine's clock and Lytics' differ by 75 s; a scan allows for 60 s.")
    assert "Mend the time service" in said
    assert most_difference_seconds(120) == 60
