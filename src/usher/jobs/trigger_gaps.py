"""How a gap in triggers opens, what is done about it, and how it ends; each in one transaction with its log line."""

from dataclasses import replace

from usher.domain.absence import Doubt
from usher.domain.job import Job, Status
from usher.domain.notes import LogCode, LogEntry
from usher.domain.scan import ScanState
from usher.domain.silence import HOUR, LEAST_SECONDS, LOOKS_BACK, MINUTE, Past, is_unusual
from usher.domain.trigger_gap import Compared, Gap, GapKind, Supply, gap_said, over_because, with_newer
from usher.jobs.desk import Desk
from usher.jobs.webhooks import is_webhook_wanted
from usher.store import jobs, notes, scans
from usher.store.activity import KEEP_SECONDS, active_buckets
from usher.store.database import Txn
from usher.store.gaps import gap_of, gaps_of_jobs, keep_gap
from usher.store.scanning import running_scan
from usher.store.source_facts import SourceFacts, beat, keep_source_facts, source_facts

DOWN_MS = 60 * 60 * 1000  # Lytics tries again for about 2 hours; half of that is too near to trust
CODES = {GapKind.ENDED: LogCode.WEBHOOK_LOST, GapKind.REDEFINED: LogCode.REDEFINED}
DOUBTS = frozenset(Doubt)


def open_gap(txn: Txn, job: Job, kind: GapKind, *, since_ms: int, note: str = "", also: str = "") -> None:
    """
    Say that triggers of *job* may be missing, and want the comparison that finds what they would have said.

    Args:
        since_ms: from when on they may be missing.
        note: as of Gap.
        also: what was done about it besides, for the log.
    """
    scan = scans.last_scan(txn, job.key)
    new = Gap(
        kind,
        since_ms,
        heard_before_ms=jobs.job_by_key(txn, job.key).last_trigger_ms,
        note=note,
        found_before=_found_by_scans(txn, job.key),
        scan_before=0 if scan is None else scan.id,
    )
    gap = with_newer(gap_of(txn, job.key), new)
    keep_gap(txn, job.key, gap)
    message = f"{gap_said(gap)} {also}".strip()
    notes.add_log(txn, LogEntry(job.key, "warn", message, CODES.get(kind, LogCode.GAP)))
    want_comparison(txn, job)


def want_comparison(txn: Txn, job: Job) -> None:
    """Want a reconcile as soon as *job* may scan; where no scan has begun, its first finds the same."""
    has_begun = job.is_baselined or running_scan(txn, job.key) is not None  # what it has read may be out of date
    if has_begun and not job.config.backfill_only:
        jobs.change_job(txn, job.key, scan_wanted="reconcile")


def compare_emptied(txn: Txn, job: Job) -> None:
    """Want the comparison once more that found an audience empty all at once; call it when somebody is inside."""
    gap = gap_of(txn, job.key)
    compared = None if gap is None else _compared(txn, job.key, gap)
    if compared is not None and not compared.is_told:
        want_comparison(txn, job)


async def note_alive(desk: Desk) -> None:
    """
    Write down that triggers can be taken in, say where they could not for long, and end the gaps that are over.

    Raises:
        Unavailable: they cannot be, for now; the next call that succeeds sees for how long.
    """

    def work(txn: Txn) -> bool:
        before_ms = beat(txn)
        is_back = before_ms is not None and txn.now_ms - before_ms >= DOWN_MS
        for job in jobs.live_jobs(txn) if is_back else []:
            if is_webhook_wanted(job):
                open_gap(txn, job, GapKind.DOWN, since_ms=before_ms or 0)
        return _end_gaps(txn) or is_back

    if await desk.database.write(work):
        desk.refresh()


def _end_gaps(txn: Txn) -> bool:
    ended = [_end_gap(txn, jobs.job_by_key(txn, key), gap) for key, gap in sorted(gaps_of_jobs(txn).items())]
    return any(ended)


def _end_gap(txn: Txn, job: Job, gap: Gap) -> bool:
    """End *gap* where it is over; return whether it is."""
    known = source_facts(txn, job.key) or SourceFacts()
    compared = _compared(txn, job.key, gap)
    supply = Supply(job.last_trigger_ms, job.webhook.state == "made" and known.stalled_ms is None)
    because = over_because(gap, supply=supply, compared=compared)
    if because is None:
        _note_found(txn, job, gap, compared)
        return False
    keep_gap(txn, job.key, None)
    notes.add_log(txn, LogEntry(job.key, "info", because, LogCode.GAP_OVER))
    if gap.kind is GapKind.STALLED:
        want_comparison(txn, job)  # what Lytics did with triggers meanwhile, nobody knows
    if gap.kind is GapKind.SILENT and compared is not None:
        keep_source_facts(txn, job.key, replace(known, vouched_ms=txn.now_ms))
    return True


def _note_found(txn: Txn, job: Job, gap: Gap, compared: Compared | None) -> None:
    """Say once that a silence is no quiet audience."""
    if gap.kind is GapKind.SILENT and not gap.note and compared is not None and compared.found:
        gap = replace(gap, note=f" A comparison found {compared.found:,} who had changed without a trigger.")
        keep_gap(txn, job.key, gap)
        notes.add_log(txn, LogEntry(job.key, "warn", gap_said(gap), LogCode.GAP))


def _compared(txn: Txn, job: int, gap: Gap) -> Compared | None:
    scan = scans.last_scan(txn, job)
    if scan is None or scan.id <= gap.scan_before or scan.state not in {ScanState.COMPLETED, ScanState.HELD}:
        return None
    counted = scans.counters_of(txn, job)
    found = max(0, _found_by_scans(txn, job) - gap.found_before)
    doubt = scan.reason if scan.reason in DOUBTS else ""
    return Compared(max(found, scan.leaving), doubt, counted.get("members.in", 0))


def _found_by_scans(txn: Txn, job: int) -> int:
    counted = scans.counters_of(txn, job)
    return counted.get("scans.found_inside", 0) + counted.get("scans.found_absent", 0)


async def mind_silence(desk: Desk, job: Job) -> None:
    """Say where no trigger came for unusually long. Safe to repeat."""
    heard_ms = job.last_trigger_ms
    if heard_ms is None or not is_webhook_wanted(job) or not job.is_baselined or job.status is Status.PAUSED:
        return

    def is_odd(txn: Txn) -> bool:
        silence = (txn.now_ms - heard_ms) // 1000
        return silence >= LEAST_SECONDS and gap_of(txn, job.key) is None and _is_unusual(txn, job, heard_ms)

    def work(txn: Txn) -> None:
        if jobs.job_by_key(txn, job.key).last_trigger_ms == heard_ms and gap_of(txn, job.key) is None:
            open_gap(txn, job, GapKind.SILENT, since_ms=heard_ms)

    if await desk.database.read(is_odd):
        await desk.database.write(work)
        desk.refresh()


def _is_unusual(txn: Txn, job: Job, heard_ms: int) -> bool:
    now = txn.now_ms // 1000
    past = Past(
        hours=active_buckets(txn, job.key, step=HOUR, since=now - LOOKS_BACK),
        minutes=active_buckets(txn, job.key, step=MINUTE, since=now - KEEP_SECONDS[MINUTE]),
        since=(job.first_trigger_ms or heard_ms) // 1000,
    )
    known = source_facts(txn, job.key) or SourceFacts()
    return is_unusual(past, heard=heard_ms // 1000, now=now, vouched=(known.vouched_ms or 0) // 1000)
