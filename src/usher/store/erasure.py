"""
Who was erased, as keyed hashes, and how a person is taken out of every table that can name one.

The key is Usher's own, made at the first erasure and kept sealed: whoever reads the table learns nobody's name.
Where nobody was ever erased, asking costs one look at an empty table.

Tables that can hold a member's identifier, and what becomes of it:

    ledger, history     the rows go
    unreadable          messages that name the person go; the bodies are sealed, so each is opened
    sweeps              how far a sweep has come is a member: set back to the one before

No other table can: job_logs, audit and the reasons of jobs never name a member; a scan's cursor is Lytics' own mark;
trials, exit_minutes, activity and counters hold places and counts; authorizations, jobs, people and api_tokens hold
what people typed about accounts, jobs and themselves.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, TextClause, delete, select, text

from usher.domain.erasure import erasure_name, tombstone_of
from usher.errors import Unavailable
from usher.store.database import Txn
from usher.store.direct import run
from usher.store.tables import erased, ledger, unreadable
from usher.vault import Vault

KEY_NAME = "erasure_key"  # in facts
KEY_PLACE = f"facts/{KEY_NAME}"  # where the vault seals it to
MOST_ASKED = 1_000  # hashes in one statement
BODIES = 50  # unreadable messages opened in one go, with up to 16 KiB each


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One erased person: the hash, when (ms), and the receipt that says what was done."""

    member_hash: str
    at_ms: int
    receipt: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What the ledger held of somebody who is forgotten; moments in milliseconds."""

    is_in: bool
    due_at: int | None
    accepted: bool | None
    accepted_at: int | None


class Tombstones:
    """
    Recognises who was erased. Holds no state but the opened key, so it may be shared.

    Args:
        vault: opens the key. Without one, whoever asks is refused once anybody was erased.
    """

    def __init__(self, vault: Vault | None = None) -> None:
        self._vault = vault
        self._opened = ("", b"")

    def among(self, txn: Txn, members: Collection[str]) -> frozenset[str]:
        """
        Return those of *members* who were erased, in a transaction that writes; nobody more is until its commit.

        Raises:
            Unavailable: somebody was erased, and the key to recognise them is missing. Put it back.
        """
        key = self._key(txn, HOLDING[txn.conn.dialect.name]) if members else None
        if key is None:
            return frozenset()
        hashes = {member: tombstone_of(member, key=key) for member in members}
        found = {stone.member_hash for stone in stones_of(txn, set(hashes.values()))}
        return frozenset(member for member, named in hashes.items() if named in found)

    def of(self, txn: Txn, member: str) -> Tombstone | None:
        """Return the tombstone of *member*, or None; for those who only look. Raises as *among*."""
        key = self._key(txn, PROBE)
        return None if key is None else next(iter(stones_of(txn, [tombstone_of(member, key=key)])), None)

    def _key(self, txn: Txn, probe: TextClause) -> bytes | None:
        found = run(txn.conn, probe, {"name": KEY_NAME})
        if not found:
            return None
        kept = found[0][0]
        if self._vault is None or kept is None:
            raise Unavailable("Somebody was erased, and the key by which to recognise them is missing.")
        sealed, key = self._opened
        if sealed != kept:
            key = self._vault.open(kept, place=KEY_PLACE)
            self._opened = (kept, key)
        return key


_PROBE = (
    "SELECT (SELECT value FROM facts WHERE name = :name) AS sealed FROM (SELECT 1 AS one FROM erased LIMIT 1) AS known"
)
PROBE = text(_PROBE)
# PostgreSQL: the second part finds nobody, and takes the table's lock against *hold_still* before anything is read.
HOLDING = {
    "sqlite": PROBE,
    "postgresql": text(
        f"{_PROBE} LEFT JOIN (SELECT 1 FROM erased WHERE member_hash = '' FOR KEY SHARE) AS held ON true"
    ),
}


def hold_still(txn: Txn) -> None:
    """Wait for every transaction that asked who was erased, and keep others from asking until this one commits."""
    if txn.conn.dialect.name == "postgresql":
        txn.conn.execute(text("LOCK TABLE erased IN EXCLUSIVE MODE"))


def own_key(txn: Txn, vault: Vault, *, new_key: Callable[[], bytes]) -> bytes:
    """
    Return the key of the tombstones, made now where there is none.

    Raises:
        VaultLocked: the key that it was sealed with is missing; put that back.
    """
    sealed = vault.seal(new_key(), place=KEY_PLACE)
    txn.conn.execute(ADD_KEY, {"name": KEY_NAME, "value": sealed})
    kept = txn.conn.execute(KEPT_KEY, {"name": KEY_NAME}).scalar_one()
    return vault.open(kept, place=KEY_PLACE)


ADD_KEY = text("INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
KEPT_KEY = text("SELECT value FROM facts WHERE name = :name")


def stones_of(txn: Txn, hashes: Collection[str]) -> list[Tombstone]:
    """Return the tombstones among *hashes*."""
    asked, found = sorted(hashes), []
    for start in range(0, len(asked), MOST_ASKED):
        rows = txn.conn.execute(select(erased).where(erased.c.member_hash.in_(asked[start : start + MOST_ASKED])))
        found += [Tombstone(row.member_hash, row.at_ms, row.receipt) for row in rows]
    return found


def add_stones(txn: Txn, hashes: Iterable[str], *, receipt: str) -> None:
    """Keep *hashes*; one that is kept already stays as it is."""
    for named in hashes:
        txn.conn.execute(ADD_STONE, {"hash": named, "at": txn.now_ms, "receipt": receipt})


ADD_STONE = text(
    "INSERT INTO erased (member_hash, at_ms, receipt) VALUES (:hash, :at, :receipt)"
    " ON CONFLICT (member_hash) DO NOTHING"
)


def lift_stones(txn: Txn, hashes: Collection[str]) -> None:
    txn.conn.execute(delete(erased).where(erased.c.member_hash.in_(sorted(hashes))))


def other_spellings(txn: Txn, job: int, name: str, *, after: str, upto: str | None) -> list[str]:
    """Return the members of one chunk whose *erasure_name* is *name*, however their letters are cased."""
    asked = {"job": job, "after": after, "upto": upto, "name": name, "folds": int(name.isascii())}
    return [member for member in txn.conn.execute(SPELLED, asked).scalars() if erasure_name(member) == name]


# Both databases' lower() folds A to Z alone; where *name* has other letters, the caller looks at everybody.
SPELLED = text(
    "SELECT member FROM ledger WHERE job = :job AND member > :after"
    " AND (CAST(:upto AS TEXT) IS NULL OR member <= CAST(:upto AS TEXT))"
    " AND (CAST(:folds AS INTEGER) = 0 OR lower(member) = :name)"
)


def remove_member(txn: Txn, job: int, member: str) -> tuple[Forgotten | None, int]:
    """Delete one member of one job, with what was written down; return the row, and how many entries that were."""
    row = _forget_row(txn, job, member)
    asked: dict[str, Any] = {"job": job, "member": member}
    txn.conn.execute(STEP_BACK, asked)
    return row, txn.conn.execute(FORGET_HISTORY, asked).rowcount


def _forget_row(txn: Txn, job: int, member: str) -> Forgotten | None:
    """Delete one member's row; return what it held, or None where there is none. What is in flight settles nothing."""
    row = txn.conn.execute(FORGET_ONE, {"job": job, "member": member}).first()
    if row is None:
        return None
    txn.tally[job, "members.total"] -= 1
    txn.tally[job, "members.in"] -= row.is_in
    txn.tally[job, "members.due"] -= row.due_at is not None
    txn.tally[job, "members.aside"] -= row.aside is not None
    accepted = None if row.accepted is None else bool(row.accepted)
    return Forgotten(bool(row.is_in), row.due_at, accepted, row.accepted_at)


FORGET_ONE = text(
    "DELETE FROM ledger WHERE job = :job AND member = :member RETURNING is_in, due_at, aside, accepted, accepted_at"
)
FORGET_HISTORY = text("DELETE FROM history WHERE job = :job AND member = :member")
STEP_BACK = text(
    "UPDATE sweeps SET cursor = COALESCE("
    "(SELECT MAX(member) FROM ledger WHERE ledger.job = sweeps.job AND ledger.member < :member), '')"
    " WHERE job = :job AND cursor = :member"
)


def sealed_bodies(txn: Txn, *, after: int) -> list[tuple[int, str]]:
    """Return the next unreadable messages behind the entry *after*, oldest first: (id, sealed body), at most BODIES."""
    rows = txn.conn.execute(
        select(unreadable.c.id, unreadable.c.body_sealed)
        .where(unreadable.c.id > after)
        .order_by(unreadable.c.id)
        .limit(BODIES)
    )
    return [(row.id, row.body_sealed.decode()) for row in rows]


def remove_unreadable(txn: Txn, ids: Collection[int]) -> Counter[int | None]:
    """Delete these messages; return how many by job (None: of no job)."""
    asked = sorted(ids)
    gone: Counter[int | None] = Counter()
    for start in range(0, len(asked), MOST_ASKED):
        which = unreadable.c.id.in_(asked[start : start + MOST_ASKED])
        gone.update(txn.conn.execute(delete(unreadable).where(which).returning(unreadable.c.job)).scalars())
    return gone


def is_anybody_erased(txn: Txn) -> bool:
    """Return whether there is a tombstone, in a transaction that writes; there is no first one until its commit."""
    return bool(run(txn.conn, HOLDING[txn.conn.dialect.name], {"name": KEY_NAME}))


def still_known(txn: Txn, rows: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of *rows* (job, member) that the ledger holds, and goes on to hold until the commit."""
    return {row for row in rows if txn.conn.execute(_one_row(*row)).first() is not None}


def _one_row(job: int, member: str) -> Select[Any]:
    known = select(ledger.c.job).where(ledger.c.job == job, ledger.c.member == member)
    return known.with_for_update(read=True, key_share=True)
