"""For one person: what is wanted, what Mapp accepted, why, and what comes next."""

from dataclasses import dataclass, field, replace

from usher.clock import iso_or_none
from usher.domain.attribute import value_of
from usher.domain.identifier import normalise
from usher.domain.job import Job
from usher.domain.notes import KEPT, OWED, HistoryEntry, LogCode, LogEntry
from usher.domain.observation import NS_PER_MS, version_of_scan
from usher.domain.scan import Scan, ScanState
from usher.jobs.desk import Desk
from usher.jobs.erasing import erased_as
from usher.jobs.moments import Moment, asked_ms, found_versions, is_explained, iso_from_ns, lost_answer, moments_of
from usher.jobs.sentences import Situation, state_of, what_next, why
from usher.mapp.wire import attribute_key
from usher.store import brake, jobs, notes, scans
from usher.store.database import Txn
from usher.store.members import MemberRow, member_row

ENTRIES_KEPT, ENTRIES_SHOWN = notes.HISTORY_KEEP, notes.HISTORY_PAGE  # over all jobs, and of one member
CHANGES = frozenset({"enter", "exit", "seen", "absent", KEPT})  # entries after which somebody may be owed
HEARD = frozenset({"enter", "exit", "absent"})  # entries that say by which word a version came


@dataclass(frozen=True, slots=True)
class Told:
    """A value that Mapp took, and when (RFC 3339)."""

    value: str
    at: str | None


@dataclass(frozen=True, slots=True)
class Aside:
    """Why Mapp rejected it, and when (RFC 3339)."""

    reason: str
    at: str | None


@dataclass(frozen=True, slots=True)
class MemberLine:
    """
    One member of a job, as the API shows it; times are RFC 3339.

    Args:
        state: "unknown", "known", "due", "held", "set_aside" or "accepted".
        wanted: "true", "false", or None for somebody whom the job has never seen.
        version: when Lytics' last word was true, to the nanosecond.
        confirmed: what was read back from Mapp; not yet known.
    """

    member: str = field(repr=False)
    state: str
    wanted: str | None = None
    version: str | None = None
    accepted: Told | None = None
    confirmed: Told | None = None
    set_aside: Aside | None = None
    due_at: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation(MemberLine):
    """
    A member, with what happened and what will.

    Args:
        history: newest first: what was written down, and what the ledger's row tells besides.
        next: what happens next, in a sentence.
        why: how it came to this, in a few sentences.
        is_kept: this person is wanted true because a person overruled that they left.
        history_from: since when it is known what happened (RFC 3339); None where nothing older was dropped.
    """

    history: list[Moment] = field(default_factory=list)
    next: str = ""
    why: list[str] = field(default_factory=list)
    is_kept: bool = False
    history_from: str | None = None


async def explain_member(desk: Desk, job_id: str, member: str) -> Explanation:
    """
    Explain one member of a job; somebody whom the job has never seen has the state "unknown".

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> Explanation:
        job = brake.as_it_waits(txn, jobs.job_by_id(txn, job_id))
        named = normalise(member, lowercase=job.config.is_lowercasing) or member
        row, history = member_row(txn, job.key, named), notes.history_of(txn, job.key, named)
        situation = _situation(txn, desk, job, row, history, member=named)
        line = line_of(row, member=named, leaves_before=situation.leaves_before)
        return Explanation(
            **{name: getattr(line, name) for name in MemberLine.__slots__},
            history=_moments(desk, txn, situation, history),
            next=what_next(situation),
            why=why(situation),
            is_kept=_is_kept(situation),
            history_from=iso_or_none(situation.history_from),
        )

    return await desk.database.read(work)


def _history_from(txn: Txn, job: Job) -> int | None:
    """Return since when it is known what happened in *job*, or None where that is its whole life."""
    known_from = notes.history_from(txn)
    return known_from if known_from is not None and known_from > job.created_ms else None


def _situation(
    txn: Txn, desk: Desk, job: Job, row: MemberRow | None, history: list[HistoryEntry], *, member: str
) -> Situation:
    scan = scans.last_scan(txn, job.key)
    bare = Situation(job, attribute_key(job.target), row, txn.now_ms, history_from=_history_from(txn, job))
    if row is None:
        stone = erased_as(txn, desk, member)
        return bare if stone is None else replace(bare, erased_ms=stone.at_ms)
    kept = next((entry for entry in history if entry.kind == KEPT and entry.version == row.version), None)
    heard = next((entry for entry in history if entry.kind in HEARD and entry.version == row.version), None)
    found_by = _found_by(txn, job, row, history, guard_seconds=desk.guard_seconds)
    return replace(
        bare,
        leaves_before=brake.leaves_before(txn, job.key, guard_seconds=desk.guard_seconds),
        kept=kept,
        heard=heard,
        heard_ms=_heard_ms(row, kept or heard, found_by, guard_seconds=desk.guard_seconds),
        missed_by=scan if scan is not None and _is_missed(row, scan, guard_seconds=desk.guard_seconds) else None,
        found_by=found_by,
        asked_again=_asked_again(txn, job, row, history),
        sent_again=_sent_again(row, history),
        lost=lost_answer(history, row, now_ms=txn.now_ms, hold_ms=desk.timing.hold_ms),
    )


def _moments(desk: Desk, txn: Txn, situation: Situation, history: list[HistoryEntry]) -> list[Moment]:
    key, guard = situation.job.key, desk.guard_seconds
    asked = {version: asked_ms(version, guard_seconds=guard) for version in found_versions(history, situation.row)}
    known = {version: at_ms for version, at_ms in asked.items() if at_ms >= (situation.history_from or 0)}
    found = {version: scan for version, at_ms in known.items() if (scan := scans.scan_at(txn, key, at_ms)) is not None}
    return moments_of(
        history,
        situation.row,
        found,
        now_ms=txn.now_ms,
        guard_seconds=guard,
        hold_ms=desk.timing.hold_ms,
    )


def _found_by(txn: Txn, job: Job, row: MemberRow, history: list[HistoryEntry], *, guard_seconds: float) -> Scan | None:
    """Return the scan that is Lytics' last word about *row*, where one is."""
    otherwise = [entry for entry in history if entry.kind != "seen"]
    at_ms = asked_ms(row.version, guard_seconds=guard_seconds)
    if is_explained(otherwise, row.version) or not row.is_in or at_ms < (_history_from(txn, job) or 0):
        return None  # where older entries were dropped, it may as well have been a trigger
    return scans.scan_at(txn, job.key, at_ms)


def _heard_ms(row: MemberRow, entry: HistoryEntry | None, scan: Scan | None, *, guard_seconds: float) -> int:
    """Return when the word came by which *row* is as it is; where nothing tells, when it was true."""
    if entry is not None:
        return entry.at_ms
    return row.version // NS_PER_MS if scan is None else asked_ms(row.version, guard_seconds=guard_seconds)


def _sent_again(row: MemberRow, history: list[HistoryEntry]) -> HistoryEntry | None:
    """Return the person's word for which *row* is owed, where it came after Mapp's last acceptance."""
    since = row.accepted_at or 0
    return next((entry for entry in history if entry.kind == OWED and entry.at_ms >= since), None)


def _is_kept(situation: Situation) -> bool:
    missed_by = situation.missed_by
    return situation.kept is not None or (missed_by is not None and missed_by.is_discarded)


def _is_missed(row: MemberRow, scan: Scan, *, guard_seconds: float) -> bool:
    """Return whether *scan* did not find somebody who is wanted true all the same."""
    version = version_of_scan(scan.started_ms, guard_seconds=guard_seconds)
    return row.is_in and row.version < version and (scan.state == ScanState.HELD or scan.is_discarded)


def _asked_again(txn: Txn, job: Job, row: MemberRow, history: list[HistoryEntry]) -> LogEntry | None:
    """Return what asked for everybody to be told again, where nothing else can be why this row is owed."""
    if row.due_at is None or row.accepted_at is None or row.accepted != row.is_in:
        return None
    if row.accepted_at < (_history_from(txn, job) or 0):
        return None
    if any(entry.kind in CHANGES and entry.at_ms >= row.accepted_at for entry in history):
        return None
    asked = notes.newest_log(txn, job.key, code=LogCode.RESENT)
    return asked if asked is not None and asked.at_ms >= row.accepted_at else None


def line_of(row: MemberRow | None, *, member: str, leaves_before: int | None = None) -> MemberLine:
    """Return a row of the ledger as the API shows it; a scan that is held would let those before a version leave."""
    if row is None:
        return MemberLine(member, state_of(None))
    told = None if row.accepted is None else Told(value_of(row.accepted), iso_or_none(row.accepted_at))
    aside = None if row.aside is None else Aside(row.aside, iso_or_none(row.aside_at))
    return MemberLine(
        member=row.member,
        state=state_of(row, leaves_before=leaves_before),
        wanted=value_of(row.is_in),
        version=iso_from_ns(row.version),
        accepted=told,
        set_aside=aside,
        due_at=iso_or_none(row.due_at),
    )
