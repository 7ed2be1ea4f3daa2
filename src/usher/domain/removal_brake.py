"""When so many people would be marked as having left that a person should look first."""

PERCENT = 20.0
PEOPLE = 500
WINDOW_MS = 15 * 60 * 1000  # triggered exits are counted over this long


def stops(leaving: int, *, inside: int, people: int = PEOPLE, percent: float = PERCENT) -> bool:
    """
    Return whether *leaving* of the *inside* people who are wanted true are too many to remove unasked.

    Both limits must be passed, so that small audiences may shrink freely.

    Args:
        people, percent: the limits; those of a scan are always the same, a job may set its own for triggered exits.
    """
    return leaving > people and 100 * leaving > percent * inside
