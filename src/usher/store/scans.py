"""
Scans and sweeps as they are kept: how far each has come, stored with what it did, so that it goes on after a restart.

A scan reads an audience page by page. A sweep walks a job's own rows, chunk by chunk.
"""

from typing import Any

from sqlalchemy import delete, func, insert, select, update

from usher.domain.absence import Doubt
from usher.domain.scan import CHANGED, Scan, ScanState, Sweep
from usher.errors import Superseded
from usher.store.database import Txn
from usher.store.tables import counters, scans, sweeps


def start_scan(txn: Txn, job: int, *, kind: str, definition: str, expected: int | None) -> Scan:
    found = txn.conn.execute(
        insert(scans)
        .values(
            job=job,
            kind=kind,
            state=ScanState.RUNNING,
            definition=definition,
            expected=expected,
            started_ms=txn.now_ms,
        )
        .returning(scans)
    ).one()
    return Scan(**found._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def change_scan(txn: Txn, scan_id: int, **changes: Any) -> None:
    txn.conn.execute(update(scans).where(scans.c.id == scan_id).values(**changes))


def end_scan(txn: Txn, scan_id: int, *, state: str, reason: str = "", leaving: int = 0) -> None:
    change_scan(txn, scan_id, state=state, reason=reason, leaving=leaving, finished_ms=txn.now_ms)


def scan_by_id(txn: Txn, scan_id: int) -> Scan:
    return Scan(**txn.conn.execute(select(scans).where(scans.c.id == scan_id)).one()._mapping)  # noqa: SLF001


def last_scan(txn: Txn, job: int) -> Scan | None:
    """Return the newest scan of *job*, running or not."""
    row = txn.conn.execute(select(scans).where(scans.c.job == job).order_by(scans.c.id.desc()).limit(1)).first()
    return None if row is None else Scan(**row._mapping)  # noqa: SLF001 - public name


def last_scans(txn: Txn) -> dict[int, Scan]:
    """Return the newest scan of every job that has one, by job."""
    newest = select(func.max(scans.c.id)).group_by(scans.c.job)
    found = txn.conn.execute(select(scans).where(scans.c.id.in_(newest)))
    return {row.job: Scan(**row._mapping) for row in found}  # noqa: SLF001 - public name


def scan_at(txn: Txn, job: int, at_ms: int) -> Scan | None:
    """Return the scan of *job* that was under way at a moment."""
    was_on = (scans.c.started_ms <= at_ms, scans.c.finished_ms.is_(None) | (scans.c.finished_ms >= at_ms))
    found = select(scans).where(scans.c.job == job, *was_on).order_by(scans.c.id.desc()).limit(1)
    row = txn.conn.execute(found).first()
    return None if row is None else Scan(**row._mapping)  # noqa: SLF001 - public name


def is_follow_up(txn: Txn, scan: Scan) -> bool:
    """Return whether the scan before *scan* wanted another after it."""
    before = select(scans.c.reason).where(scans.c.job == scan.job, scans.c.id < scan.id).order_by(scans.c.id.desc())
    return txn.conn.execute(before.limit(1)).scalar() == CHANGED


def is_baseline_doubted(txn: Txn, job: int) -> bool:
    """Return whether the silent baseline of *job* ended in doubt, and no scan since then was whole."""
    ended = (scans.c.job == job, scans.c.state.in_((ScanState.COMPLETED, ScanState.HELD)))
    doubted = scans.c.reason.in_([*Doubt])
    whole = select(scans.c.id).where(*ended, ~doubted).exists()
    return bool(txn.conn.execute(select(scans.c.id).where(*ended, doubted, scans.c.kind == "baseline", ~whole)).first())


def share_unnamed(txn: Txn, job: int) -> float | None:
    """Return the share (0..1) of profiles without an identifier in the last undoubted scan of *job*."""
    said_nothing = scans.c.reason.in_(("", CHANGED))
    row = txn.conn.execute(
        select(scans.c.profiles, scans.c.without_identifier)
        .where(scans.c.job == job, scans.c.state == ScanState.COMPLETED)
        .where(scans.c.profiles > 0, said_nothing)
        .order_by(scans.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else row.without_identifier / row.profiles


def add_sweep(txn: Txn, job: int, *, kind: str, version: int = 0) -> None:
    """Begin a sweep; one of the same kind that has not finished starts over instead."""
    txn.conn.execute(delete(sweeps).where(sweeps.c.job == job, sweeps.c.kind == kind))
    txn.conn.execute(insert(sweeps).values(job=job, kind=kind, version=version, created_ms=txn.now_ms))


def open_sweeps(txn: Txn) -> list[Sweep]:
    """Return the sweeps that are not finished, oldest first."""
    found = txn.conn.execute(select(sweeps).order_by(sweeps.c.id))
    return [Sweep(**row._mapping) for row in found]  # noqa: SLF001 - public name


def advance_sweep(txn: Txn, sweep: Sweep, *, cursor: str | None, done: int) -> None:
    """
    Remember how far a sweep has come; a *cursor* of None ends it.

    Raises:
        Superseded: it is not where it was when *sweep* was read; undo what was done from there.
    """
    # SQLite gives the number of the last one that ended to the next one.
    same = ("id", "kind", "version", "cursor", "created_ms")
    still = [sweeps.c[name] == getattr(sweep, name) for name in same]
    if cursor is None:
        moved = txn.conn.execute(delete(sweeps).where(*still))
    else:
        moved = txn.conn.execute(update(sweeps).where(*still).values(cursor=cursor, done=sweep.done + done))
    if moved.rowcount != 1:
        raise Superseded("Another worker took this sweep further, or a person ended it.")


def drop_sweeps(txn: Txn, job: int) -> None:
    txn.conn.execute(delete(sweeps).where(sweeps.c.job == job))


def counters_of(txn: Txn, job: int) -> dict[str, int]:
    """Return everything counted for one job; job 0 is what belongs to none."""
    found = txn.conn.execute(select(counters.c.name, counters.c.value).where(counters.c.job == job))
    return {row.name: row.value for row in found}


def all_counters(txn: Txn) -> dict[int, dict[str, int]]:
    """Return everything counted, by job."""
    every: dict[int, dict[str, int]] = {}
    for row in txn.conn.execute(select(counters)):
        every.setdefault(row.job, {})[row.name] = row.value
    return every
