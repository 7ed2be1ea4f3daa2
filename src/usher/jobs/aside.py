"""People set aside, grouped by what Mapp said of them, and how those of one group are owed again."""

from dataclasses import dataclass, field

from usher.access.roles import Actor
from usher.domain.advice import advice_for
from usher.domain.job import Job
from usher.domain.notes import LogCode, LogEntry
from usher.errors import Conflict, InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.store import aside, jobs, notes, scans
from usher.store.aside import Place, ReasonCount
from usher.store.database import Txn

NEWEST = 10_000  # looked at; reading a reason costs a look at its row
MOST_GROUPS = 50  # shown; a reason that holds a number of its own for each person would make thousands


@dataclass(frozen=True, slots=True)
class AsideGroup:
    """
    Those set aside for one reason.

    Args:
        reason: Mapp's own words, as they were kept; hostile until escaped.
        title: the reason in plain words.
        advice: what to do about it.
        since_ms, newest_ms: when the first and the last of them was set aside.
        sample: one of them; mask it for viewers.
    """

    reason: str
    title: str
    advice: str
    count: int
    since_ms: int
    newest_ms: int
    sample: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetAside:
    """
    Everybody whom a job has set aside.

    Args:
        total: how many there are.
        looked_at: how many of them, the newest, were grouped; at most 10,000.
        left_out: how many of those looked at belong to groups that are not shown.
        groups: at most 50, the largest first.
    """

    total: int
    looked_at: int
    left_out: int
    groups: list[AsideGroup]

    @property
    def is_whole(self) -> bool:
        """Whether everybody was looked at; else say that these are the newest only."""
        return self.looked_at >= self.total


async def set_aside(desk: Desk, job_id: str) -> SetAside:
    """
    Return who is set aside, by reason. Safe to repeat.

    Raises:
        NotFound: there is no such job.
    """

    def work(txn: Txn) -> SetAside:
        job = jobs.job_by_id(txn, job_id)
        found = aside.reasons_of(txn, job.key, newest=NEWEST)
        return SetAside(
            total=scans.counters_of(txn, job.key).get("members.aside", 0),
            looked_at=sum(one.count for one in found),
            left_out=sum(one.count for one in found[MOST_GROUPS:]),
            groups=[_group(one) for one in found[:MOST_GROUPS]],
        )

    return await desk.database.read(work)


def _group(found: ReasonCount) -> AsideGroup:
    advice = advice_for(found.reason)
    return AsideGroup(
        reason=found.reason,
        title=advice.title,
        advice=advice.what_to_do,
        count=found.count,
        since_ms=found.since_ms,
        newest_ms=found.newest_ms,
        sample=found.sample,
    )


async def retry_reason(desk: Desk, actor: Actor, job_id: str, reason: str) -> int:
    """
    Owe again exactly those who are set aside for *reason* now; return how many. Safe to repeat, also when cut short.

    Args:
        reason: as *set_aside* told it.

    Raises:
        NotFound: there is no such job.
        Conflict: the job has ended; restart it first.
        InvalidInput: no reason is named.
    """
    if not reason:
        raise InvalidInput(Problem("reason", "is blank.", "Name one that the job's set-aside list shows."))
    key, until_ms = await desk.database.write(lambda txn: _begin(txn, actor, job_id, reason))
    count, place = 0, aside.START
    while True:
        owed, following = await _owe_piece(desk, job_id, reason, after=place, until_ms=until_ms)
        count += owed
        if following is None:
            break
        place = following
    # In our words: whatever was asked for as a reason may be anything, and viewers read the log.
    said = f"{actor.name} had those retried who were set aside for one reason ({count:,}): {advice_for(reason).title}."
    entry = LogEntry(key, "info", said, LogCode.RETRIED)
    await desk.database.write(lambda txn: notes.add_log(txn, entry))
    desk.refresh()
    return count


def _begin(txn: Txn, actor: Actor, job_id: str, reason: str) -> tuple[int, int]:
    job = _live(txn, job_id)
    notes.add_audit(
        txn, actor=actor.name, action="job.retry", what=job.id, note=f"set aside for: {advice_for(reason).title}"
    )
    return job.key, txn.now_ms


async def _owe_piece(desk: Desk, job_id: str, reason: str, *, after: Place, until_ms: int) -> tuple[int, Place | None]:
    def work(txn: Txn) -> tuple[int, Place | None]:
        job = _live(txn, job_id)  # it may have ended since the piece before
        return aside.owe_for_reason(txn, desk.statements, job.key, reason, after=after, until_ms=until_ms)

    return await desk.database.write(work)


def _live(txn: Txn, job_id: str) -> Job:
    job = jobs.job_by_id(txn, job_id)
    if not job.is_live:
        raise Conflict(f"A job that is {job.status} retries nobody. Restart it (bounce) first.")
    return job
