"""How people are owed again because somebody says so: those set aside, all of them, or whoever a new scan finds."""

from usher.access.roles import Actor
from usher.domain.identifier import normalise
from usher.domain.job import Job
from usher.domain.notes import OWED, HistoryEntry, LogCode, LogEntry
from usher.domain.scan import ScanState
from usher.errors import Conflict, InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.jobs.sentences import MemberState, state_of
from usher.store import brake, jobs, ledger, notes, scans
from usher.store.database import Txn
from usher.store.members import MemberRow, member_row

MOST_MEMBERS = 1_000  # named in one request


async def retry_members(desk: Desk, actor: Actor, job_id: str, members: list[str] | None = None) -> int:
    """
    Owe again whom Mapp rejected; return how many. Safe to repeat: who is owed already is not counted again.

    Args:
        members: whom, at most 1,000; who is not set aside is left alone. None for everybody who is set aside.

    Raises:
        NotFound: there is no such job.
        Conflict: the job has ended; restart it first.
        InvalidInput: too many members are named.
    """
    _refuse_too_many(members or [], mend="Leave members out to retry everybody who is set aside.")

    def work(txn: Txn) -> int:
        job = _live(txn, job_id)
        count = (
            _retry_everybody(txn, job) if members is None else _retry_some(txn, job, members, desk=desk, actor=actor)
        )
        said = f"{actor.name} had those retried who were set aside ({count:,})."
        notes.add_log(txn, LogEntry(job.key, "info", said, LogCode.RETRIED))
        notes.add_audit(txn, actor=actor.name, action="job.retry", what=job.id, note=f"{count} people")
        return count

    count = await desk.database.write(work)
    desk.refresh()
    return count


async def resend_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Owe everybody again who was ever told or owed: the cure after a mapping was missing in Mapp. Safe to repeat.

    Whom a silent baseline made known stays untold. Raises NotFound and Conflict as *retry_members*.
    """

    def work(txn: Txn) -> Job:
        job = _live(txn, job_id)
        scans.add_sweep(txn, job.key, kind="resend")
        notes.add_log(txn, LogEntry(job.key, "info", f"{actor.name} had everybody told again.", LogCode.RESENT))
        notes.add_audit(txn, actor=actor.name, action="job.resend", what=job.id)
        return brake.as_it_waits(txn, job)

    job = await desk.database.write(work)
    desk.refresh()
    return job


async def resend_members(desk: Desk, actor: Actor, job_id: str, members: list[str]) -> int:
    """
    Owe these people again, whatever Mapp took before; return how many. What is owed already stays due when it was.

    Left alone: whom the job has never seen, and who waits for a decision at the removal brake.

    Args:
        members: at most 1,000.

    Raises as *retry_members*. Repeating sends once more.
    """
    _refuse_too_many(members, mend="Leave members out to send everybody again.")

    def work(txn: Txn) -> int:
        job = _live(txn, job_id)
        leaves_before = brake.leaves_before(txn, job.key, guard_seconds=desk.guard_seconds)
        rows = _rows_of(txn, job, members)
        named = [row.member for row in rows if state_of(row, leaves_before=leaves_before) is not MemberState.HELD]
        _owe_each(txn, job, named, desk=desk, note=f"{actor.name} asked for it to be sent again.")
        log = f"{actor.name} had {len(named):,} people sent again."
        notes.add_log(txn, LogEntry(job.key, "info", log, LogCode.SOME_RESENT))
        notes.add_audit(txn, actor=actor.name, action="job.resend", what=job.id, note=f"{len(named)} people")
        return len(named)

    count = await desk.database.write(work)
    desk.refresh()
    return count


async def reconcile_job(desk: Desk, actor: Actor, job_id: str) -> Job:
    """
    Compare the whole audience as soon as the job may scan.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended, a scan is under way or wanted already, or people wait for a decision.
    """

    def work(txn: Txn) -> Job:
        job = _live(txn, job_id)
        _refuse_second_scan(txn, job)
        jobs.change_job(txn, job.key, scan_wanted="reconcile")
        notes.add_audit(txn, actor=actor.name, action="job.reconcile", what=job.id)
        return brake.as_it_waits(txn, jobs.job_by_key(txn, job.key))

    job = await desk.database.write(work)
    desk.refresh()
    return job


def _refuse_second_scan(txn: Txn, job: Job) -> None:
    scan = scans.last_scan(txn, job.key)
    state = "" if scan is None else scan.state
    if state == ScanState.HELD:
        raise Conflict("The last scan waits for a decision: confirm or discard its removals first.")
    if state == ScanState.RUNNING or job.scan_wanted:
        raise Conflict("A scan of this job is under way or about to begin. Wait for its end.")


def _live(txn: Txn, job_id: str) -> Job:
    job = jobs.job_by_id(txn, job_id)
    if not job.is_live:
        raise Conflict(f"A job that is {job.status} sends nothing. Restart it (bounce), or create a new one.")
    return job


def _retry_everybody(txn: Txn, job: Job) -> int:
    count = scans.counters_of(txn, job.key).get("members.aside", 0)
    if count:
        scans.add_sweep(txn, job.key, kind="retry")
    return count


def _retry_some(txn: Txn, job: Job, members: list[str], *, desk: Desk, actor: Actor) -> int:
    aside = [row.member for row in _rows_of(txn, job, members) if row.aside is not None]
    _owe_each(txn, job, aside, desk=desk, note=f"{actor.name} asked for another try.")
    return len(aside)


def _refuse_too_many(members: list[str], *, mend: str) -> None:
    if len(members) > MOST_MEMBERS:
        raise InvalidInput(Problem("members", f"names more than {MOST_MEMBERS:,} people.", mend))


def _rows_of(txn: Txn, job: Job, members: list[str]) -> list[MemberRow]:
    named = (normalise(member, lowercase=job.config.is_lowercasing) for member in members)
    rows = [member_row(txn, job.key, member) for member in dict.fromkeys(filter(None, named))]
    return [row for row in rows if row is not None]


def _owe_each(txn: Txn, job: Job, members: list[str], *, desk: Desk, note: str) -> None:
    for member in members:
        ledger.owe_member_again(txn, desk.statements, job.key, member)
    notes.add_history(txn, [HistoryEntry(job.key, member, OWED, note=note) for member in members])
