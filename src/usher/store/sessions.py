"""Who is signed in, and who failed to: sessions as hashes of their tokens, failures as hashes of whom they concern."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, insert, or_, select, text, update

from usher.store.database import Txn
from usher.store.tables import people, sessions, sign_in_failures


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session that goes on, with its person's name and role as they are now."""

    id: str
    person_id: str
    name: str
    role: str
    created_ms: int
    expires_ms: int
    seen_ms: int
    browser: str


@dataclass(frozen=True, slots=True)
class Failures:
    """How often somebody failed to sign in, and when last; none is a note of when something was."""

    count: int
    last_ms: int


def add_session(txn: Txn, *, session_id: str, token_hash: str, person_id: str, expires_ms: int, browser: str) -> None:
    txn.conn.execute(
        insert(sessions).values(
            id=session_id,
            token_hash=token_hash,
            person_id=person_id,
            created_ms=txn.now_ms,
            expires_ms=expires_ms,
            seen_ms=txn.now_ms,
            browser=browser,
        )
    )


def session_by_hash(txn: Txn, token_hash: str, *, idle_ms: int) -> KeptSession | None:
    """Return the session with that hash, unless it is over or was idle for *idle_ms*."""
    row = txn.conn.execute(_going_on(txn, idle_ms).where(sessions.c.token_hash == token_hash)).first()
    return None if row is None else KeptSession(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def session_by_id(txn: Txn, session_id: str, *, idle_ms: int) -> KeptSession | None:
    row = txn.conn.execute(_going_on(txn, idle_ms).where(sessions.c.id == session_id)).first()
    return None if row is None else KeptSession(**row._mapping)  # noqa: SLF001 - public name


def sessions_by_id(txn: Txn, session_ids: Collection[str], *, idle_ms: int) -> list[KeptSession]:
    """Return those of the named sessions that go on."""
    rows = txn.conn.execute(_going_on(txn, idle_ms).where(sessions.c.id.in_(session_ids)))
    return [KeptSession(**row._mapping) for row in rows]  # noqa: SLF001 - public name


def sessions_of(txn: Txn, person_id: str, *, idle_ms: int) -> list[KeptSession]:
    """Return a person's sessions that go on, the one seen last first."""
    asked = _going_on(txn, idle_ms).where(sessions.c.person_id == person_id)
    rows = txn.conn.execute(asked.order_by(sessions.c.seen_ms.desc(), sessions.c.id))
    return [KeptSession(**row._mapping) for row in rows]  # noqa: SLF001 - public name


def _going_on(txn: Txn, idle_ms: int) -> Select[Any]:
    return (
        select(
            sessions.c.id,
            sessions.c.person_id,
            people.c.name,
            people.c.role,
            sessions.c.created_ms,
            sessions.c.expires_ms,
            sessions.c.seen_ms,
            sessions.c.browser,
        )
        .join(people, people.c.id == sessions.c.person_id)
        .where(sessions.c.expires_ms > txn.now_ms, sessions.c.seen_ms > txn.now_ms - idle_ms)
    )


def note_session_seen(txn: Txn, session_id: str) -> None:
    txn.conn.execute(update(sessions).where(sessions.c.id == session_id).values(seen_ms=txn.now_ms))


def end_session(txn: Txn, session_id: str) -> bool:
    """End a session; return whether it was there to end."""
    return txn.conn.execute(delete(sessions).where(sessions.c.id == session_id)).rowcount == 1


def end_sessions_of(txn: Txn, person_id: str, *, but: str = "") -> int:
    """End a person's sessions, all *but* the one with that id; return how many ended."""
    return txn.conn.execute(delete(sessions).where(sessions.c.person_id == person_id, sessions.c.id != but)).rowcount


def prune_sessions(txn: Txn, *, idle_ms: int) -> None:
    over = or_(sessions.c.expires_ms <= txn.now_ms, sessions.c.seen_ms <= txn.now_ms - idle_ms)
    txn.conn.execute(delete(sessions).where(over))


def failures_of(txn: Txn, who: str) -> Failures | None:
    row = txn.conn.execute(select(sign_in_failures).where(sign_in_failures.c.who == who)).first()
    return None if row is None else Failures(row.failures, row.last_ms)


def set_failures(txn: Txn, who: str, failures: Failures | None) -> None:
    """Store how often *who* failed; None forgets them."""
    if failures is None:
        txn.conn.execute(delete(sign_in_failures).where(sign_in_failures.c.who == who))
        return
    txn.conn.execute(SET_FAILURES, {"who": who, "failures": failures.count, "last_ms": failures.last_ms})


SET_FAILURES = text(
    "INSERT INTO sign_in_failures (who, failures, last_ms) VALUES (:who, :failures, :last_ms)"
    " ON CONFLICT (who) DO UPDATE SET failures = excluded.failures, last_ms = excluded.last_ms"
)


def prune_failures(txn: Txn, *, before_ms: int, known_before_ms: int) -> None:
    """Forget failures older than *before_ms*, and rows that hold none (notes of when something was) later."""
    kept = sign_in_failures.c
    old = or_(and_(kept.failures > 0, kept.last_ms < before_ms), kept.last_ms < known_before_ms)
    txn.conn.execute(delete(sign_in_failures).where(old))
