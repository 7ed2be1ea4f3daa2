"""When so many people would be marked as having left that a person should look first."""

PERCENT = 20.0
PEOPLE = 500
WINDOW_MS = 15 * 60 * 1000  # triggered exits are counted over this long


def stops(leaving: int, *, inside: int, people: int = PEOPLE, percent: float = PERCENT) -> bool:
    """
    Return whether *leaving* of the *inside* people who are wanted true are too many to remove unasked.

    Both limits must be passed, so that small audiences may shrink freely.

    Args:
        people, percent: the limits, a job's own for triggered exits or those of *scan_limits*.
    """
    return leaving > people and 100 * leaving > percent * inside


def scan_limits(*, is_set: bool, people: int, percent: float) -> tuple[int, float]:
    """
    Return the limits for a scan: the usual ones, or the job's own for triggered exits where those are lower.

    Otherwise a scan would do unasked what a person was asked about, and decided against, when it came by triggers.

    Args:
        is_set: the job has its brake on for triggered exits.
    """
    return (min(PEOPLE, people), min(PERCENT, percent)) if is_set else (PEOPLE, PERCENT)
