"""What an answer's headers say about time: how long to stay away, and what time it is over there."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT_SECONDS = 3600.0  # a longer wish is more likely a mistake than a plan

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str], *, now_ms: int) -> float | None:
    """
    Return for how long the answer asks to be left alone: above 0, at most an hour; None where it does not.

    Takes seconds or an HTTP date. Mapp is not known to send this header; a proxy before it may.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        wait = float(text)
    elif (at_ms := _moment_ms(text)) is not None:
        wait = (at_ms - now_ms) / 1000
    else:
        return None
    return min(wait, LONGEST_WAIT_SECONDS) if wait > 0 else None


def date_ms(headers: Mapping[str, str]) -> int | None:
    """Return the sender's clock by its Date header, in milliseconds since 1970 (whole seconds), or None."""
    return _moment_ms(headers.get("date", ""))


def _moment_ms(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
        aware: datetime = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp()) * 1000
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
