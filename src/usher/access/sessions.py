"""
Who is signed in: sessions live on the server, and a browser holds nothing but a token that names one.

A session is over 12 hours after it was last seen and 7 days after it began. Its role is read anew each time.
"""

from collections.abc import Collection
from dataclasses import dataclass

from usher.access.roles import Actor, Role, allows
from usher.access.tokens import TokenDesk, hashed
from usher.errors import Forbidden, NotFound, Unauthenticated
from usher.store import notes, people, sessions
from usher.store.database import Txn
from usher.store.sessions import KeptSession

IDLE_MS = 12 * 3_600_000
WHOLE_MS = 7 * 86_400_000
SEEN_AGAIN_MS = 60_000  # so that looking at a page does not turn into writing
LONGEST_BROWSER = 200
OVER = "Nobody is signed in here, or the session is over. Sign in."


@dataclass(frozen=True, slots=True)
class Session:
    """
    One browser that somebody is signed in with.

    Args:
        actor: the person's name, and their role as it is now.
        seen_ms: when it was last used, to the minute.
        browser: what it called itself when it signed in; hostile text.
    """

    id: str
    person_id: str
    actor: Actor
    created_ms: int
    seen_ms: int
    expires_ms: int
    browser: str


async def session_of(desk: TokenDesk, token: str) -> Session:
    """
    Return whose session *token* names; safe to repeat.

    Raises:
        Unauthenticated: it names none that goes on; sign in.
    """
    token_hash = hashed(token)

    def look(txn: Txn) -> tuple[KeptSession | None, bool]:
        kept = sessions.session_by_hash(txn, token_hash, idle_ms=IDLE_MS)
        return kept, kept is not None and txn.now_ms - kept.seen_ms >= SEEN_AGAIN_MS

    kept, is_stale = await desk.database.read(look)
    if kept is None:
        raise Unauthenticated(OVER)
    if is_stale:
        await desk.database.write(lambda txn: _note_seen(txn, kept))
    return _session(kept)


async def actors_of(desk: TokenDesk, session_ids: Collection[str]) -> dict[str, Actor]:
    """Return who acts in each of the named sessions that go on, with the role of this moment; safe to repeat."""
    found = await desk.database.read(lambda txn: sessions.sessions_by_id(txn, session_ids, idle_ms=IDLE_MS))
    return {kept.id: _session(kept).actor for kept in found}


async def list_sessions(desk: TokenDesk, by: Session, *, person_id: str | None = None) -> list[Session]:
    """
    Return the sessions of *by*'s person, or of another's, that go on, the one seen last first.

    Raises:
        Forbidden: only admins may look at other people's.
    """
    whose = _allowed(by, person_id)
    return [
        _session(kept)
        for kept in await desk.database.read(lambda txn: sessions.sessions_of(txn, whose, idle_ms=IDLE_MS))
    ]


async def end_session(desk: TokenDesk, by: Session, session_id: str) -> None:
    """
    End one session: *by*'s own is signing out; admins may end anybody's.

    Raises:
        NotFound: there is none by that id that *by* may end; it may have ended by itself.
    """

    def work(txn: Txn) -> None:
        kept = sessions.session_by_id(txn, session_id, idle_ms=IDLE_MS)
        if kept is None or not (kept.person_id == by.person_id or allows(by.actor.role, Role.ADMIN)):
            raise NotFound("There is no such session. It may have ended by itself.")
        sessions.end_session(txn, session_id)
        action = "person.sign_out" if session_id == by.id else "session.end"
        notes.add_audit(txn, actor=by.actor.name, action=action, what=kept.name)

    await desk.database.write(work)


async def end_all(desk: TokenDesk, by: Session, *, person_id: str | None = None) -> int:
    """
    End every session of *by*'s person, or of another's, but for *by* itself; return how many ended.

    Raises:
        Forbidden: only admins may end other people's.
    """
    whose = _allowed(by, person_id)

    def work(txn: Txn) -> int:
        ended = sessions.end_sessions_of(txn, whose, but=by.id)
        person = people.person_by_id(txn, whose)
        if ended and person is not None:
            notes.add_audit(txn, actor=by.actor.name, action="session.end", what=person.name, note=f"{ended} sessions")
        return ended

    return await desk.database.write(work)


def begin_session(txn: Txn, *, session_id: str, token: str, person_id: str, browser: str) -> None:
    """Store a new session, and forget those that are over; whoever calls has seen the person's password or link."""
    sessions.prune_sessions(txn, idle_ms=IDLE_MS)
    sessions.add_session(
        txn,
        session_id=session_id,
        token_hash=hashed(token),
        person_id=person_id,
        expires_ms=txn.now_ms + WHOLE_MS,
        browser="".join(char for char in browser if char.isprintable())[:LONGEST_BROWSER],
    )
    people.note_person_seen(txn, person_id)


def end_brought(txn: Txn, token: str) -> None:
    """End the session that a browser had before somebody signed in with it: nothing would name it any more."""
    kept = sessions.session_by_hash(txn, hashed(token), idle_ms=IDLE_MS)
    if kept is not None:
        sessions.end_session(txn, kept.id)
        notes.add_audit(txn, actor=kept.name, action="person.sign_out", what=kept.name, note="by another sign-in")


def _allowed(by: Session, person_id: str | None) -> str:
    whose = by.person_id if person_id is None else person_id
    if whose != by.person_id and not allows(by.actor.role, Role.ADMIN):
        raise Forbidden("Only administrators have to do with other people's sessions. Ask one.")
    return whose


def _note_seen(txn: Txn, kept: KeptSession) -> None:
    sessions.note_session_seen(txn, kept.id)
    people.note_person_seen(txn, kept.person_id)


def _session(kept: KeptSession) -> Session:
    return Session(
        id=kept.id,
        person_id=kept.person_id,
        actor=Actor(kept.name, Role(kept.role)),
        created_ms=kept.created_ms,
        seen_ms=kept.seen_ms,
        expires_ms=kept.expires_ms,
        browser=kept.browser,
    )
