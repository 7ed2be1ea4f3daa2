"""
How somebody comes in: by a link and a new password, or by name and password.

A name that nobody has fails like a wrong password: with the same words, after the same work.
"""

from usher.access.links import open_link, take_link
from usher.access.names import clean_name, name_problems
from usher.access.passwords import password_problems
from usher.access.people import PeopleDesk, known_by, new_person
from usher.access.roles import Role
from usher.access.sessions import Session, begin_session, end_brought
from usher.access.throttle import Attempt, begin_change, begin_sign_in, forgive, is_news
from usher.errors import InvalidInput, Problem, Unauthenticated
from usher.store import notes, people, sessions
from usher.store.database import Txn
from usher.store.people import Person

WRONG = "The name or the password is wrong. Check both; an administrator can give you a new link."
FIRST = "the first link"


async def use_link(desk: PeopleDesk, token: str, *, name: str, password: str, browser: str, brought: str = "") -> str:
    """
    Set a password by a link, and sign in; the link is used up, and the person's older sessions end.

    Args:
        name: what the first admin wants to be called; ignored where the link is somebody's.
        browser: what the browser calls itself.
        brought: the token of the session that the browser has so far, which ends; "" for none.

    Returns:
        The session's token, for a cookie.

    Raises:
        NotFound: the link has been used, has expired, or never was one; ask an admin for another.
        InvalidInput: every problem with name and password; the link stays open.
        Conflict: somebody has that name; the link stays open.
    """
    invitation = await open_link(desk, token)
    chosen = clean_name(name) if invitation.name is None else invitation.name
    problems = name_problems(chosen) if invitation.is_first else []
    if problems := [*problems, *password_problems(password, name=chosen)]:
        raise InvalidInput(*problems)
    password_hash = await desk.passwords.hashed(password)
    person_id, session_id, session_token = desk.new_id(), desk.new_id(), desk.new_token()

    def work(txn: Txn) -> None:
        owner = take_link(txn, token).person_id
        person = _first_admin(txn, person_id, name=chosen) if owner is None else _still_there(txn, owner)
        _let_in(txn, person, password_hash)
        end_brought(txn, brought)
        begin_session(txn, session_id=session_id, token=session_token, person_id=person.id, browser=browser)

    await desk.database.write(work)
    return session_token


async def sign_in(desk: PeopleDesk, *, name: str, password: str, address: str, browser: str, brought: str = "") -> str:
    """
    Sign somebody in; a success clears the name's failures.

    Args:
        address: whence the request came; many failures from one slow down all that come from there.
        browser: what the browser calls itself.
        brought: the token of the session that the browser has so far, which ends; "" for none.

    Returns:
        The session's token, for a cookie.

    Raises:
        Unauthenticated: the name or the password is wrong; which of them is not told.
        TooSoon: too many attempts failed; even the right password must wait.
        Unavailable: too many people sign in at once.
    """

    def begin(txn: Txn) -> tuple[Attempt, Person | None, str]:
        attempt = begin_sign_in(txn, name=name, address=address)
        person = known_by(txn, name)
        return attempt, person, people.password_hash_of(txn, person.id) if person else ""

    attempt, person, kept = await desk.database.write(begin)
    if not await desk.passwords.matches(kept, password) or person is None:
        await desk.database.write(lambda txn: _note_failure(txn, name, person))
        raise Unauthenticated(WRONG)
    renewed = await desk.passwords.renewed(kept, password)
    session_id, session_token = desk.new_id(), desk.new_token()

    def work(txn: Txn) -> None:
        _need_same_password(txn, person.id, kept)
        forgive(txn, attempt)
        if renewed:
            people.set_password_hash(txn, person.id, renewed)
        end_brought(txn, brought)
        begin_session(txn, session_id=session_id, token=session_token, person_id=person.id, browser=browser)
        notes.add_audit(txn, actor=person.name, action="person.sign_in", what=person.name)

    await desk.database.write(work)
    return session_token


async def change_password(desk: PeopleDesk, session: Session, *, old: str, new: str) -> None:
    """
    Change the password of whoever is signed in; their other sessions and open links end.

    Raises:
        InvalidInput: the old password is wrong, or the new one will not do; mend the named field.
        TooSoon: too many attempts failed in this session; those to sign in count apart.
        Unauthenticated: the password was changed meanwhile; sign in anew.
    """
    name = session.actor.name
    if problems := password_problems(new, name=name, field="new"):
        raise InvalidInput(*problems)

    def begin(txn: Txn) -> tuple[Attempt, str]:
        return begin_change(txn, session_id=session.id), people.password_hash_of(txn, session.person_id)

    attempt, kept = await desk.database.write(begin)
    if not await desk.passwords.matches(kept, old):
        raise InvalidInput(Problem("old", "is not the password.", "Type the one that you signed in with."))
    password_hash = await desk.passwords.hashed(new)

    def work(txn: Txn) -> None:
        _need_same_password(txn, session.person_id, kept)
        forgive(txn, attempt)
        people.set_password_hash(txn, session.person_id, password_hash)
        people.end_links_of(txn, session.person_id)
        sessions.end_sessions_of(txn, session.person_id, but=session.id)
        notes.add_audit(txn, actor=name, action="person.password", what=name)

    await desk.database.write(work)


def _first_admin(txn: Txn, person_id: str, *, name: str) -> Person:
    person = new_person(txn, person_id=person_id, name=name, role=Role.ADMIN, created_by=FIRST)
    notes.add_audit(txn, actor=person.name, action="person.create", what=person.name, note=f"{Role.ADMIN}, by {FIRST}")
    return person


def _still_there(txn: Txn, person_id: str) -> Person:
    person = people.person_by_id(txn, person_id)
    assert person is not None  # links end with their person
    return person


def _let_in(txn: Txn, person: Person, password_hash: str) -> None:
    people.set_password_hash(txn, person.id, password_hash)
    people.end_first_links(txn)  # somebody can sign in now
    sessions.end_sessions_of(txn, person.id)
    notes.add_audit(txn, actor=person.name, action="person.password", what=person.name, note="by a one-time link")
    notes.add_audit(txn, actor=person.name, action="person.sign_in", what=person.name)


def _need_same_password(txn: Txn, person_id: str, kept: str) -> None:
    """Refuse where the password was changed, or the person removed, while it was being compared."""
    if people.password_hash_of(txn, person_id) != kept:
        raise Unauthenticated(WRONG)


def _note_failure(txn: Txn, name: str, person: Person | None) -> None:
    """Write the failure down; a name that nobody has is not: it may be a password, typed in the wrong place."""
    if is_news(txn, name=name if person else ""):
        whom = person.name if person else "somebody unknown"
        notes.add_audit(txn, actor=whom, action="person.sign_in_failed", what=whom)
