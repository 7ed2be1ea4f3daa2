"""
One-time links: how a link comes to be, and what it opens.

There is no default password, and the first visitor is nobody special: who reads what the service prints is.
Looking at a link does not use it up, since scanners of mail look too.
"""

from dataclasses import dataclass

from usher.access.roles import Role
from usher.access.tokens import TokenDesk, hashed
from usher.errors import NotFound
from usher.store import people
from usher.store.database import Txn
from usher.store.people import OneTimeLink

FIRST_LINK_MS = 15 * 60_000
MOST_FIRST_LINKS = 8  # each `serve` that starts prints one, and ends nobody else's
INVITATION_MS = 24 * 3_600_000  # it is sent to somebody, who need not be there at once
PATH = "/welcome/"
DEAD = (
    "This link has been used, has expired, or never was one."
    " Ask an administrator for a new one (`usher admin reset NAME`)."
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """
    What a link opens.

    Args:
        name: of whom it is for; None for the first link, whose user chooses one.
        is_first: whoever uses it becomes the first admin.
    """

    name: str | None
    role: Role
    is_first: bool


async def first_link(desk: TokenDesk) -> str | None:
    """
    Return the token of a link (15 minutes, once) by which somebody becomes the first admin.

    The newest few are open side by side; all end once somebody can sign in.

    Returns:
        None where somebody can sign in already.
    """
    token = desk.new_token()

    def work(txn: Txn) -> bool:
        if any(person.can_sign_in for person in people.all_people(txn)):
            return False
        people.add_link(txn, OneTimeLink(hashed(token), None, txn.now_ms + FIRST_LINK_MS))
        people.end_first_links(txn, but_newest=MOST_FIRST_LINKS)
        return True

    return token if await desk.database.write(work) else None


async def open_link(desk: TokenDesk, token: str) -> Invitation:
    """
    Look at what a link opens, without using it up; safe to repeat.

    Raises:
        NotFound: it has been used, has expired, or never was one; ask an admin for another.
    """
    token_hash = hashed(token)
    return await desk.database.read(lambda txn: _invitation(txn, people.link_by_hash(txn, token_hash)))


def link_for(txn: Txn, person_id: str, *, token: str, life_ms: int) -> None:
    """Make a link for a person; their older ones end."""
    people.end_links_of(txn, person_id)
    people.add_link(txn, OneTimeLink(hashed(token), person_id, txn.now_ms + life_ms))


def take_link(txn: Txn, token: str) -> OneTimeLink:
    """
    Use a link up.

    Raises:
        NotFound: there is none any more; of several who use one at once, one gets it.
    """
    link = people.link_by_hash(txn, hashed(token))
    if link is None or not people.use_up_link(txn, link.token_hash):
        raise NotFound(DEAD)
    return link


def link_url(base_url: str, token: str) -> str:
    """Return the address that a browser opens."""
    return f"{base_url.rstrip('/')}{PATH}{token}"


def _invitation(txn: Txn, link: OneTimeLink | None) -> Invitation:
    if link is None:
        raise NotFound(DEAD)
    if link.person_id is None:
        return Invitation(None, Role.ADMIN, is_first=True)
    person = people.person_by_id(txn, link.person_id)
    if person is None:
        raise NotFound(DEAD)
    return Invitation(person.name, Role(person.role), is_first=False)
