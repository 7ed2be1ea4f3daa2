"""Which strings name a member, and which of a profile's values do."""

import unicodedata
from collections.abc import Iterable
from itertools import islice

LONGEST_BYTES = 256  # Lytics' own limit for an identifier
MOST_PER_PROFILE = 50  # Lytics stitches at most this many identifiers to one profile
MOST_READ = 1_000  # of one profile's values; more is no list of identifiers
LONGEST_RAW = 4 * LONGEST_BYTES  # NFC makes one character of four at most, so what is longer stays too long


def normalise(raw: object, *, lowercase: bool = False) -> str | None:
    """
    Return the member named by one raw value, or None where it names nobody.

    Trimmed and NFC; letter case is kept unless *lowercase*, because an identifier need not be an e-mail address.
    Whole numbers are taken as written; control characters, lone surrogates and over-long values name nobody.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None
    if isinstance(raw, int) and raw.bit_length() > 8 * LONGEST_BYTES:
        return None  # Python refuses to write out the longest
    trimmed = str(raw).strip()
    if len(trimmed) > LONGEST_RAW:
        return None
    member = unicodedata.normalize("NFC", trimmed)
    if lowercase:
        member = unicodedata.normalize("NFC", member.lower())
    if not member or not (member.isprintable() or _is_storable(member)):
        return None
    return member if len(member.encode()) <= LONGEST_BYTES else None


def _is_storable(member: str) -> bool:
    return all(unicodedata.category(char) not in {"Cc", "Cs"} for char in member)


def members_of(value: object, *, lowercase: bool = False) -> tuple[str, ...]:
    """
    Return the distinct members named by a profile's identifier field, in order, at most MOST_PER_PROFILE.

    *value* is what Lytics sent: a scalar, a list (each of its values), a map (its keys), or nothing.
    Each is named as *normalise* says.
    """
    many: Iterable[object] = value if isinstance(value, list | dict) else (value,)
    read = islice(many, MOST_READ)
    named = dict.fromkeys(member for raw in read if (member := normalise(raw, lowercase=lowercase)) is not None)
    return tuple(named)[:MOST_PER_PROFILE]
