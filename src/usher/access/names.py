"""When two names are one: without case, outer space, or how their letters are composed."""

from unicodedata import normalize

from usher.errors import Problem

LONGEST_NAME = 100
LONGEST_RAW = 4 * LONGEST_NAME + 1  # NFC makes one character of four at most, so what is longer stays too long


def clean_name(text: str) -> str:
    """Return a name as it is kept: trimmed, NFC; of one that is too long anyway, only the beginning."""
    return normalize("NFC", text.strip()[:LONGEST_RAW])  # cut first: normalising takes the square of the length


def name_key(text: str) -> str:
    """Return what is the same for all spellings of one name."""
    return normalize("NFC", clean_name(text).casefold())


def name_problems(name: str) -> list[Problem]:
    """Return what is wrong with a name that has been cleaned."""
    if name and name.isprintable() and len(name) <= LONGEST_NAME:
        return []
    return [Problem("name", f"must be 1 to {LONGEST_NAME} printable characters.", "Choose another name.")]
