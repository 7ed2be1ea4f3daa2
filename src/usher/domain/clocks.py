"""
Whether our clock can be trusted with a scan.

What a scan says is as old as our clock says, what a trigger says as old as Lytics' does; so the two must agree within
what G leaves over for them.
"""

from typing import NamedTuple

SHARE_OF_GUARD = 0.5  # the other half is for how far a scan lags behind its triggers
LEAST_SECONDS = 2.0  # what a Date header and the way to it cannot tell


class Moment(NamedTuple):
    """One moment: by the clock that may be set, and by the steady one that never is."""

    now_ms: int
    steady_seconds: float


def most_difference_seconds(guard_seconds: float) -> float:
    """Return by how much our clock and Lytics' may differ where a scan allows for *guard_seconds* (G)."""
    return max(guard_seconds * SHARE_OF_GUARD, LEAST_SECONDS)


def do_differ(difference_seconds: float | None, *, guard_seconds: float) -> bool:
    """
    Return whether the clocks differ by too much for a scan.

    Args:
        difference_seconds: how far Lytics' clock is ahead of ours (behind: negative); None where it shows none, which
            is no reason against a scan.
    """
    return difference_seconds is not None and abs(difference_seconds) > most_difference_seconds(guard_seconds)


def was_set(before: Moment, after: Moment, *, guard_seconds: float) -> bool:
    """Return whether our clock was set, between two moments, by too much for a scan that goes on across them."""
    moved_seconds = (after.now_ms - before.now_ms) / 1000
    passed_seconds = after.steady_seconds - before.steady_seconds
    return abs(moved_seconds - passed_seconds) > most_difference_seconds(guard_seconds)


def why_no_scan(difference_seconds: float, *, guard_seconds: float) -> str:
    """Say it to people, with the next step."""
    most = most_difference_seconds(guard_seconds)
    return (
        f"This machine's clock and Lytics' differ by {abs(difference_seconds):,.0f} s; a scan allows for {most:g} s. So"
        " the audience is not read, because what it shows could be taken for newer than it is. Mend the time service"
        " here (with PostgreSQL: on the database's machine). Usher looks again by itself."
    )
