"""When so many people would be marked as having left that a person should look first."""

SHARE = 0.20
PEOPLE = 500
WINDOW_MS = 15 * 60 * 1000  # triggered exits are counted over this long


def stops(leaving: int, *, inside: int) -> bool:
    """
    Return whether *leaving* of the *inside* people who are wanted true are too many to remove unasked.

    Both limits must be passed, so that small audiences may shrink freely.
    """
    return leaving > PEOPLE and leaving > SHARE * inside
