"""
Who lives in the sandbox: people made up from a seed.

Some of every hundred try a program: odd but legal addresses, several addresses, none at all.
"""

import random
from dataclasses import dataclass
from typing import Any

FIRST_NAMES = (
    "Jo", "Ana", "Bjørn", "Chloé", "Dagný", "Émile", "Fatima", "Giàng", "Hiroko", "Iñaki", "Józef", "Kwame",
    "Łucja", "Màiri", "Nuria", "Özlem", "Priya", "Quentin", "Renée", "Søren", "Thị", "Ursula", "Zoë",
    "王芳", "Юлия",
)  # fmt: skip
LAST_NAMES = (
    "Public", "O'Brien", "Müller", "García Márquez", "Sørensen", "Nguyễn", "van der Berg", "Özdemir",
    "Kowalski", "D’Angelo", "Hernández-Ruiz", "佐藤", "Иванова", "Þórsdóttir", "Okafor", "Smith <admin>",
    "Lévesque", "Haşek",
)  # fmt: skip
CITIES = ("Berlin", "São Paulo", "Zürich", "Łódź", "Kraków", "Genève", "東京", "Reykjavík", "Dún Laoghaire")
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.co.uk")

NO_EMAIL_SHARE = 0.01
SEVERAL_EMAILS_SHARE = 0.02
ODD_EMAIL_SHARE = 0.03
ODD_LOCAL_PARTS = (
    "first.last+tag{n}",
    "dept/{n}",
    '"quoted name {n}"',
    "o'brien{n}",
    "{{braces}}{n}",
    "x=y&z{n}",
    "50%off{n}",
    "a_rather_long_local_part_that_nearly_fills_what_is_allowed_{n}",
    "UPPER.Case{n}",
    "jörg{n}",
)
IDENTIFIER_FIELDS = ("email", "user_id")

SCHEMA: tuple[tuple[str, str, str], ...] = (
    ("_id", "string", "Lytics ID"),
    ("email", "string", "E-mail address"),
    ("emails", "[]string", "All e-mail addresses"),
    ("user_id", "string", "Customer number"),
    ("phone", "string", "Mobile number"),
    ("first_name", "string", "First name"),
    ("last_name", "string", "Last name"),
    ("city", "string", "City"),
    ("segments", "[]string", "Audiences"),
)
PII_FIELDS = ("email", "emails", "user_id", "phone", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class Person:
    """
    One made-up profile.

    Args:
        index: place in the list of people, from 0.
        profile_id: decimal unsigned 64-bit number as text, as Lytics' webhooks carry it.
        emails: none, one or several; the first is the value of the field `email`.
    """

    index: int
    profile_id: str
    user_id: str
    phone: str
    first_name: str
    last_name: str
    city: str
    emails: tuple[str, ...]

    @property
    def lytics_id(self) -> str:
        return f"{int(self.profile_id):016x}"

    @property
    def email(self) -> str | None:
        return self.emails[0] if self.emails else None

    def fields(self) -> dict[str, Any]:
        """The profile as a flat map; a field without a value is left out, as Lytics does."""
        profile: dict[str, Any] = {
            "_id": self.lytics_id,
            "user_id": self.user_id,
            "phone": self.phone,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "city": self.city,
        }
        if self.emails:
            profile["email"] = self.emails[0]
            profile["emails"] = list(self.emails)
        return profile


def make_people(count: int, *, seed: int) -> list[Person]:
    """*count* people, no two with the same identifier; the same seed makes the same people."""
    rng = random.Random(seed)  # noqa: S311 - made-up people, not secrets
    return [_person(index, rng) for index in range(count)]


def _person(index: int, rng: random.Random) -> Person:
    return Person(
        index=index,
        profile_id=str((1 << 63) | (rng.getrandbits(40) << 21) | index),
        user_id=f"C-{index:07d}",
        phone=f"+49151{index:08d}",
        first_name=rng.choice(FIRST_NAMES),
        last_name=rng.choice(LAST_NAMES),
        city=rng.choice(CITIES),
        emails=_emails(index, rng),
    )


def _emails(index: int, rng: random.Random) -> tuple[str, ...]:
    draw, domain = rng.random(), rng.choice(DOMAINS)
    if draw < NO_EMAIL_SHARE:
        return ()
    if draw < NO_EMAIL_SHARE + SEVERAL_EMAILS_SHARE:
        return (f"person{index}@{domain}", f"person{index}.work@{domain}", f"person{index}.old@{domain}")
    if draw < NO_EMAIL_SHARE + SEVERAL_EMAILS_SHARE + ODD_EMAIL_SHARE:
        return (_odd_email(index, rng, domain),)
    return (f"person{index}@{domain}",)


def _odd_email(index: int, rng: random.Random, domain: str) -> str:
    if rng.random() < 0.2:
        return f"person{index}@bücher.example"
    return f"{rng.choice(ODD_LOCAL_PARTS).format(n=index)}@{domain}"
