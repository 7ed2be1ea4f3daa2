"""
How Lytics writes a moment, read without losing a nanosecond.

Whole numbers only: a float holds today's nanoseconds no better than to the nearest 256.
"""

import re
from datetime import date

NS_PER_SECOND = 1_000_000_000
SECONDS_PER_DAY = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()

RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,30}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def ns_from_rfc3339(text: object) -> int | None:
    """
    Return nanoseconds since 1970 (before it: negative), or None where *text* is no RFC 3339 moment.

    Any offset is fine, none at all is not: a local time names no moment.
    Digits beyond the nanosecond are dropped. A leap second is the first second of the next minute.

    Source: facts/lytics.md B1, "RFC3339 with nanoseconds, Z or offset" (confirmed).
    """
    match = RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    ahead = _seconds_ahead(sign, offset_hour, offset_minute)
    if ahead is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    seconds = days * SECONDS_PER_DAY + int(hour) * 3600 + int(minute) * 60 + int(second) - ahead
    return seconds * NS_PER_SECOND + int((fraction or "0")[:9].ljust(9, "0"))


def _seconds_ahead(sign: str | None, hour: str | None, minute: str | None) -> int | None:
    """How far local time runs ahead of UTC, or None where no place on earth could."""
    if sign is None or hour is None or minute is None:
        return 0
    if int(hour) > 23 or int(minute) > 59:
        return None
    seconds = int(hour) * 3600 + int(minute) * 60
    return -seconds if sign == "-" else seconds
