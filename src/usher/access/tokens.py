"""
API tokens: made once, shown once, kept only as a hash.

A token carries 256 random bits, so a plain SHA-256 of it cannot be turned back; slow hashes are for passwords.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from usher.access.roles import Actor, Role
from usher.errors import InvalidInput, Problem, Unauthenticated
from usher.store import access, notes
from usher.store.access import ApiToken
from usher.store.database import Database, Txn

LONGEST_NAME = 100
MOST_DAYS = 3650
MS_PER_DAY = 86_400_000
USED_AGAIN_MS = 60_000  # a use is noted at most this often, so that reading does not turn into writing


class TokenDesk(Protocol):
    """What tokens are made and kept with."""

    @property
    def database(self) -> Database: ...

    @property
    def new_id(self) -> Callable[[], str]:
        """Makes 32 hex digits."""

    @property
    def new_token(self) -> Callable[[], str]:
        """Makes 256 random bits, safe in a URL."""


async def create_token(
    desk: TokenDesk, actor: Actor, *, name: str, role: str, expires_days: float | None = None
) -> tuple[ApiToken, str]:
    """
    Make a token; not safe to repeat.

    Args:
        role: viewer, operator or admin.
        expires_days: above 0, at most 3650; None for a token that does not expire.

    Returns:
        The token as it is kept (its hash left out), and the token itself, which cannot be shown again.

    Raises:
        InvalidInput: every problem with name, role and expiry.
        Conflict: another token has that name.
    """
    _check(name=name.strip(), role=role, expires_days=expires_days)
    plain, token_id = desk.new_token(), desk.new_id()

    def work(txn: Txn) -> ApiToken:
        token = ApiToken(
            id=token_id,
            name=name.strip(),
            role=role,
            token_hash=hashed(plain),
            created_ms=txn.now_ms,
            expires_ms=None if expires_days is None else txn.now_ms + round(expires_days * MS_PER_DAY),
        )
        access.add_api_token(txn, token)
        notes.add_audit(txn, actor=actor.name, action="token.create", what=token.id, note=f"{token.name} ({role})")
        return token

    return _shown(await desk.database.write(work)), plain


async def list_tokens(desk: TokenDesk) -> list[ApiToken]:
    """Return every token, expired ones too, oldest first, without its hash."""
    return [_shown(token) for token in await desk.database.read(access.all_api_tokens)]


async def revoke_token(desk: TokenDesk, actor: Actor, *, name: str) -> None:
    """
    End a token now, by its name or id.

    Raises:
        NotFound: there is no such token.
    """

    def work(txn: Txn) -> None:
        access.revoke_api_token(txn, name)
        notes.add_audit(txn, actor=actor.name, action="token.revoke", what=name)

    await desk.database.write(work)


async def authenticate(desk: TokenDesk, presented: str) -> Actor:
    """
    Return whose token was presented.

    Args:
        presented: the token, without any "Bearer".

    Raises:
        Unauthenticated: it is unknown, revoked or expired; present another.
    """
    token_hash = hashed(presented)

    def look(txn: Txn) -> tuple[ApiToken | None, bool]:
        token = access.api_token_by_hash(txn, token_hash)
        is_stale = token is not None and txn.now_ms - (token.last_used_ms or 0) >= USED_AGAIN_MS
        return token, is_stale

    token, is_stale = await desk.database.read(look)
    if token is None:
        raise Unauthenticated
    if is_stale:
        await desk.database.write(lambda txn: access.note_token_used(txn, token.id))
    return Actor(token.name, Role(token.role))


def _check(*, name: str, role: str, expires_days: float | None) -> None:
    problems = []
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        problems.append(Problem("name", "must be 1 to 100 printable characters.", "Choose another name."))
    if role not in list(Role):
        problems.append(Problem("role", "is not a role.", f"One of {', '.join(Role)}."))
    if expires_days is not None and not 0 < expires_days <= MOST_DAYS:
        problems.append(
            Problem("expires_days", "is out of range.", f"Above 0, at most {MOST_DAYS}; leave out for none.")
        )
    if problems:
        raise InvalidInput(*problems)


def hashed(token: str) -> str:
    """Return what is kept of a token of ours."""
    return sha256(token.encode(errors="replace")).hexdigest()


def _shown(token: ApiToken) -> ApiToken:
    return replace(token, token_hash="")
