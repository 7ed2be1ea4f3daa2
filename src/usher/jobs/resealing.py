"""Sealing everything again after the key was rotated. What is open already with the current key is left alone."""

from collections.abc import Iterable

from sqlalchemy import Column, Table, select, update

from usher.jobs.sealing import secrets_place, trigger_token_place
from usher.store.database import Database, Txn
from usher.store.tables import authorizations, trigger_tokens
from usher.vault import Vault


async def reseal_everything(database: Database, vault: Vault) -> int:
    """
    Seal with the current key whatever was sealed with an older one; return how many secrets that were.

    All or none, in one transaction. Safe to repeat.

    Raises:
        VaultLocked: a secret cannot be opened; put its key back, or enter that secret again. Nothing was changed.
    """

    def work(txn: Txn) -> int:
        secrets = _stale(txn, vault, authorizations, authorizations.c.secrets)
        tokens = _stale(txn, vault, trigger_tokens, trigger_tokens.c.token_sealed)
        for auth_id, sealed in secrets:
            fresh = _again(vault, sealed, place=secrets_place(auth_id))
            txn.conn.execute(update(authorizations).where(authorizations.c.id == auth_id).values(secrets=fresh))
        for token_id, sealed in tokens:
            fresh = _again(vault, sealed, place=trigger_token_place(token_id))
            txn.conn.execute(update(trigger_tokens).where(trigger_tokens.c.id == token_id).values(token_sealed=fresh))
        return len(secrets) + len(tokens)

    return await database.write(work)


def _stale(txn: Txn, vault: Vault, table: Table, column: Column[str]) -> list[tuple[str, str]]:
    rows: Iterable[tuple[str, str]] = (tuple(row) for row in txn.conn.execute(select(table.c.id, column)))
    return [(row_id, sealed) for row_id, sealed in rows if not vault.is_current(sealed)]


def _again(vault: Vault, sealed: str, *, place: str) -> str:
    return vault.seal(vault.open(sealed, place=place), place=place)
