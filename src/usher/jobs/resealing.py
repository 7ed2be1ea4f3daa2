"""After the key changed: every kept secret is opened once more and sealed with the new key, in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table, select, update

from usher.jobs.sealing import KEY_CHECK, KEY_CHECK_PLACE, alert_channel_place, secrets_place, trigger_token_place
from usher.store.database import Database, Txn
from usher.store.erasure import KEY_NAME, KEY_PLACE
from usher.store.tables import alert_channels, authorizations, facts, trigger_tokens, unreadable
from usher.vault import Vault, VaultLocked

FACTS = {KEY_NAME: KEY_PLACE, KEY_CHECK: KEY_CHECK_PLACE}  # those that are sealed, and where to


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets carry the current key now, and how many stay locked because theirs is missing."""

    done: int
    locked: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """One sealed secret and where it is kept."""

    table: Table
    column: Column[str] | Column[bytes]
    id: str | int
    sealed: str
    place: str


async def reseal_everything(database: Database, vault: Vault, *, unreadable_place: str) -> Resealed:
    """
    Seal again whatever an older key sealed. Safe to repeat; nothing is sealed twice with one key.

    Args:
        unreadable_place: where the bodies of unreadable messages are sealed to.

    Raises:
        Unavailable: nothing was changed; ask again.
    """
    return await database.write(lambda txn: _reseal(txn, vault, unreadable_place=unreadable_place))


def _reseal(txn: Txn, vault: Vault, *, unreadable_place: str) -> Resealed:
    done = locked = 0
    for kept in _every(txn, unreadable_place=unreadable_place):
        if vault.is_current(kept.sealed):
            continue
        try:
            sealed = vault.seal(vault.open(kept.sealed, place=kept.place), place=kept.place)
        except VaultLocked:
            locked += 1
            continue
        value = sealed.encode() if kept.column is unreadable.c.body_sealed else sealed
        # Past the store's own changes, which would count as new credentials.
        named = facts.c.name if kept.table is facts else kept.table.c.id
        txn.conn.execute(update(kept.table).where(named == kept.id).values({kept.column.name: value}))
        done += 1
    return Resealed(done, locked)


def _every(txn: Txn, *, unreadable_place: str) -> Iterator[_Kept]:
    for row in txn.conn.execute(select(authorizations.c.id, authorizations.c.secrets)).all():
        yield _Kept(authorizations, authorizations.c.secrets, row.id, row.secrets, secrets_place(row.id))
    for row in txn.conn.execute(select(trigger_tokens.c.id, trigger_tokens.c.token_sealed)).all():
        place = trigger_token_place(row.id)
        yield _Kept(trigger_tokens, trigger_tokens.c.token_sealed, row.id, row.token_sealed, place)
    for row in txn.conn.execute(select(alert_channels.c.id, alert_channels.c.secrets)).all():
        yield _Kept(alert_channels, alert_channels.c.secrets, row.id, row.secrets, alert_channel_place(row.id))
    for row in txn.conn.execute(select(unreadable.c.id, unreadable.c.body_sealed)).all():
        yield _Kept(unreadable, unreadable.c.body_sealed, row.id, row.body_sealed.decode(), unreadable_place)
    for row in txn.conn.execute(select(facts).where(facts.c.name.in_(FACTS))).all():
        yield _Kept(facts, facts.c.value, row.name, row.value, FACTS[row.name])
