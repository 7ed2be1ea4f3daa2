"""Open gaps in triggers, each a fact that is there while the gap is open; jobs that are paused or ended have none."""

from dataclasses import replace

import msgspec
from sqlalchemy import String, cast, delete, insert, literal, select

from usher.domain.job import LIVE, Job, Status
from usher.domain.trigger_gap import Gap, gap_said
from usher.store.database import Txn
from usher.store.tables import facts, jobs

PREFIX = "gap:"
SHOWN = LIVE - {Status.PAUSED}  # a pause is somebody's own wish; what is open then shows again afterwards
NAME = literal(PREFIX) + cast(jobs.c.key, String)
HAS_GAP = jobs.c.status.in_(sorted(SHOWN)) & select(facts.c.name).where(facts.c.name == NAME).exists()


def gaps_of_jobs(txn: Txn) -> dict[int, Gap]:
    """Return the open gaps by job key."""
    found = select(jobs.c.key, facts.c.value).join(facts, facts.c.name == NAME).where(jobs.c.status.in_(sorted(SHOWN)))
    return {row.key: _gap_from(row.value) for row in txn.conn.execute(found)}


def gap_of(txn: Txn, job: int) -> Gap | None:
    """Return the open gap of *job*, whatever its status."""
    value: str | None = txn.conn.execute(select(facts.c.value).where(facts.c.name == f"{PREFIX}{job}")).scalar()
    return None if value is None else _gap_from(value)


def keep_gap(txn: Txn, job: int, gap: Gap | None) -> None:
    """Keep *gap* in the place of what was open for *job*; None ends it."""
    txn.conn.execute(delete(facts).where(facts.c.name == f"{PREFIX}{job}"))
    if gap is not None:
        txn.conn.execute(insert(facts).values(name=f"{PREFIX}{job}", value=msgspec.json.encode(gap).decode()))


def with_gap(txn: Txn, job: Job) -> Job:
    """Return *job* with a reason that tells of its open gap too, after what else is said of it."""
    gap = gap_of(txn, job.key) if job.status in SHOWN else None
    return job if gap is None else replace(job, reason=f"{job.reason} {gap_said(gap)}".strip())


def _gap_from(value: str) -> Gap:
    return msgspec.json.decode(value, type=Gap)
