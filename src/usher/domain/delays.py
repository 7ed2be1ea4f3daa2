"""
How long live changes took to be accepted, kept as counts in buckets that grow by half from one to the next.

Percentiles cannot be added up; counts can, over minutes, hours and whole spans.
"""

from bisect import bisect_right
from collections.abc import Mapping

GROWTH = 1.5  # a percentile read from a bucket is at most this factor off
LAST = 54  # holds 25 days and everything above
BOUNDS_MS = tuple(GROWTH**power for power in range(LAST))  # bucket n ends below BOUNDS_MS[n]
PREFIX = "d"


def delay_name(delay_ms: float) -> str:
    """Return the name of the bucket that a delay is counted in, "d00" to "d54"; a negative one counts as none."""
    return NAMES[bisect_right(BOUNDS_MS, delay_ms)]


NAMES = tuple(f"{PREFIX}{number:02d}" for number in range(LAST + 1))
_NUMBERS = {name: number for number, name in enumerate(NAMES)}


def quantile_ms(counts: Mapping[str, int], share: float) -> int | None:
    """
    Return the delay in milliseconds that *share* (0..1) of those counted did not exceed; None where none was.

    It is read between the ends of its bucket, in proportion. The last bucket has no end, so its beginning is told.

    Args:
        counts: how many were counted, by the name of the bucket; other names are left alone.
    """
    held = sorted((_NUMBERS[name], count) for name, count in counts.items() if name in _NUMBERS and count > 0)
    wanted = share * sum(count for _, count in held)
    below = 0
    for number, count in held:
        if below + count >= wanted:
            return round(_within(number, (wanted - below) / count))
        below += count
    return None


def _within(number: int, share: float) -> float:
    lower = BOUNDS_MS[number - 1] if number else 0.0
    upper = BOUNDS_MS[number] if number < LAST else lower
    return lower + (upper - lower) * share
