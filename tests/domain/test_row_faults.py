"""When so many rows are rejected that the fault must be the job's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.row_faults import RowFaults


def noted(answers):
    """Whether the job is at fault after each of *answers* (True: rejected), which come a millisecond apart."""
    faults = RowFaults()
    return [faults.note(is_rejected=rejected, now_ms=1_000 + n) for n, rejected in enumerate(answers)]


def test_bad_rows_stop_nobody_before_twenty_answers():
    assert noted([True] * 19) == [False] * 19


@pytest.mark.parametrize(("bad", "is_at_fault"), [(0, False), (9, False), (10, True), (11, True), (20, True)])
def test_half_of_twenty_answers_is_the_job_s_fault(bad, is_at_fault):
    assert noted([True] * bad + [False] * (20 - bad))[-1] is is_at_fault
    assert noted([False] * (20 - bad) + [True] * bad)[-1] is is_at_fault


@given(st.lists(st.booleans(), max_size=80))
def test_only_the_last_twenty_answers_count(answers):
    expected = [n >= 20 and sum(answers[n - 20 : n]) >= 10 for n in range(1, len(answers) + 1)]

    assert noted(answers) == expected


def test_one_bad_row_in_three_never_stops_a_job():
    assert not any(noted([True, False, False] * 1_000))


def test_since_is_when_the_oldest_answer_that_counts_came():
    faults = RowFaults()
    assert faults.since_ms is None

    for n in range(25):
        faults.note(is_rejected=False, now_ms=n)

    assert faults.since_ms == 5
