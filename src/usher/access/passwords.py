"""
What a password must be, and how it is kept: argon2id with the library's own cost, made anew when that grows.

Length is what resists guessing, so there are no rules of composition; only what is guessed first is refused.
"""

import asyncio
import secrets
import string
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from usher.access.names import name_key
from usher.errors import Problem, Unavailable

T = TypeVar("T")
SHORTEST, LONGEST = 12, 256  # characters
LONGEST_RAW = 4 * LONGEST  # NFC makes one character of four at most, so what is longer stays too long
AT_ONCE = 2  # each takes 64 MiB
MOST_WAITING = 64
SALT_BYTES = 16
LONGEST_UNIT = 8  # characters that, repeated, still make a trivial text
ROWS = (
    "1234567890",
    string.ascii_lowercase,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
)
# The words that lists of leaked passwords begin with; digits and signs around them add next to nothing.
COMMON = """
    password passwort passw0rd p@ssw0rd p@ssword passwordpassword motdepasse letmein letmeinnow welcome willkommen
    admin administrator adminadmin root rootroot superuser master changeme changeit pleasechangeme secret topsecret
    default guest login user username computer internet iloveyou ichliebedich princess sunshine monkey dragon football
    baseball basketball superman batman starwars trustno whatever qwerty qwertz azerty mustang shadow hello hellohello
    helloworld freedom michael jennifer charlie usher lytics mapp
"""
AROUND = string.digits + string.punctuation + " "


class Passwords:
    """
    Makes hashes and compares with them, in threads, two at a time.

    Args:
        hasher: argon2id with its cost; a cheaper one is for tests only.

    Concurrency: belongs to one event loop. Up to 64 callers wait; the next gets Unavailable.
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._random_bytes = random_bytes
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._decoy = ""

    async def hashed(self, password: str) -> str:
        """Return what is kept of *password*."""
        return await self._in_turn(partial(self._hashed, password))

    async def matches(self, kept: str, password: str) -> bool:
        """
        Return whether *password* is the one that *kept* was made of.

        Args:
            kept: a hash, or "" for nobody's: that takes as long, and never matches.
        """
        is_possible = bool(kept) and len(password) <= LONGEST_RAW
        tried = await self._in_turn(partial(self._matches, kept if is_possible else "", password[:LONGEST_RAW]))
        return tried and is_possible

    async def renewed(self, kept: str, password: str) -> str | None:
        """Return a new hash where *kept* was made at another cost than today's, else None."""
        return await self.hashed(password) if self._hasher.check_needs_rehash(kept) else None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many people sign in at once; try again in a moment.")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    def _hashed(self, password: str) -> str:
        return self._hasher.hash(_bytes(password), salt=self._random_bytes(SALT_BYTES))

    def _matches(self, kept: str, password: str) -> bool:
        if not self._decoy:
            self._decoy = self._hashed("")
        try:
            return self._hasher.verify(kept or self._decoy, _bytes(password))
        except VerifyMismatchError:
            return False


def password_problems(password: str, *, name: str, field: str = "password") -> list[Problem]:
    """
    Return what is wrong with a new password.

    Args:
        name: of whom it is for.
        field: where it was typed.
    """
    if len(password) > LONGEST_RAW or not SHORTEST <= len(normalize("NFC", password)) <= LONGEST:
        asked = f"must have {SHORTEST} to {LONGEST} characters."
        return [Problem(field, asked, "Four or five words that do not belong together do well.")]
    if name_key(password) == name_key(name):
        return [Problem(field, "is the name.", "Choose something that nobody can look up.")]
    if _is_repeated(password) or _is_row(password) or password.casefold().strip(AROUND) in COMMON.split():
        return [Problem(field, "is among the first that anybody would guess.", "Choose one that is not on a list.")]
    return []


def _is_repeated(text: str) -> bool:
    units = (text[:size] for size in range(1, min(LONGEST_UNIT, len(text) // 2) + 1))
    return any((unit * len(text))[: len(text)] == text for unit in units)


def _is_row(text: str) -> bool:
    """Whether *text* runs along the keyboard or the alphabet, forwards or backwards, round and round."""
    plain = text.casefold()
    rows = (row * (len(plain) // len(row) + 2) for row in ROWS)
    return any(plain in row or plain[::-1] in row for row in rows)


def _bytes(password: str) -> bytes:
    return normalize("NFC", password).encode(errors="replace")
