"""Claims and settlements, as the engine's DeliveryStore."""

from collections.abc import Sequence

from usher.clock import iso_from_ms
from usher.domain.attribute import value_of
from usher.domain.claim import Claim, Settlement
from usher.domain.job import Job
from usher.domain.notes import HistoryEntry
from usher.domain.outcome import Accepted, Late, Rejected, RetryLater, StopJob, Unknown
from usher.store import erasure, ledger, notes
from usher.store.clock_steps import Reading, hold_back, reading_of, was_set
from usher.store.database import Database, Txn
from usher.store.jobs import deleted_among, writes_as
from usher.store.server_mark import refuse_early_claim
from usher.store.statements import Statements


class SqlDelivery:
    """Hands out rows to send, and takes their outcomes."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql
        self._read: Reading | None = None  # the clocks at the last claim

    async def claim(self, job: Job, *, lane: int, limit: int, hold_ms: int) -> list[Claim] | None:
        last = self._read

        def work(txn: Txn) -> tuple[Reading, list[Claim] | None]:
            if was_set(txn, last, hold_ms=hold_ms):
                hold_back(txn, hold_ms=hold_ms)
                return reading_of(txn), []
            refuse_early_claim(txn)
            if not writes_as(txn, job):
                return reading_of(txn), None
            return reading_of(txn), ledger.claim(txn, self._sql, job.key, lane=lane, limit=limit, hold_ms=hold_ms)

        self._read, claims = await self._database.write(work)
        return claims

    async def settle(self, settlements: Sequence[Settlement]) -> set[int]:
        return await self._database.write(lambda txn: settle(txn, self._sql, settlements))

    async def next_due_ms(self, job: int) -> int | None:
        return await self._database.read(lambda txn: ledger.next_due(txn, job))


def settle(txn: Txn, sql: Statements, settlements: Sequence[Settlement]) -> set[int]:
    """Store what attempts meant, write down those that were not routine, and return the jobs that still owe some."""
    accepted = [s.claim for s in settlements if isinstance(s.outcome, Accepted)]
    aside = [(s.claim, s.outcome.reason) for s in settlements if isinstance(s.outcome, Rejected)]
    later = [
        (s.claim, s.delay_ms, s.is_failure) for s in settlements if isinstance(s.outcome, RetryLater | Late | StopJob)
    ]
    owing = (
        ledger.settle_accepted(txn, sql, accepted)
        | ledger.settle_aside(txn, sql, aside)
        | ledger.settle_later(txn, sql, later)
    )
    for s in settlements:
        txn.tally[s.claim.job, "sent.unknown"] += isinstance(s.outcome, Unknown)
    _write_down(txn, [entry for s in settlements if s.was_sent and (entry := _entry(s)) is not None])
    return owing


def _write_down(txn: Txn, entries: list[HistoryEntry]) -> None:
    """Keep *entries*, but nothing of a job that was deleted, or a person erased, while the request was under way."""
    if entries:
        forgotten = deleted_among(txn, {entry.job for entry in entries})
        kept = [entry for entry in entries if entry.job not in forgotten]
        notes.add_history(txn, _of_those_known(txn, kept) if erasure.is_anybody_erased(txn) else kept)


def _of_those_known(txn: Txn, entries: list[HistoryEntry]) -> list[HistoryEntry]:
    known = erasure.still_known(txn, {(entry.job, entry.member) for entry in entries})
    return [entry for entry in entries if (entry.job, entry.member) in known]


def _entry(settlement: Settlement) -> HistoryEntry | None:
    """Return what to write down, or None for an acceptance at the first attempt ever, which the row itself holds."""
    claim = settlement.claim
    match settlement.outcome:
        case Accepted() if not claim.was_told and not claim.was_claimed:
            return None
        case Accepted():
            kind, note = "accepted", _took(claim)
        case RetryLater(reason=reason, is_throttle=is_throttle):
            kind, note = ("throttled" if is_throttle else "retry"), reason
        case Rejected(reason=reason):
            kind, note = "rejected", reason
        case Unknown(reason=reason):
            kind, note = "unknown", reason
        case Late(reason=reason):
            kind, note = "late", reason
        case StopJob(reason=reason):
            kind, note = "stopped", reason
    return HistoryEntry(
        job=claim.job,
        member=claim.member,
        kind=kind,
        is_in=claim.is_in,
        note=note,
    )


def _took(claim: Claim) -> str:
    """Name the acceptance before too: the row forgets it now, and a clean first one is written down nowhere else."""
    took = f"Mapp took {value_of(claim.is_in)!r}."
    if claim.told is None or claim.told_at_ms is None:
        return took
    return f"{took} Before, it held {value_of(claim.told)!r}, taken at {iso_from_ms(claim.told_at_ms)}."
