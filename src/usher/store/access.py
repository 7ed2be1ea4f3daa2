"""API tokens as they are kept: hashed, with a role and an expiry."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from usher.errors import Conflict, NotFound
from usher.store.database import Txn
from usher.store.tables import api_tokens


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token; only the SHA-256 of it is kept."""

    id: str
    name: str
    role: str
    token_hash: str
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None = None


def add_api_token(txn: Txn, token: ApiToken) -> None:
    """
    Store a token.

    Raises:
        Conflict: another token has that name.
    """
    if txn.conn.execute(select(api_tokens.c.id).where(api_tokens.c.name == token.name)).first():
        raise Conflict(f"There is a token named {token.name!r} already. Revoke it first, or choose another name.")
    txn.conn.execute(
        insert(api_tokens).values(
            id=token.id,
            name=token.name,
            role=token.role,
            token_hash=token.token_hash,
            created_ms=token.created_ms,
            expires_ms=token.expires_ms,
        )
    )


def api_token_by_hash(txn: Txn, token_hash: str) -> ApiToken | None:
    """Return the token with that hash, if it has not expired."""
    row = txn.conn.execute(select(api_tokens).where(api_tokens.c.token_hash == token_hash)).first()
    if row is None or (row.expires_ms is not None and row.expires_ms <= txn.now_ms):
        return None
    return ApiToken(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def note_token_used(txn: Txn, token_id: str) -> None:
    txn.conn.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_ms=txn.now_ms))


def all_api_tokens(txn: Txn) -> list[ApiToken]:
    found = txn.conn.execute(select(api_tokens).order_by(api_tokens.c.created_ms, api_tokens.c.id))
    return [ApiToken(**row._mapping) for row in found]  # noqa: SLF001 - public name


def revoke_api_token(txn: Txn, name: str) -> None:
    """
    End a token now, by its name or id.

    Raises:
        NotFound: there is no such token.
    """
    which = (api_tokens.c.name == name) | (api_tokens.c.id == name)
    if txn.conn.execute(delete(api_tokens).where(which)).rowcount == 0:
        raise NotFound(f"There is no token named {name!r}. List them with `usher token list`.")
