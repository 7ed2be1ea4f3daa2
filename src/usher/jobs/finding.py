"""
One person in every job at once: found by the exact identifier, as each job would name them; nothing is searched.

An e-mail address is looked up in lower case too: who types one seldom knows how a source writes it.
"""

from dataclasses import dataclass, field

from usher.domain.identifier import normalise
from usher.domain.job import Job, Status
from usher.jobs.desk import Desk
from usher.jobs.erasing import erased_as
from usher.jobs.explain import MemberLine, line_of
from usher.mapp.wire import attribute_key
from usher.store import brake, jobs
from usher.store.database import Txn
from usher.store.erasure import Tombstone
from usher.store.members import MemberRow, member_row, members_like

MOST_NEAR = 8


@dataclass(frozen=True, slots=True)
class FoundIn:
    """One job that knows the person, and what it knows; *line* names them as that job does."""

    job_id: str
    job_name: str
    status: Status
    audience_name: str
    group_id: str
    attribute_key: str
    line: MemberLine


@dataclass(frozen=True, slots=True)
class Found:
    """
    Where somebody is known.

    Args:
        asked: what was asked for.
        rows: the jobs that know them, newest first; a job that knows both spellings is there twice.
        erased: when they were erased, and by which receipt; None where they were not.
        near: where nobody is found, at most 8 identifiers that begin so; empty for those who may not see people.
    """

    asked: str = field(repr=False)
    rows: list[FoundIn]
    near: list[str] = field(repr=False)
    erased: Tombstone | None = None


async def find_member(desk: Desk, text: str, *, may_see_people: bool) -> Found:
    """
    Look *text* up in every job that is not deleted, ended ones too. Never raises for what was typed.

    Args:
        may_see_people: whether identifiers that only begin so may be named; the rows name the person in full.
    """

    def work(txn: Txn) -> Found:
        known = [job for job in jobs.all_jobs(txn) if job.status is not Status.DELETED]
        rows = [found for job in known for found in _found_in(txn, desk, job, text)]
        near = _near(txn, known, text) if may_see_people and not rows else []
        return Found(text, rows, near, erased_as(txn, desk, text))

    return await desk.database.read(work)


def _found_in(txn: Txn, desk: Desk, job: Job, text: str) -> list[FoundIn]:
    rows = [row for named in _named(job, text) if (row := member_row(txn, job.key, named)) is not None]
    return [_as_found(txn, desk, job, row) for row in rows]


def _as_found(txn: Txn, desk: Desk, job: Job, row: MemberRow) -> FoundIn:
    leaves_before = brake.leaves_before(txn, job.key, guard_seconds=desk.guard_seconds)
    return FoundIn(
        job_id=job.id,
        job_name=job.name,
        status=job.status,
        audience_name=job.audience_name,
        group_id=job.config.group_id,
        attribute_key=attribute_key(job.target),
        line=line_of(row, member=row.member, leaves_before=leaves_before),
    )


def _near(txn: Txn, known: list[Job], text: str) -> list[str]:
    beginnings = [(job.key, named) for job in known for named in _named(job, text)]
    found = {member for key, named in beginnings for member in members_like(txn, key, named, limit=MOST_NEAR)}
    return sorted(found)[:MOST_NEAR]


def _named(job: Job, text: str) -> list[str]:
    """Return how *job* may name whoever was typed, as typed first; nothing for what names nobody."""
    spellings = {normalise(text, lowercase=job.config.is_lowercasing): None}
    if "@" in text:
        spellings[normalise(text, lowercase=True)] = None
    return [named for named in spellings if named is not None]
