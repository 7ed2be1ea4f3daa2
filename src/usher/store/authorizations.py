"""Saved credentials as they are kept: what is secret arrives sealed and leaves sealed."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from usher.errors import NotFound
from usher.store.database import Txn
from usher.store.tables import authorizations, trigger_tokens


@dataclass(frozen=True, slots=True)
class Authorization:
    """
    One authorization.

    Args:
        config: what is not secret, under the names of the API.
        secrets: the sealed rest; opened only by who speaks to the vendor.
        revision: grows when credentials change, so that whoever holds a client knows to make a new one.
    """

    id: str
    provider: str
    type: str
    label: str
    config: dict[str, Any]
    secrets: str = field(repr=False)
    description: str = ""
    status: str = "unknown"
    status_note: str = ""
    tested_ms: int | None = None
    created_ms: int = 0
    updated_ms: int = 0
    created_by: str = ""
    revision: int = 1


def _authorization(row: Row[Any]) -> Authorization:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    del values["key"]
    values["config"] = msgspec.json.decode(row.config)
    return Authorization(**values)


def add_authorization(txn: Txn, auth: Authorization) -> None:
    txn.conn.execute(
        insert(authorizations).values(
            id=auth.id,
            provider=auth.provider,
            type=auth.type,
            label=auth.label,
            description=auth.description,
            config=msgspec.json.encode(auth.config).decode(),
            secrets=auth.secrets,
            status=auth.status,
            status_note=auth.status_note,
            created_ms=txn.now_ms,
            updated_ms=txn.now_ms,
            created_by=auth.created_by,
        )
    )


def change_authorization(txn: Txn, auth_id: str, **changes: Any) -> None:
    """Overwrite the named columns; new secrets or settings make a new revision."""
    if "config" in changes:
        changes["config"] = msgspec.json.encode(changes["config"]).decode()
    if "secrets" in changes or "config" in changes:
        changes["revision"] = authorizations.c.revision + 1
    txn.conn.execute(
        update(authorizations).where(authorizations.c.id == auth_id).values(**{"updated_ms": txn.now_ms, **changes})
    )


def note_health(txn: Txn, auth_id: str, *, is_healthy: bool, note: str = "") -> None:
    """Remember what the last real call with these credentials showed."""
    txn.conn.execute(
        update(authorizations)
        .where(authorizations.c.id == auth_id)
        .values(status="healthy" if is_healthy else "unhealthy", status_note=note[:1000], tested_ms=txn.now_ms)
    )


def authorization_by_id(txn: Txn, auth_id: str) -> Authorization:
    """
    Return one authorization.

    Raises:
        NotFound: there is none by that id.
    """
    row = txn.conn.execute(select(authorizations).where(authorizations.c.id == auth_id)).first()
    if row is None:
        raise NotFound(f"There is no authorization {auth_id!r}. List them with `usher auth list`.")
    return _authorization(row)


def all_authorizations(txn: Txn) -> list[Authorization]:
    found = txn.conn.execute(select(authorizations).order_by(authorizations.c.key))
    return [_authorization(row) for row in found]


def remove_authorization(txn: Txn, auth_id: str) -> None:
    txn.conn.execute(delete(trigger_tokens).where(trigger_tokens.c.auth_id == auth_id))
    txn.conn.execute(delete(authorizations).where(authorizations.c.id == auth_id))


@dataclass(frozen=True, slots=True)
class TriggerToken:
    """A token that Lytics presents with its triggers; *token_sealed* lets an admin read it again."""

    id: str
    auth_id: str
    token_hash: str
    token_sealed: str = field(repr=False)
    created_ms: int
    expires_ms: int | None


def add_trigger_token(txn: Txn, token: TriggerToken, *, older_expire_ms: int | None) -> None:
    """Store a new token; those before it go on until *older_expire_ms*, and at most one of them does."""
    if older_expire_ms is not None:
        kept = trigger_tokens_of(txn, token.auth_id)[:1]
        stays = [t.id for t in kept]
        txn.conn.execute(
            delete(trigger_tokens).where(trigger_tokens.c.auth_id == token.auth_id, trigger_tokens.c.id.not_in(stays))
        )
        txn.conn.execute(
            update(trigger_tokens).where(trigger_tokens.c.auth_id == token.auth_id).values(expires_ms=older_expire_ms)
        )
    txn.conn.execute(
        insert(trigger_tokens).values(
            id=token.id,
            auth_id=token.auth_id,
            token_hash=token.token_hash,
            token_sealed=token.token_sealed,
            created_ms=token.created_ms,
            expires_ms=token.expires_ms,
        )
    )


def trigger_tokens_of(txn: Txn, auth_id: str) -> list[TriggerToken]:
    """Return the tokens of one Lytics authorization that are valid now, newest first."""
    found = txn.conn.execute(
        select(trigger_tokens)
        .where(trigger_tokens.c.auth_id == auth_id)
        .order_by(trigger_tokens.c.created_ms.desc(), trigger_tokens.c.id)
    )
    tokens = [TriggerToken(**row._mapping) for row in found]  # noqa: SLF001 - public name
    return [t for t in tokens if t.expires_ms is None or t.expires_ms > txn.now_ms]


def drop_older_trigger_tokens(txn: Txn, auth_id: str) -> int:
    """End every token but the newest now; return how many ended."""
    older = [t.id for t in trigger_tokens_of(txn, auth_id)[1:]]
    if older:
        txn.conn.execute(delete(trigger_tokens).where(trigger_tokens.c.id.in_(older)))
    return len(older)
