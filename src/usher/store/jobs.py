"""Jobs as they are kept. Changes of state name the state they expect, so that two of them cannot cross."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, insert, or_, select, text, update

from usher.domain.attention import STOPPED
from usher.domain.job import LIVE, Cause, Job, JobConfig, Status, Webhook
from usher.domain.scan import ScanState
from usher.errors import NotFound
from usher.store.database import Txn
from usher.store.direct import run
from usher.store.gaps import HAS_GAP
from usher.store.tables import jobs, scans

REASON_KEEP = 1_000  # characters


def job_of_row(row: Row[Any]) -> Job:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["config"] = msgspec.json.decode(row.config, type=JobConfig)
    values["webhook"] = msgspec.json.decode(row.webhook, type=Webhook)
    values["status"] = Status(row.status)
    values["cause"] = Cause(row.cause)
    return Job(**values)


def _encode(values: dict[str, Any]) -> dict[str, Any]:
    for name in ("config", "webhook"):
        if name in values:
            values[name] = msgspec.json.encode(values[name]).decode()
    if "reason" in values:
        values["reason"] = values["reason"][:REASON_KEEP]
    return values


def add_job(txn: Txn, job: Job) -> Job:
    """Store a new job; its *key* is given here, whatever it was."""
    values = {field: value for field, value in _shallow(job).items() if field != "key"}
    found = txn.conn.execute(insert(jobs).values(**_encode(values)).returning(jobs.c.key)).scalar_one()
    return job_by_key(txn, found)


def _shallow(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in asdict(job)}


def change_job(txn: Txn, key: int, **changes: Any) -> None:
    """Overwrite the named columns of one job."""
    _mind_claims(txn, key, changes)
    txn.conn.execute(update(jobs).where(jobs.c.key == key).values(**_encode({**changes, "updated_ms": txn.now_ms})))


def change_job_if(txn: Txn, key: int, *, expected: Status, **changes: Any) -> bool:
    """Overwrite the named columns if the job still has the *expected* status; return whether it had."""
    _mind_claims(txn, key, changes)
    values = _encode({**changes, "updated_ms": txn.now_ms})
    done = txn.conn.execute(update(jobs).where(jobs.c.key == key, jobs.c.status == expected).values(**values))
    return done.rowcount == 1


def _mind_claims(txn: Txn, key: int, changes: Collection[str]) -> None:
    """Wait for claims under way, and keep others from beginning, where a change may end the job or move its place."""
    if not PLACE.isdisjoint(changes):
        txn.conn.execute(select(jobs.c.key).where(jobs.c.key == key).with_for_update())


PLACE = frozenset({"status", "config", "mapp_auth", "audience_slug"})


def note_trigger(txn: Txn, key: int) -> None:
    """Remember when a job last heard from Lytics; does not count as a change of the job."""
    run(txn.conn, NOTE_TRIGGER, {"key": key, "now": txn.now_ms})


NOTE_TRIGGER = text(
    "UPDATE jobs SET last_trigger_ms = :now, first_trigger_ms = COALESCE(first_trigger_ms, :now) WHERE key = :key"
)


def job_by_key(txn: Txn, key: int) -> Job:
    return job_of_row(txn.conn.execute(select(jobs).where(jobs.c.key == key)).one())


def writes_as(txn: Txn, job: Job) -> bool:
    """Return whether *job*, as it was read before, still lives and writes where it did; that stays so to the commit."""
    kept = job_of_row(txn.conn.execute(HELD, {"held": job.key}).one())
    return kept.is_live and (kept.mapp_auth, kept.target) == (job.mapp_auth, job.target)


HELD = select(jobs).where(jobs.c.key == bindparam("held")).with_for_update(read=True, key_share=True)


def deleted_among(txn: Txn, keys: Collection[int]) -> set[int]:
    found = txn.conn.execute(select(jobs.c.key).where(jobs.c.key.in_(keys), jobs.c.status == Status.DELETED))
    return set(found.scalars())


def job_by_id(txn: Txn, job_id: str) -> Job:
    """
    Return one job, deleted ones too.

    Raises:
        NotFound: no job ever had that id.
    """
    row = txn.conn.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id!r}. List them with `usher job list`.")
    return job_of_row(row)


def all_jobs(txn: Txn) -> list[Job]:
    """Return every job, newest first."""
    return [job_of_row(row) for row in txn.conn.execute(select(jobs).order_by(jobs.c.key.desc()))]


def page_of_jobs(
    txn: Txn, *, statuses: Collection[str], auth_ids: Collection[str], before: int | None, limit: int
) -> list[Job]:
    """Return the jobs that have one of *statuses* and use one of *auth_ids* (if any), newest first, below *before*."""
    chosen = select(jobs).where(jobs.c.status.in_(statuses))
    if auth_ids:
        chosen = chosen.where(or_(jobs.c.mapp_auth.in_(auth_ids), jobs.c.lytics_auth.in_(auth_ids)))
    if before is not None:
        chosen = chosen.where(jobs.c.key < before)
    return [job_of_row(row) for row in txn.conn.execute(chosen.order_by(jobs.c.key.desc()).limit(limit))]


def live_jobs(txn: Txn) -> list[Job]:
    """Return the jobs that take in triggers, oldest first."""
    found = txn.conn.execute(select(jobs).where(jobs.c.status.in_(sorted(LIVE))).order_by(jobs.c.key))
    return [job_of_row(row) for row in found]


def count_needing_attention(txn: Txn) -> int:
    """Return how many jobs need a person, by the rule of usher.domain.attention."""
    needing = jobs.c.status.in_(sorted(STOPPED)) | AT_BRAKE | HAS_GAP
    return int(txn.conn.execute(select(func.count()).select_from(jobs).where(needing)).scalar_one())


def jobs_at_brake(txn: Txn) -> frozenset[str]:
    """Return the ids of the jobs of whom people wait for a decision at the removal brake."""
    return frozenset(txn.conn.execute(select(jobs.c.id).where(AT_BRAKE)).scalars())


_newest = select(func.max(scans.c.id)).group_by(scans.c.job)
_held = select(scans.c.job).where(scans.c.id.in_(_newest), scans.c.state == ScanState.HELD)
AT_BRAKE = jobs.c.status.in_(sorted(LIVE)) & (jobs.c.exits_held | jobs.c.key.in_(_held))
