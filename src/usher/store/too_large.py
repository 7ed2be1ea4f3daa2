"""When a trigger message was last refused for its size: Lytics sends such a one never again, so somebody must know."""

from sqlalchemy import String, cast, literal, select, text

from usher.store.database import Txn
from usher.store.tables import authorizations, facts

PREFIX = "too_large:"  # and the authorization's key: the name of a fact is short


def note_too_large(txn: Txn, auth_id: str) -> None:
    """Remember that a message for an authorization of Lytics' was refused just now."""
    txn.conn.execute(NOTE, {"prefix": PREFIX, "auth": auth_id, "value": str(txn.now_ms)})


NOTE = text(
    "INSERT INTO facts (name, value) SELECT CAST(:prefix AS TEXT) || CAST(key AS TEXT), CAST(:value AS TEXT)"
    " FROM authorizations WHERE id = :auth"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def too_large_since(txn: Txn, since_ms: int) -> frozenset[str]:
    """Return the ids of the authorizations for which one was refused since a moment, and not in the future."""
    name = literal(PREFIX) + cast(authorizations.c.key, String)
    kept = txn.conn.execute(select(authorizations.c.id, facts.c.value).join(facts, facts.c.name == name))
    return frozenset(row.id for row in kept if since_ms < int(row.value) <= txn.now_ms)
