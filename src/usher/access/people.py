"""The people who sign in: invited by admins, known by name, never left without an admin who can."""

from typing import Protocol

from usher.access.links import INVITATION_MS, link_for
from usher.access.names import clean_name, name_key, name_problems
from usher.access.passwords import Passwords
from usher.access.roles import Actor, Role, allows
from usher.access.tokens import TokenDesk
from usher.errors import Conflict, Forbidden, InvalidInput, NotFound, Problem
from usher.store import notes, people, sessions
from usher.store.database import Txn
from usher.store.people import Person

MOST_PEOPLE = 1_000


class PeopleDesk(TokenDesk, Protocol):
    """What people are let in with."""

    @property
    def passwords(self) -> Passwords: ...


async def list_people(desk: TokenDesk) -> list[Person]:
    """Return everybody, oldest first, those who have not signed in yet too."""
    return await desk.database.read(people.all_people)


async def create_person(desk: TokenDesk, actor: Actor, *, name: str, role: str) -> tuple[Person, str]:
    """
    Invite somebody; not safe to repeat.

    Args:
        role: viewer, operator or admin.

    Returns:
        The person, and the token of the link by which they set a password (24 hours, once); it is kept only as a hash.

    Raises:
        InvalidInput: every problem with name and role.
        Conflict: somebody has that name, or there are 1,000 people.
        Forbidden: only admins may.
    """
    need_admin(actor)
    _check(*name_problems(clean_name(name)), *_role_problems(role))
    person_id, token = desk.new_id(), desk.new_token()

    def work(txn: Txn) -> Person:
        person = new_person(txn, person_id=person_id, name=name, role=role, created_by=actor.name)
        notes.add_audit(txn, actor=actor.name, action="person.create", what=person.name, note=role)
        return _invited(txn, person, token)

    return await desk.database.write(work), token


async def reset_person(desk: TokenDesk, actor: Actor, *, name: str) -> tuple[Person, str]:
    """
    Give somebody a new link (24 hours, once) to set a password by; an older one ends.

    Their old password works until the link is used; then their sessions end.

    Raises:
        NotFound: nobody has that name. Forbidden: only admins may.
    """
    need_admin(actor)
    token = desk.new_token()

    def work(txn: Txn) -> Person:
        person = person_named(txn, name)
        notes.add_audit(txn, actor=actor.name, action="person.reset", what=person.name)
        return _invited(txn, person, token)

    return await desk.database.write(work), token


async def change_role(desk: TokenDesk, actor: Actor, *, name: str, role: str) -> Person:
    """
    Give somebody another role; it counts from their next request on. Safe to repeat.

    Raises:
        NotFound: nobody has that name. InvalidInput: that is no role. Forbidden: only admins may.
        Conflict: they are the last admin who can sign in.
    """
    need_admin(actor)
    _check(*_role_problems(role))

    def work(txn: Txn) -> Person:
        person = person_named(txn, name)
        if person.role == role:
            return person
        _need_another_admin(txn, person)
        people.set_role(txn, person.id, role)
        note = f"{person.role} to {role}"
        notes.add_audit(txn, actor=actor.name, action="person.role", what=person.name, note=note)
        return _now(txn, person)

    return await desk.database.write(work)


async def remove_person(desk: TokenDesk, actor: Actor, *, name: str) -> None:
    """
    Take somebody off the list; their sessions and links end at once.

    Raises:
        NotFound: nobody has that name. Forbidden: only admins may.
        Conflict: they are the last admin who can sign in.
    """
    need_admin(actor)

    def work(txn: Txn) -> None:
        person = person_named(txn, name)
        _need_another_admin(txn, person)
        sessions.end_sessions_of(txn, person.id)
        people.end_links_of(txn, person.id)
        people.delete_person(txn, person.id)
        notes.add_audit(txn, actor=actor.name, action="person.remove", what=person.name, note=person.role)

    await desk.database.write(work)


def need_admin(actor: Actor) -> None:
    """
    Let only admins pass.

    Raises:
        Forbidden: ask an admin.
    """
    if not allows(actor.role, Role.ADMIN):
        raise Forbidden(f"Only administrators look after people; {actor.name!r} is {actor.role}. Ask an administrator.")


def person_named(txn: Txn, name: str) -> Person:
    """
    Return the person of that name, however it is spelled.

    Raises:
        NotFound: nobody has it.
    """
    person = known_by(txn, name)
    if person is None:
        raise NotFound(f"There is nobody named {clean_name(name)[:100]!r}. List people with `usher admin list`.")
    return person


def known_by(txn: Txn, name: str) -> Person | None:
    wanted = name_key(name)
    return next((person for person in people.all_people(txn) if name_key(person.name) == wanted), None)


def new_person(txn: Txn, *, person_id: str, name: str, role: str, created_by: str) -> Person:
    """
    Store a new person, without a password; the name has been checked.

    Raises:
        Conflict: somebody has that name, or there are too many people.
    """
    everybody = people.all_people(txn)
    if any(name_key(person.name) == name_key(name) for person in everybody):
        raise Conflict(f"There is a person named {clean_name(name)!r} already. Choose another name, or reset theirs.")
    if len(everybody) >= MOST_PEOPLE:
        raise Conflict(f"There are {MOST_PEOPLE:,} people already. Remove some first.")
    person = Person(person_id, clean_name(name), role, txn.now_ms, created_by)
    people.add_person(txn, person)
    return person


def _invited(txn: Txn, person: Person, token: str) -> Person:
    link_for(txn, person.id, token=token, life_ms=INVITATION_MS)
    return _now(txn, person)


def _now(txn: Txn, person: Person) -> Person:
    found = people.person_by_id(txn, person.id)
    assert found is not None
    return found


def _need_another_admin(txn: Txn, person: Person) -> None:
    able = [one.id for one in people.all_people(txn) if one.role == Role.ADMIN and one.can_sign_in]
    if able == [person.id]:
        raise Conflict(f"{person.name!r} is the last administrator who can sign in. Make somebody else one first.")


def _role_problems(role: str) -> list[Problem]:
    return [] if role in list(Role) else [Problem("role", "is not a role.", f"One of {', '.join(Role)}.")]


def _check(*problems: Problem) -> None:
    if problems:
        raise InvalidInput(*problems)
