"""
Who counts as the same person when somebody is erased, and what is kept in their stead.

That is a keyed hash: it recognises the identifier when it comes again, and names nobody.
"""

import hmac
import re
from collections.abc import Collection
from hashlib import sha256
from unicodedata import normalize
from urllib.parse import unquote

from usher.domain.identifier import normalise

SHORT_CHARS = 5  # below, an identifier may be part of any word
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")  # as JSON may write any character


def erasure_name(member: str) -> str:
    """Return the one name of whoever *member* names: an e-mail address in any letter case is one person."""
    if "@" not in member:
        return member
    return normalise(member, lowercase=True) or member


def tombstone_of(member: str, *, key: bytes) -> str:
    """Return what is kept in the stead of *member*: 64 hex digits that say nothing without *key*."""
    return hmac.new(key, erasure_name(member).encode(), sha256).hexdigest()


def mentions(body: str, members: Collection[str]) -> bool:
    """
    Return whether *body* names one of *members*, in any letter case, as plain text or as JSON or a form escapes it.

    A short identifier counts only as a word of its own. In doubt this says yes.
    """
    patterns = [_pattern(member) for member in members if member]
    readings = {_folded(text) for text in (body, _without_escapes(body), unquote(body.replace("+", " ")))}
    return any(pattern.search(reading) for pattern in patterns for reading in readings)


def _pattern(member: str) -> re.Pattern[str]:
    named = re.escape(_folded(member))
    return re.compile(named if len(member) >= SHORT_CHARS else rf"(?<!\w){named}(?!\w)")


def _folded(text: str) -> str:
    return normalize("NFC", normalize("NFC", text).lower())


def _without_escapes(body: str) -> str:
    plain = ESCAPED.sub(lambda found: chr(int(found[1], 16)), body).replace("\\/", "/").replace('\\"', '"')
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
