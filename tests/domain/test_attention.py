"""Which jobs need a person, and under which words each is found."""

import pytest

from usher.domain.attention import Group, group_of, groups_of, is_at_brake, is_told_by_brake, needs_attention
from usher.domain.job import LIVE, Status

A, R, Z, P, C, E = Group.ATTENTION, Group.RUNNING, Group.SLEEPING, Group.PAUSED, Group.COMPLETED, Group.ENDED
FOUND = [
    (Status.RUNNABLE, {R}, {A}),
    (Status.SLEEPING, {Z}, {A}),
    (Status.PAUSED, {P}, {P, A}),
    (Status.FAULT, {A}, {A}),
    (Status.FAILED, {A}, {A}),
    (Status.COMPLETED, {C}, {C}),
    (Status.KILLED, {E}, {E}),
    (Status.DELETED, {E}, {E}),
]


@pytest.mark.parametrize(("status", "usually", "while_held"), FOUND, ids=[status for status, *_ in FOUND])
def test_each_job_is_found_under_what_it_does_and_what_it_needs(status, usually, while_held):
    assert groups_of(status, is_held=False) == usually
    assert groups_of(status, is_held=True) == while_held


def test_no_status_is_left_out():
    assert {status for status, *_ in FOUND} == set(Status)


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("status", Status)
def test_whatever_needs_attention_is_found_there_first_and_nothing_else_is(status, is_held):
    needs = needs_attention(status, is_held=is_held)

    assert (Group.ATTENTION in groups_of(status, is_held=is_held)) is needs
    assert (group_of(status, is_held=is_held) is Group.ATTENTION) is needs


@pytest.mark.parametrize("status", Status)
def test_only_a_live_job_has_people_who_wait_and_a_pause_keeps_its_word(status):
    assert is_at_brake(status, is_held=True) is (status in LIVE)
    assert is_told_by_brake(status, is_held=True) is (status in LIVE and status is not Status.PAUSED)
    assert not is_told_by_brake(status, is_held=False)
