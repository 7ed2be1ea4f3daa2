"""
Whether this process has the key that a shared database is sealed with now.

Processes on several machines must have one key: with another, each would seal what the others cannot open.
"""

from sqlalchemy import insert, select

from usher.errors import Conflict
from usher.jobs.sealing import KEY_CHECK, KEY_CHECK_PLACE
from usher.store.database import Database, Txn
from usher.store.tables import facts
from usher.vault import Vault, VaultLocked

PLAIN = b"usher"


class OtherKey(Conflict):
    """This process has another key than the database's; give it that one."""


async def check_key(database: Database, vault: Vault) -> None:
    """
    Remember the key where this is the first process, else compare. Safe to repeat.

    Raises:
        OtherKey: give every process the same key.
    """

    def work(txn: Txn) -> str | None:
        sealed: str | None = txn.conn.execute(select(facts.c.value).where(facts.c.name == KEY_CHECK)).scalar()
        if sealed is None:
            kept = vault.seal(PLAIN, place=KEY_CHECK_PLACE)
            txn.conn.execute(insert(facts).values(name=KEY_CHECK, value=kept))
        return sealed

    sealed = await database.write(work)
    try:
        if sealed is not None:
            vault.open(sealed, place=KEY_CHECK_PLACE)
    except VaultLocked as error:
        raise OtherKey(
            "This process has another secret key than the one that the database is sealed with now. Give every process"
            " that works on it the same USHER_SECRET_KEY (or key file), the older keys after the current one; after"
            " `usher key rotate`, copy the key file to every machine."
        ) from error
