"""How long a row waits after a known failure."""

from random import Random

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 60.0  # nothing may pull a row out of its backoff, so a live change waits at most this long
MOST_DOUBLINGS = 16  # far past the cap; keeps the power small


def backoff_seconds(attempts: int, *, rng: Random) -> float:
    """
    Return the wait after the *attempts*-th failure in a row (1, 2, …).

    Doubles from FIRST_SECONDS to LONGEST_SECONDS, then takes a random half to whole of it,
    so that rows which failed together do not come back together, not even at the cap.
    """
    doublings = min(max(attempts - 1, 0), MOST_DOUBLINGS)
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**doublings)
    return ceiling * rng.uniform(0.5, 1.0)


def throttle_seconds(*, rng: Random) -> float:
    """Return the wait of a row that Mapp throttled: short, since the pace itself slows down."""
    return rng.uniform(0.5, 2.0)
