"""How an alert is sent to a channel that does not take it: again, ever more rarely, and not for ever. Pure."""

from random import Random

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3_600.0
MOST_MS = round(LONGEST_SECONDS * 1000)
GIVE_UP_MS = 24 * 3_600_000
MOST_DOUBLINGS = 12
WAITING_KEEP = 200  # messages that wait for one channel; the oldest make room


def delay_seconds(attempts: int, *, rng: Random, asked_seconds: float | None = None) -> float:
    """
    Return the wait after the *attempts*-th failure in a row (1, 2, …): doubles from 5 s to 1 h, a tenth either way.

    Args:
        asked_seconds: what the receiver asked for; taken where it is longer, up to the same hour.
    """
    doublings = min(max(attempts - 1, 0), MOST_DOUBLINGS)
    usual = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**doublings) * rng.uniform(0.9, 1.1)
    return min(LONGEST_SECONDS, max(usual, asked_seconds or 0.0))


def is_due(due_ms: int, *, now_ms: int) -> bool:
    """Return whether it is time for the next try; a moment beyond the longest wait is a clock's that was set back."""
    return due_ms <= now_ms or due_ms - now_ms > MOST_MS


def is_given_up(created_ms: int, *, now_ms: int) -> bool:
    """Return whether a message has been tried for long enough."""
    return now_ms - created_ms >= GIVE_UP_MS
