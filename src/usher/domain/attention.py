"""
Which jobs need a person, and under which words each is found.

A job needs a person while it is at fault, has failed, people of it wait at the removal brake, or triggers of it may be
missing. A pause is somebody's own wish, so a paused job keeps its word, Paused; but those who wait at its brake go on
waiting, and no resume decides about them. So it is found under both: where somebody looks for what is paused, and for
what needs them.
"""

from enum import StrEnum

from usher.domain.job import LIVE, Status


class Group(StrEnum):
    """Where a job counts, most urgent first. ENDED is killed or deleted."""

    ATTENTION = "attention"
    RUNNING = "running"
    SLEEPING = "sleeping"
    PAUSED = "paused"
    COMPLETED = "completed"
    ENDED = "ended"


STOPPED = frozenset({Status.FAULT, Status.FAILED})
_USUALLY = {
    Status.RUNNABLE: Group.RUNNING,
    Status.SLEEPING: Group.SLEEPING,
    Status.PAUSED: Group.PAUSED,
    Status.FAULT: Group.ATTENTION,
    Status.FAILED: Group.ATTENTION,
    Status.COMPLETED: Group.COMPLETED,
    Status.KILLED: Group.ENDED,
    Status.DELETED: Group.ENDED,
}


def is_at_brake(status: Status, *, is_held: bool) -> bool:
    """
    Return whether people of a job wait for a decision: about a job that has ended there is none to make.

    Args:
        is_held: its triggered exits, or those whom its newest scan did not find, are held.
    """
    return is_held and status in LIVE


def is_short_of_triggers(status: Status, *, has_gap: bool) -> bool:
    """Return whether an open gap in its triggers counts: not for a job that has ended, or that somebody paused."""
    return has_gap and status in LIVE and status is not Status.PAUSED


def needs_attention(status: Status, *, is_held: bool, has_gap: bool = False) -> bool:
    """Return whether a job needs a person; *is_held* as in *is_at_brake*, *has_gap*: triggers of it may be missing."""
    if status in STOPPED or is_at_brake(status, is_held=is_held):
        return True
    return is_short_of_triggers(status, has_gap=has_gap)


def is_told_by_brake(status: Status, *, is_held: bool) -> bool:
    """Return whether the brake's word stands in place of the status's own."""
    return is_at_brake(status, is_held=is_held) and status is not Status.PAUSED


def group_of(status: Status, *, is_held: bool, has_gap: bool = False) -> Group:
    """Return the most urgent group of a job, by which it is sorted."""
    return Group.ATTENTION if needs_attention(status, is_held=is_held, has_gap=has_gap) else _USUALLY[status]


def groups_of(status: Status, *, is_held: bool, has_gap: bool = False) -> frozenset[Group]:
    """Return every group under which a job is found: one, but two for a paused job that needs attention."""
    first = group_of(status, is_held=is_held, has_gap=has_gap)
    return frozenset({first, Group.PAUSED}) if status is Status.PAUSED else frozenset({first})
