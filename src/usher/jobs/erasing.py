"""
Taking one person out of everything that Usher keeps, and keeping them out until somebody lifts that.

The tombstone is committed first: from then on nothing that Lytics says of the person is stored, so what is looked for
and removed afterwards is all there is. Whoever repeats an erasure finishes one that was cut short.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from usher.access.roles import Actor
from usher.clock import iso_from_ms
from usher.domain.attribute import value_of
from usher.domain.erasure import erasure_name, mentions, tombstone_of
from usher.domain.identifier import normalise
from usher.domain.job import Job
from usher.errors import Conflict, InvalidInput, NotFound, Problem, Unavailable
from usher.jobs.desk import Desk
from usher.jobs.receipts import Held, Receipt, Removed
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.mapp.wire import attribute_key
from usher.store import erasure, jobs, ledger, notes
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.erasure import Forgotten, Tombstone, Tombstones
from usher.vault import Vault, VaultLocked

CHUNK = 20_000  # members looked at in one read
SHOWN_DIGITS = 12  # of a hash, in receipts and in the audit log


@dataclass(frozen=True, slots=True)
class _Named:
    """One person: as they were typed and as jobs would name them, and the key that hashes those names."""

    spellings: frozenset[str] = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(map(erasure_name, self.spellings))

    @property
    def hashes(self) -> list[str]:
        return sorted({tombstone_of(spelling, key=self.key) for spelling in self.spellings})


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the person is kept: how each job (by key) spells them, which messages name them, which stayed shut."""

    spelled: dict[int, set[str]] = field(repr=False)
    messages: list[int]
    shut: list[int]


async def erase_member(desk: Desk, actor: Actor, text: str) -> Receipt:
    """
    Remove whoever *text* names from every job and record, and let nothing bring them back.

    An e-mail address counts in any letter case, any other identifier as it is written. Mapp is not told anything.
    Safe to repeat: what is left of them is removed then.

    Raises:
        InvalidInput: no job could ever name anybody so.
        VaultLocked: the key of earlier erasures cannot be opened; put the key of the vault back.
        Unavailable: perhaps not everything is removed; repeat it.
    """
    receipt_id = desk.new_id()
    named, before = await desk.database.write(lambda txn: _bury(txn, desk, actor, text, receipt_id=receipt_id))
    kept = await _look_everywhere(desk, named)

    def work(txn: Txn) -> Receipt:
        removed, held = _remove(txn, desk, kept)
        return Receipt(
            id=receipt_id,
            at_ms=txn.now_ms,
            actor=actor.name,
            member_hash=named.hashes[0][:SHOWN_DIGITS],
            removed=removed,
            held=held,
            shut=kept.shut,
            before=None if before is None else (before.receipt, before.at_ms),
        )

    return await desk.database.write(work)


async def lift_erasure(desk: Desk, actor: Actor, text: str) -> Tombstone:
    """
    Let whoever *text* names come back with the next trigger or scan that names them; return what kept them out.

    Raises:
        InvalidInput: no job could ever name anybody so.
        NotFound: nobody is erased by that name.
        Conflict: a request from before the erasure may still land; wait as long as it says.
    """

    def work(txn: Txn) -> Tombstone:
        named = _named(txn, text, key=_own_key(txn, desk))
        stones = erasure.stones_of(txn, named.hashes)
        if not stones:
            raise NotFound("Nobody is erased by that identifier. Check its spelling.")
        newest = max(stones, key=lambda stone: stone.at_ms)
        if (lands_ms := newest.at_ms + desk.timing.hold_ms) > txn.now_ms:
            raise Conflict(f"A request from before the erasure may still land. Try again at {iso_from_ms(lands_ms)}.")
        erasure.lift_stones(txn, named.hashes)
        note = f"receipt {newest.receipt}, hash {newest.member_hash[:SHOWN_DIGITS]}"
        notes.add_audit(txn, actor=actor.name, action="member.lift_erasure", what=newest.receipt, note=note)
        return newest

    return await desk.database.write(work)


def erased_as(txn: Txn, desk: Desk, member: str) -> Tombstone | None:
    """Return what keeps *member* out, or None; None, too, where the key that would tell is missing."""
    try:
        return Tombstones(desk.vault).of(txn, normalise(member) or member)
    except Unavailable:
        return None


def refuse_erased(txn: Txn, desk: Desk, member: str) -> None:
    """
    Make sure, in a transaction that writes, that *member* may be sent.

    Raises:
        Conflict: they were erased.
        Unavailable: nobody can tell, because a key is missing.
    """
    if Tombstones(desk.vault).among(txn, [member]):
        raise Conflict("This person was erased. Choose another, or have an admin lift the erasure first.")


def _bury(txn: Txn, desk: Desk, actor: Actor, text: str, *, receipt_id: str) -> tuple[_Named, Tombstone | None]:
    erasure.hold_still(txn)
    named = _named(txn, text, key=_own_key(txn, desk))
    before = next(iter(erasure.stones_of(txn, named.hashes)), None)
    erasure.add_stones(txn, named.hashes, receipt=receipt_id)
    note = f"receipt {receipt_id}, hash {named.hashes[0][:SHOWN_DIGITS]}"
    notes.add_audit(txn, actor=actor.name, action="member.erase", what=receipt_id, note=note)
    return named, before


def _own_key(txn: Txn, desk: Desk) -> bytes:
    return erasure.own_key(txn, desk.vault, new_key=lambda: desk.new_token().encode())


def _named(txn: Txn, text: str, *, key: bytes) -> _Named:
    cases = {False} | {job.config.is_lowercasing for job in jobs.all_jobs(txn)}
    spellings = {normalise(text, lowercase=lowercase) for lowercase in cases | ({True} if "@" in text else set())}
    named = frozenset(spelling for spelling in spellings if spelling is not None)
    if not named:
        mend = "Write it as the job's Identifier Field in Lytics holds it."
        raise InvalidInput(Problem("member", "is no identifier that a job could have.", mend))
    return _Named(named, key)


async def _look_everywhere(desk: Desk, named: _Named) -> _Kept:
    every = await desk.database.read(jobs.all_jobs)
    spelled = {job.key: set(named.spellings) for job in every}
    for job in every:
        for name in named.names:
            spelled[job.key] |= await _other_spellings(desk, job, name)
    spellings = named.spellings.union(*spelled.values())
    messages, shut = await _messages_about(desk, spellings)
    return _Kept(spelled, messages, shut)


async def _other_spellings(desk: Desk, job: Job, name: str) -> set[str]:
    """Walk over the job's people, because letters may be cased in many ways; who has no @ is named in one way only."""
    found: set[str] = set()
    after: str | None = "" if "@" in name else None
    while after is not None:
        some, after = await desk.database.read(_piece(job.key, name, after=after))
        found.update(some)
    return found


def _piece(job: int, name: str, *, after: str) -> Callable[[Txn], tuple[list[str], str | None]]:
    def work(txn: Txn) -> tuple[list[str], str | None]:
        upto = ledger.end_of_chunk(txn, job, after=after, size=CHUNK)
        return erasure.other_spellings(txn, job, name, after=after, upto=upto), upto

    return work


async def _messages_about(desk: Desk, spellings: frozenset[str]) -> tuple[list[int], list[int]]:
    about: list[int] = []
    shut: list[int] = []
    after = 0
    while found := await desk.database.read(_bodies(after)):
        for entry, sealed in found:
            body = _opened(desk.vault, sealed)
            if body is None:
                shut.append(entry)
            elif mentions(body, spellings):
                about.append(entry)
        after = found[-1][0]
    return about, shut


def _bodies(after: int) -> Callable[[Txn], list[tuple[int, str]]]:
    return lambda txn: erasure.sealed_bodies(txn, after=after)


def _opened(vault: Vault, sealed: str) -> str | None:
    try:
        return vault.open(sealed, place=UNREADABLE_PLACE).decode(errors="replace")
    except VaultLocked:
        return None


def _remove(txn: Txn, desk: Desk, kept: _Kept) -> tuple[list[Removed], list[Held]]:
    labels = {auth.id: auth.label for auth in all_authorizations(txn)}
    messages = erasure.remove_unreadable(txn, kept.messages)
    removed: list[Removed] = [Removed("unreadable", None, "", messages[None])]
    held: list[Held] = []
    for job in reversed(jobs.all_jobs(txn)):
        found = [erasure.remove_member(txn, job.key, one) for one in sorted(kept.spelled.get(job.key, ()))]
        rows = [row for row, _ in found if row is not None]
        counts = {"ledger": len(rows), "history": sum(count for _, count in found), "unreadable": messages[job.key]}
        removed += [Removed(table, job.id, job.name, count) for table, count in counts.items()]
        held += [_held(txn, desk, job, row, account=labels.get(job.mapp_auth, "")) for row in rows]
    return [one for one in removed if one.count], held


def _held(txn: Txn, desk: Desk, job: Job, row: Forgotten, *, account: str) -> Held:
    due_at = row.due_at or 0
    is_claimed = txn.now_ms < due_at <= txn.now_ms + desk.timing.hold_ms
    return Held(
        job_id=job.id,
        job_name=job.name,
        account=account,
        group_id=job.config.group_id,
        attribute=attribute_key(job.target),
        value=None if row.accepted is None else value_of(row.accepted),
        accepted_ms=row.accepted_at,
        under_way=value_of(row.is_in) if is_claimed else None,
        lands_until_ms=due_at if is_claimed else None,
    )
