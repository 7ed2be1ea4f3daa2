"""What a person decides when the removal brake held back those who seem to have left."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import delete

from usher.access.roles import Actor
from usher.domain import removal_brake
from usher.domain.job import Cause, Event, Job, Status, next_status
from usher.domain.notes import KEPT, HistoryEntry, LogCode, LogEntry
from usher.domain.observation import NS_PER_MS, version_of_scan
from usher.domain.scan import Scan, ScanState
from usher.errors import Conflict
from usher.jobs.desk import Desk
from usher.store import brake, jobs, ledger, notes, scans
from usher.store.database import Txn
from usher.store.tables import exit_minutes


@dataclass(frozen=True, slots=True)
class HeldScan:
    """
    A scan that did not find so many that it waits.

    Args:
        leaving: of *inside* people that were wanted true, how many it did not find; at most so many still wait.
        ended_ms: when it was over, and the brake stopped the job.
    """

    kind: str
    leaving: int
    inside: int
    seen: int
    pages: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The brake asks where more than *people*, and more than *percent* of those inside, would be set to false."""

    people: int
    percent: float


@dataclass(frozen=True, slots=True)
class Removals:
    """
    Who waits for a person's decision in one job.

    Args:
        exits: who exited by trigger, or None where the brake holds none of those.
        since_ms: when the brake stopped the job for those who exited; None where it is no longer known.
        hold: a mark of what is held; a decision that names it is for nothing that is held later.
        per_second: the present pace of Mapp's authorization, or None where nothing limits it.
    """

    job: Job
    scan: HeldScan | None
    exits: brake.HeldExits | None
    since_ms: int | None
    hold: str
    per_second: float | None

    @property
    def count(self) -> int:
        """How many would be set to false."""
        return (self.scan.leaving if self.scan else 0) + (self.exits.waiting if self.exits else 0)

    @property
    def is_over(self) -> bool:
        return self.scan is None and self.exits is None

    @property
    def stopped_ms(self) -> int | None:
        """When the brake stopped the job; None where nobody waits, or it is no longer known."""
        if self.is_over:
            return None
        return self.scan.ended_ms if self.scan is not None else self.since_ms

    @property
    def exit_limits(self) -> Limits:
        """For who exits by trigger."""
        return Limits(self.job.config.exit_brake_people, self.job.config.exit_brake_percent)

    @property
    def scan_limits(self) -> Limits:
        """For whom a scan does not find."""
        own = self.exit_limits
        is_set = self.job.config.exit_brake
        return Limits(*removal_brake.scan_limits(is_set=is_set, people=own.people, percent=own.percent))


@dataclass(frozen=True, slots=True)
class Decided:
    """The job as it is now, and for how many it was decided."""

    job: Job
    notes: list[str]


async def waiting_removals(desk: Desk, job_id: str) -> Removals:
    """
    Return who waits for a decision; nobody, too, where there is none to make. Safe to repeat.

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> Removals:
        job = brake.as_it_waits(txn, jobs.job_by_id(txn, job_id))
        scan = brake.held_scan(txn, job.key) if job.is_live else None
        exits = brake.held_exits(txn, job.key) if job.is_live and job.exits_held else None
        inside = scans.counters_of(txn, job.key).get("members.in", 0)
        asked = notes.newest_log(txn, job.key, code=brake.BRAKE_CODE, level=brake.BRAKE_LEVEL)
        held = None if scan is None else _held_scan(scan, inside=inside)
        since_ms, hold = asked.at_ms if asked else None, brake.hold_mark(txn, job)
        return Removals(job, held, exits, since_ms=since_ms, hold=hold, per_second=None)

    found = await desk.database.read(work)
    return replace(found, per_second=desk.pace_of(found.job.mapp_auth)[0])


def _held_scan(scan: Scan, *, inside: int) -> HeldScan:
    return HeldScan(
        kind=scan.kind,
        leaving=scan.leaving,
        inside=max(inside, scan.leaving),
        seen=scan.seen,
        pages=scan.pages,
        ended_ms=scan.finished_ms,
    )


async def confirm_removals(
    desk: Desk, actor: Actor, job_id: str, *, hold: str | None = None, at_most: int | None = None
) -> Decided:
    """
    Set those to false who were held back, and let the job go on.

    Whoever was seen inside since then stays true: what is held carries the version of when it was seen.

    Args:
        hold: the mark of what the person saw held; None where they do not say.
        at_most: how many the person knew of who decided; None where they do not say.

    Raises:
        NotFound: there is no such job.
        Conflict: nobody is held back, the job has ended, others are held than those that *hold* names, or more than
            *at_most* wait by now; look again.
    """

    def work(txn: Txn) -> Decided:
        return confirm(txn, job_id, by=actor.name, guard_seconds=desk.guard_seconds, hold=hold, at_most=at_most)

    return await _done(desk, work)


def confirm(
    txn: Txn, job_id: str, *, by: str, guard_seconds: float, hold: str | None = None, at_most: int | None = None
) -> Decided:
    """Decide as *confirm_removals* does, within *txn*; the caller tells the engine."""
    job, scan = _held(txn, job_id, hold=hold)
    _refuse_more(txn, job, scan, at_most=at_most)
    said = []
    if scan is not None:
        version = version_of_scan(scan.started_ms, guard_seconds=guard_seconds)
        leaving = ledger.leaving_and_inside(txn, job.key, version=version)[0]
        scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, leaving=leaving)
        scans.add_sweep(txn, job.key, kind="leave", version=version)
        said.append(f"{leaving:,} whom a scan did not find")
    if job.exits_held:
        said.append(f"{ledger.release_exits(txn, job.key):,} who exited")
    told = " and ".join(said)
    job = _go_on(txn, job, by=by, action="job.confirm_removals", note=f"{by} had these set to false: {told}.")
    return Decided(job, [f"Being set to false: {told}."])


async def discard_removals(desk: Desk, actor: Actor, job_id: str, *, hold: str | None = None) -> Decided:
    """
    Keep those as they are who were held back, and let the job go on. A later scan may find them missing again.

    Those of whom Mapp was told before the brake held the others are not brought back.

    Takes *hold*, and raises, as *confirm_removals*.
    """

    def work(txn: Txn) -> Decided:
        job, scan = _held(txn, job_id, hold=hold)
        said, hints = [], []
        if scan is not None:
            leaving = ledger.leaving_and_inside(txn, job.key, version=_version(desk, scan))[0]
            reason = f"{actor.name} kept those whom it did not find."
            scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, reason=reason, leaving=leaving)
            said.append(f"{leaving:,} whom a scan did not find")
        if job.exits_held:
            before = brake.held_exits(txn, job.key).told
            said.append(f"{_keep_exits(txn, job, actor=actor):,} who exited")
            hints += [f"{before:,} of whom Mapp had been told before stay false."] if before else []
        told = " and ".join(said)
        log = f"{actor.name} kept these as they are: {told}."
        job = _go_on(txn, job, by=actor.name, action="job.discard_removals", note=log)
        return Decided(job, [f"Kept as they are: {told}.", *hints])

    return await _done(desk, work)


def _held(txn: Txn, job_id: str, *, hold: str | None) -> tuple[Job, Scan | None]:
    job = jobs.job_by_id(txn, job_id)
    if not job.is_live:
        raise Conflict(f"The job is {job.status}; nothing is held back any more.")
    scan = brake.held_scan(txn, job.key)
    if scan is None and not job.exits_held:
        raise Conflict("Nobody is held back in this job.")
    if hold is not None and hold != brake.hold_mark(txn, job):
        raise Conflict("What was held back then is not what is held back now. Nothing was decided; look again.")
    return job, scan


def _refuse_more(txn: Txn, job: Job, scan: Scan | None, *, at_most: int | None) -> None:
    exits = brake.waiting_exits(txn, job.key) if job.exits_held else 0
    waiting = exits + (scan.leaving if scan is not None else 0)
    if at_most is not None and waiting > at_most:
        raise Conflict(f"{waiting:,} people wait by now, not {at_most:,}. Nothing was decided; look again.")


def _version(desk: Desk, scan: Scan) -> int:
    return version_of_scan(scan.started_ms, guard_seconds=desk.guard_seconds)


def _keep_exits(txn: Txn, job: Job, *, actor: Actor) -> int:
    kept, version = ledger.keep_held(txn, job.key), txn.now_ms * NS_PER_MS
    note = f"{actor.name} kept this person as they are, although Lytics had said that they left."
    notes.add_history(txn, [HistoryEntry(job.key, member, KEPT, True, version, note) for member in kept])
    return len(kept)


def _go_on(txn: Txn, job: Job, *, by: str, action: str, note: str) -> Job:
    # Counted exits start anew: otherwise the next single one would stop everybody again.
    txn.conn.execute(delete(exit_minutes).where(exit_minutes.c.job == job.key))
    status, cause, reason = job.status, job.cause, job.reason
    if job.cause is Cause.REMOVALS:
        status = next_status(status, Event.MEND) if status is Status.FAULT else status
        cause, reason = Cause.NONE, reason if status is Status.PAUSED else ""
    jobs.change_job(txn, job.key, status=status, cause=cause, reason=reason, exits_held=False)
    notes.add_log(txn, LogEntry(job.key, "warn", note, LogCode.DECIDED))
    notes.add_audit(txn, actor=by, action=action, what=job.id, note=note)
    return jobs.job_by_key(txn, job.key)


async def _done(desk: Desk, work: Callable[[Txn], Decided]) -> Decided:
    decided = await desk.database.write(work)
    desk.refresh()
    return decided
