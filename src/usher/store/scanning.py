"""Scans, as the engine's ScanStore: pages and checkpoints in one commit, and what a whole scan says of the absent."""

from collections.abc import Sequence

from usher.clock import iso_from_ms
from usher.domain.absence import Doubt
from usher.domain.job import SENDING, Cause, Event, Status, next_status
from usher.domain.notes import HistoryEntry, LogCode, LogEntry
from usher.domain.observation import NS_PER_MS, Observation, Source, newest_per_member
from usher.domain.removal_brake import scan_limits, stops
from usher.domain.scan import CHANGED, Scan, ScanState, kind_of_scan
from usher.domain.worker import scan_lease
from usher.errors import Superseded
from usher.store import ledger, notes, scans
from usher.store.database import Database, Txn
from usher.store.erasure import Tombstones
from usher.store.jobs import change_job, job_by_key
from usher.store.statements import Statements
from usher.store.workers import hold_lease


class SqlScans:
    """
    Keeps how far a scan has come, together with what it found.

    Args:
        tombstones: recognises who was erased; those count as seen, and are not stored.
        worker: who scans; what it finds counts only while it holds the lease on that. None: nobody else could.
    """

    def __init__(
        self,
        database: Database,
        sql: Statements,
        tombstones: Tombstones | None = None,
        *,
        worker: str | None = None,
    ) -> None:
        self._database = database
        self._sql = sql
        self._tombstones = tombstones or Tombstones()
        self._worker = worker

    def _mind_lease(self, txn: Txn, job: int) -> None:
        """
        Keep others from taking the scan over until the commit.

        Raises:
            Superseded: another has taken it over.
        """
        if self._worker is not None and not hold_lease(txn, scan_lease(job), self._worker):
            raise Superseded("Another worker goes on with this scan.")

    async def running_scan(self, job: int) -> Scan | None:
        return await self._database.read(lambda txn: running_scan(txn, job))

    async def begin_scan(self, job: int, *, definition: str, expected: int | None) -> Scan:
        def work(txn: Txn) -> Scan:
            self._mind_lease(txn, job)
            if (running := running_scan(txn, job)) is not None:
                return running  # begun before, by a commit that was in doubt
            wanting = job_by_key(txn, job)
            if wanting.status not in SENDING:
                raise Superseded("The job was stopped meanwhile; what it waits for would be hidden by another scan.")
            kind = kind_of_scan(wanting, is_baseline_doubted=scans.is_baseline_doubted(txn, job))
            change_job(txn, job, scan_wanted="")  # what is wanted from here on is another scan
            notes.add_log(txn, LogEntry(job, "info", f"Started a {kind} scan of the audience.", LogCode.SCAN_BEGUN))
            return scans.start_scan(txn, job, kind=kind, definition=definition, expected=expected)

        return await self._database.write(work)

    async def record_page(
        self,
        scan: Scan,
        observations: Sequence[Observation],
        *,
        source: Source,
        profiles: int,
        without_identifier: int,
        cursor: str,
        expected: int | None,
    ) -> Scan:
        def work(txn: Txn) -> Scan:
            self._mind_lease(txn, scan.job)
            is_live = job_by_key(txn, scan.job).is_live  # an ended job's rows may be gone already
            found = newest_per_member(list(observations)) if is_live else []
            erased = self._tombstones.among(txn, [o.member for o in found])
            newest = [o for o in found if o.member not in erased]
            txn.tally[scan.job, "scans.erased"] += len(erased)
            seen = ledger.observe(txn, self._sql, scan.job, newest, source=source)
            if source is Source.RECONCILE:
                news = [o for o in newest if o.member in seen and seen[o.member].is_news]
                notes.add_history(txn, [_seen_entry(scan, o) for o in news])
                txn.tally[scan.job, "scans.found_inside"] += len(news)
            txn.tally[scan.job, "scans.no_identifier"] += without_identifier
            scans.change_scan(
                txn,
                scan.id,
                seen=scan.seen + len(observations),
                profiles=scan.profiles + profiles,
                without_identifier=scan.without_identifier + without_identifier,
                cursor=cursor,
                expected=expected if expected is not None else scan.expected,
                pages=scan.pages + 1,
            )
            return scans.scan_by_id(txn, scan.id)

        return await self._database.write(work)

    async def share_unnamed_before(self, job: int) -> float | None:
        return await self._database.read(lambda txn: scans.share_unnamed(txn, job))

    async def finish_scan(self, scan: Scan, *, doubt: Doubt | None, version: int) -> None:
        def work(txn: Txn) -> None:
            self._mind_lease(txn, scan.job)
            if not _has_ended(txn, scan):
                finish(txn, scan, doubt=doubt, version=version)

        await self._database.write(work)

    async def interrupt_scan(self, scan: Scan, *, reason: str, starts_again: bool) -> None:
        def work(txn: Txn) -> None:
            self._mind_lease(txn, scan.job)
            if _has_ended(txn, scan):
                return
            scans.end_scan(txn, scan.id, state=ScanState.INTERRUPTED, reason=reason)
            message = f"The {scan.kind} scan stopped before its end ({reason}); it says nothing about who left."
            notes.add_log(txn, LogEntry(scan.job, "warn", message, LogCode.SCAN_INTERRUPTED))
            if starts_again and not job_by_key(txn, scan.job).scan_wanted:
                change_job(txn, scan.job, scan_wanted="backfill" if scan.kind == "backfill" else "reconcile")

        await self._database.write(work)


def running_scan(txn: Txn, job: int) -> Scan | None:
    scan = scans.last_scan(txn, job)
    return scan if scan is not None and scan.state == ScanState.RUNNING else None


def _has_ended(txn: Txn, scan: Scan) -> bool:
    """Return whether *scan* was ended before, by a commit that was in doubt; somebody may have decided on it since."""
    return scans.scan_by_id(txn, scan.id).state != ScanState.RUNNING


def _seen_entry(scan: Scan, found: Observation) -> HistoryEntry:
    return HistoryEntry(
        job=scan.job,
        member=found.member,
        kind="seen",
        is_in=True,
        version=found.version,
        note="A reconcile found this person in the audience.",
    )


def finish(txn: Txn, scan: Scan, *, doubt: Doubt | None, version: int) -> None:
    """End *scan*: mark the absent as having left, or say why not, or stop for a person."""
    change_job(txn, scan.job, is_baselined=True)
    if scan.without_identifier:
        message = (
            f"{scan.without_identifier:,} of {scan.profiles:,} profiles have no identifier; they cannot be exported."
        )
        notes.add_log(txn, LogEntry(scan.job, "warn", message, LogCode.NO_IDENTIFIER))
    if doubt is not None:
        scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, reason=doubt)
        message = f"The {scan.kind} scan cannot say who left ({doubt}); those it saw are up to date."
        notes.add_log(txn, LogEntry(scan.job, "info", message, LogCode.SCAN_DOUBTED))
        return
    leaving, inside = ledger.leaving_and_inside(txn, scan.job, version=version)
    config = job_by_key(txn, scan.job).config
    people, percent = scan_limits(
        is_set=config.exit_brake, people=config.exit_brake_people, percent=config.exit_brake_percent
    )
    if stops(leaving, inside=inside, people=people, percent=percent):
        _hold(txn, scan, leaving=leaving, inside=inside)
        return
    scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, leaving=leaving)
    if leaving:
        scans.add_sweep(txn, scan.job, kind="leave", version=version)
    message = f"The {scan.kind} scan saw {scan.seen:,} people; {leaving:,} are no longer in the audience."
    changed = _changed_before(txn, scan, version=version)
    said = f" {_compare_again(txn, scan, changed=changed, version=version)}" if changed else ""
    notes.add_log(txn, LogEntry(scan.job, "info", message + said, LogCode.SCAN_DONE))


def _changed_before(txn: Txn, scan: Scan, *, version: int) -> int:
    """
    Return how many this scan did not find, and may not overrule, because they changed within the guard before it.

    At least so many: whoever changed since it began counts as found.
    """
    began = scan.started_ms * NS_PER_MS
    return max(0, ledger.count_between(txn, scan.job, since=version, until=began) - scan.seen)


def _compare_again(txn: Txn, scan: Scan, *, changed: int, version: int) -> str:
    """Want one more scan once it can tell, and say so; one that follows another is not followed again by itself."""
    guard_ms = scan.started_ms - version // NS_PER_MS
    at_ms = max(txn.now_ms, scan.started_ms + guard_ms)
    clock = f"{iso_from_ms(at_ms)[11:16]} UTC"
    said = f"{changed:,} were not found but changed within the {guard_ms // 1000:,} seconds before it"
    job = job_by_key(txn, scan.job)
    if job.config.backfill_only or scans.is_follow_up(txn, scan):
        return f"{said}; compare again after {clock} (reconcile)."
    change_job(txn, scan.job, next_reconcile_ms=min(at_ms, job.next_reconcile_ms or at_ms))
    scans.change_scan(txn, scan.id, reason=CHANGED)
    return f"{said}; the audience is compared again by itself at {clock}."


def _hold(txn: Txn, scan: Scan, *, leaving: int, inside: int) -> None:
    reason = (
        f"A scan found that {leaving:,} of {inside:,} people would be set to false. Nothing was sent for them:"
        " set them to false (confirm-removals), or keep them as they are (discard-removals)."
    )
    scans.end_scan(txn, scan.id, state=ScanState.HELD, reason=reason, leaving=leaving)
    job = job_by_key(txn, scan.job)
    if job.status in {Status.RUNNABLE, Status.SLEEPING}:
        change_job(txn, scan.job, status=next_status(job.status, Event.FAULT), cause=Cause.REMOVALS, reason=reason)
    notes.add_log(txn, LogEntry(scan.job, "warn", reason, LogCode.FAULT))
