"""
How JSON from outside is read when it may be slightly broken.

The strict reader is fast and takes all that is sound. What it refuses for one odd value (half an emoji,
a number without end, a stray byte) is read again: the odd value becomes nothing, the rest is kept.
Nothing that comes out of here can break a database or an encoder further on.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

# msgspec raises all three, though its documentation names only the first
STRICT_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

LONGEST_NUMBER = 400  # characters; Python refuses to turn more than 4,300 digits into an int
BLANKS = b" \t\r\n"

# Matches at every quote, even an unclosed one, so that no input makes the scan start over and over.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]+|[\]}]+|,', re.DOTALL)


class NotJsonError(ValueError):
    """These bytes are not JSON, not even with forbearance."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def decode(body: bytes) -> object:
    """
    Return what *body* says; duplicate keys: the last wins.

    Raises:
        NotJsonError: it cannot be read; ask again, or keep it for a person. Nothing else is ever raised.
    """
    try:
        return msgspec.json.decode(body)
    except STRICT_REFUSALS:
        return _decode_again(body)


def split_array(body: bytes, *, most: int) -> list[bytes] | None:
    """
    Return the items of a JSON array as they were written, or None where *body* is not one array.

    At most *most* items, then all the rest as one, unread. Only strings and brackets are looked at,
    so an item that no decoder can read is cut out whole and its neighbours survive.
    Takes time in proportion to what it reads, whatever that is.
    """
    text = body.strip(BLANKS)
    if not text.startswith(b"["):
        return None
    commas, end = _commas_and_end(text, most=most)
    if end != len(text) - 1:
        return None
    edges = [0, *commas, end]
    items = [text[start + 1 : stop].strip(BLANKS) for start, stop in pairwise(edges)]
    return [] if items == [b""] else items


def _commas_and_end(text: bytes, *, most: int) -> tuple[list[int], int]:
    """Where the commas between the items stand, and the bracket that closes the array (-1: none does)."""
    commas: list[int] = []
    depth = 0
    for token in TOKEN.finditer(text):
        start, stop = token.span()
        first = text[start]
        if first in b"[{":
            depth += stop - start
        elif first in b"]}":
            depth -= stop - start
            if depth <= 0:
                return commas, stop - 1 + depth
        elif first in b"," and depth == 1:
            commas.append(start)
            if len(commas) == most:
                return commas, text.rfind(b"]")
    return commas, -1


def _decode_again(body: bytes) -> object:
    try:
        # A stray byte becomes a lone surrogate here, and so falls to the same rule as one written as \ud800.
        text = body.decode("utf-8", "surrogateescape")
        found = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_nothing)
        return _storable(found)
    except (ValueError, RecursionError):
        raise NotJsonError from None


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value if _is_encodable(value) else None
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return dict(_storable_items(value))
    return value


def _storable_items(pairs: dict[str, object]) -> Iterator[tuple[str, object]]:
    return ((key, _storable(value)) for key, value in pairs.items() if _is_encodable(key))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


def _nothing(name: str) -> None:
    """NaN and Infinity are not JSON, but some encoders write them."""
