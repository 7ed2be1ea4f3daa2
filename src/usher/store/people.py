"""People who sign in, and their one-time links: links as hashes, passwords as what argon2id made of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update

from usher.store.database import Txn
from usher.store.tables import one_time_links, people


@dataclass(frozen=True, slots=True)
class Person:
    """
    Somebody who may sign in. The password's hash stays behind; `password_hash_of` alone gives it.

    Args:
        can_sign_in: a password is set.
        link_until_ms: until when a one-time link of theirs is open; None where none is.
    """

    id: str
    name: str
    role: str
    created_ms: int
    created_by: str
    last_seen_ms: int | None = None
    can_sign_in: bool = False
    link_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that is still open; *person_id* is None for the first one, whose user is not known yet."""

    token_hash: str
    person_id: str | None
    expires_ms: int


def add_person(txn: Txn, person: Person, *, password_hash: str = "") -> None:
    """Store a person; whoever calls has seen to it that the name is free."""
    txn.conn.execute(
        insert(people).values(
            id=person.id,
            name=person.name,
            role=person.role,
            password_hash=password_hash,
            created_ms=person.created_ms,
            created_by=person.created_by,
        )
    )


def all_people(txn: Txn) -> list[Person]:
    """Return everybody, oldest first."""
    return [Person(**row._mapping) for row in txn.conn.execute(_chosen(txn))]  # noqa: SLF001 - SQLAlchemy's public name


def person_by_id(txn: Txn, person_id: str) -> Person | None:
    row = txn.conn.execute(_chosen(txn).where(people.c.id == person_id)).first()
    return None if row is None else Person(**row._mapping)  # noqa: SLF001 - public name


def _chosen(txn: Txn) -> Select[Any]:
    open_until = (
        select(func.max(one_time_links.c.expires_ms))
        .where(one_time_links.c.person_id == people.c.id, one_time_links.c.expires_ms > txn.now_ms)
        .scalar_subquery()
    )
    return select(
        people.c.id,
        people.c.name,
        people.c.role,
        people.c.created_ms,
        people.c.created_by,
        people.c.last_seen_ms,
        (people.c.password_hash != "").label("can_sign_in"),
        open_until.label("link_until_ms"),
    ).order_by(people.c.created_ms, people.c.id)


def password_hash_of(txn: Txn, person_id: str) -> str:
    """Return the hash; "" where no password is set, or nobody is there."""
    return str(txn.conn.scalar(select(people.c.password_hash).where(people.c.id == person_id)) or "")


def set_password_hash(txn: Txn, person_id: str, password_hash: str) -> None:
    txn.conn.execute(update(people).where(people.c.id == person_id).values(password_hash=password_hash))


def set_role(txn: Txn, person_id: str, role: str) -> None:
    txn.conn.execute(update(people).where(people.c.id == person_id).values(role=role))


def note_person_seen(txn: Txn, person_id: str) -> None:
    txn.conn.execute(update(people).where(people.c.id == person_id).values(last_seen_ms=txn.now_ms))


def delete_person(txn: Txn, person_id: str) -> None:
    txn.conn.execute(delete(people).where(people.c.id == person_id))


def add_link(txn: Txn, link: OneTimeLink) -> None:
    txn.conn.execute(
        insert(one_time_links).values(
            token_hash=link.token_hash,
            person_id=link.person_id,
            created_ms=txn.now_ms,
            expires_ms=link.expires_ms,
        )
    )


def link_by_hash(txn: Txn, token_hash: str) -> OneTimeLink | None:
    """Return the link with that hash, if it is still open."""
    asked = select(one_time_links.c.token_hash, one_time_links.c.person_id, one_time_links.c.expires_ms)
    row = txn.conn.execute(
        asked.where(one_time_links.c.token_hash == token_hash, one_time_links.c.expires_ms > txn.now_ms)
    ).first()
    return None if row is None else OneTimeLink(**row._mapping)  # noqa: SLF001 - public name


def use_up_link(txn: Txn, token_hash: str) -> bool:
    """End a link; return whether it was there to end: of several who try at once, one is told True."""
    return txn.conn.execute(delete(one_time_links).where(one_time_links.c.token_hash == token_hash)).rowcount == 1


def end_links_of(txn: Txn, person_id: str) -> None:
    """End every link of one person, and forget whatever has expired."""
    _end_links(txn, one_time_links.c.person_id == person_id)


def end_first_links(txn: Txn, *, but_newest: int = 0) -> None:
    """End the links that are for nobody yet, all but the newest, and forget whatever has expired."""
    link = one_time_links.c
    newest = select(link.token_hash).where(link.person_id.is_(None))
    kept = newest.order_by(link.expires_ms.desc(), link.token_hash).limit(but_newest)
    _end_links(txn, link.person_id.is_(None) & link.token_hash.not_in(kept))


def _end_links(txn: Txn, which: ColumnElement[bool]) -> None:
    txn.conn.execute(delete(one_time_links).where(or_(which, one_time_links.c.expires_ms <= txn.now_ms)))
