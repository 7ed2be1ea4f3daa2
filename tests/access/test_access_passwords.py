"""What may be a password, and how it is kept."""

import asyncio
import threading
from unicodedata import normalize

import pytest
from argon2 import PasswordHasher

from tests.access.house import BETTER, CHEAP, GOOD
from usher.access import passwords
from usher.access.passwords import AT_ONCE, COMMON, LONGEST_RAW, MOST_WAITING, Passwords, password_problems
from usher.errors import Unavailable

REFUSED = [
    "",
    "short",
    "eleven char",
    "x" * 257,
    "aaaaaaaaaaaa",
    "abcabcabcabca",
    "1234567 1234567 ",
    "1234567890123",
    "0987654321098",
    "abcdefghijklm",
    "ZYXWVUTSRQPONM",
    "qwertyuiopas",
    "Password2024!",
    "!!!administrator",
    "P@ssw0rd1234",
    "Anna Catherine B",
    "ANNA catherine b ",
]
TAKEN = [
    GOOD,
    BETTER,
    "x7Kq!m2Vz9#d",
    "korrekt pferd batterie",
    "ünï cødé wörds",
    "        a long one",
    "123456789013",
    "x" * 6 + "yz" * 6,
]


@pytest.mark.parametrize("password", REFUSED, ids=range(len(REFUSED)))
def test_what_is_short_endless_or_guessed_first_is_refused_with_a_mend(password):
    (problem,) = password_problems(password, name="Anna Catherine B", field="new")

    assert problem.field == "new"
    assert problem.mend
    assert not password or password not in str(problem)


@pytest.mark.parametrize("password", TAKEN, ids=range(len(TAKEN)))
def test_there_are_no_rules_of_composition(password):
    assert password_problems(password, name="Anna") == []


def test_a_password_is_measured_before_it_is_normalised_which_takes_the_square_of_its_length(monkeypatch):
    sizes = []

    def normalize_(form, text):
        sizes.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(passwords, "normalize", normalize_)
    endless = "a" + "\u0315\u0300" * 5_000
    assert [problem.field for problem in password_problems(endless, name="Anna")] == ["password"]
    assert password_problems(BETTER, name="Anna") == []
    assert max(sizes) <= LONGEST_RAW


async def test_a_long_password_is_known_again_however_its_letters_are_composed():
    apart = "\u03b1\u0313\u0300\u0345" * 100 + BETTER
    assert password_problems(apart, name="Anna") == []
    kept = await Passwords(CHEAP).hashed(apart)
    for typed in (apart, normalize("NFC", apart)):
        assert await Passwords(CHEAP).matches(kept, typed)
    assert not await Passwords(CHEAP).matches(kept, apart + "x")


def test_a_few_dozen_words_are_too_common():
    words = COMMON.split()

    assert 36 <= len(words) == len(set(words)) <= 96
    for word in words:
        assert password_problems(f"{word:1<12}", name="Anna"), word


async def test_the_same_password_matches_however_its_letters_are_composed():
    passwords = Passwords(CHEAP)
    kept = await passwords.hashed("cafe\u0301 au lait, s'il vous")

    assert await passwords.matches(kept, "caf\u00e9 au lait, s'il vous")
    assert not await passwords.matches(kept, "cafe au lait, s'il vous")


async def test_a_hash_is_argon2id_salted_and_says_nothing():
    passwords = Passwords()
    one, two = await passwords.hashed(GOOD), await passwords.hashed(GOOD)

    assert one != two
    assert one.startswith("$argon2id$v=19$m=65536,")
    assert GOOD not in one
    assert await passwords.matches(one, GOOD)


@pytest.mark.parametrize("password", ["", GOOD, "x" * 1000, "\ud800" * 12], ids=range(4))
async def test_nobodys_hash_matches_nothing(password):
    assert not await Passwords(CHEAP).matches("", password)


async def test_a_longer_text_never_matches_by_its_beginning():
    passwords = Passwords(CHEAP)
    kept = await passwords.hashed("y" * 256)

    assert await passwords.matches(kept, "y" * 256)
    assert not await passwords.matches(kept, "y" * 257)


async def test_a_hash_is_made_anew_when_the_cost_has_grown():
    old, new = Passwords(CHEAP), Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    kept = await old.hashed(GOOD)
    renewed = await new.renewed(kept, GOOD)

    assert renewed
    assert await new.matches(renewed, GOOD)
    assert await new.renewed(renewed, GOOD) is None


class Slow(PasswordHasher):
    """Counts how many hash at once; while in pairs, none ends before a second has begun."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.lock, self.pair, self.in_pairs, self.now, self.most = threading.Lock(), threading.Barrier(2), True, 0, 0

    def hash(self, password, *, salt=None):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.in_pairs:
            self.pair.wait(10)
        with self.lock:
            self.now -= 1
        return super().hash(password, salt=salt)


async def test_at_most_two_hash_at_once_and_a_bounded_number_wait():
    slow = Slow()
    passwords = Passwords(slow)
    waiting = [asyncio.create_task(passwords.hashed(GOOD)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable):
        await passwords.hashed(GOOD)
    await asyncio.gather(*waiting)
    slow.in_pairs = False
    assert slow.most == AT_ONCE
    assert await passwords.hashed(GOOD)
