"""What is written down for people: history of members, logs of jobs, unreadable messages, the audit trail."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Table, insert, select, text

from usher.domain.notes import HistoryEntry, LogEntry, Unreadable
from usher.store.database import Txn
from usher.store.tables import audit, history, job_logs, unreadable

HISTORY_KEEP = 1_000_000  # entries over all jobs, newest first
LOGS_KEEP = 100_000
UNREADABLE_KEEP = 1_000
HISTORY_PAGE = 200
UNREADABLE_BYTES = 16_384  # of each message, enough to see what was wrong


def add_history(txn: Txn, entries: Iterable[HistoryEntry]) -> None:
    rows = [
        {
            "job": e.job,
            "member": e.member,
            "at_ms": e.at_ms or txn.now_ms,
            "kind": e.kind,
            "is_in": None if e.is_in is None else int(e.is_in),
            "version": e.version,
            "note": e.note[:500],
        }
        for e in entries
    ]
    if rows:
        txn.conn.execute(insert(history), rows)


def history_of(txn: Txn, job: int, member: str, *, limit: int = HISTORY_PAGE) -> list[HistoryEntry]:
    """Return what was written down about one member, newest first."""
    rows = txn.conn.execute(
        select(history)
        .where(history.c.job == job, history.c.member == member)
        .order_by(history.c.id.desc())
        .limit(limit)
    )
    return [
        HistoryEntry(
            job=row.job,
            member=row.member,
            kind=row.kind,
            is_in=None if row.is_in is None else bool(row.is_in),
            version=row.version,
            note=row.note,
            at_ms=row.at_ms,
        )
        for row in rows
    ]


def add_log(txn: Txn, entry: LogEntry) -> None:
    txn.conn.execute(
        insert(job_logs),
        {
            "job": entry.job,
            "at_ms": entry.at_ms or txn.now_ms,
            "level": entry.level,
            "code": entry.code,
            "message": entry.message[:2000],
            "context": msgspec.json.encode(entry.context or {}).decode(),
        },
    )


def logs_of(txn: Txn, job: int, *, limit: int = 200) -> list[LogEntry]:
    """Return a job's log, newest first."""
    rows = txn.conn.execute(select(job_logs).where(job_logs.c.job == job).order_by(job_logs.c.id.desc()).limit(limit))
    return [
        LogEntry(
            job=row.job,
            level=row.level,
            message=row.message,
            code=row.code,
            context=msgspec.json.decode(row.context),
            at_ms=row.at_ms,
        )
        for row in rows
    ]


def add_unreadable(txn: Txn, items: Sequence[Unreadable]) -> None:
    if items:
        txn.conn.execute(
            insert(unreadable),
            [
                {
                    "auth_id": item.auth_id,
                    "job": item.job,
                    "at_ms": txn.now_ms,
                    "reason": item.reason[:200],
                    "body_sealed": item.body_sealed,
                    "body_bytes": item.body_bytes,
                }
                for item in items
            ],
        )


def add_audit(txn: Txn, *, actor: str, action: str, what: str, note: str = "") -> None:
    """Append who did what; nothing ever changes or removes an entry."""
    txn.conn.execute(
        insert(audit),
        {"at_ms": txn.now_ms, "actor": actor, "action": action, "object": what, "note": note[:500]},
    )


def prune(txn: Txn) -> None:
    """Drop what is beyond the limits, a bounded number of entries at a time, oldest first."""
    for table, keep in ((history, HISTORY_KEEP), (job_logs, LOGS_KEEP), (unreadable, UNREADABLE_KEEP)):
        _prune(txn, table, keep)


def _prune(txn: Txn, table: Table, keep: int, *, at_once: int = 5_000) -> None:
    name = table.name
    first, last = txn.conn.execute(text(f"SELECT MIN(id), MAX(id) FROM {name}")).one()
    if first is not None and last - first >= keep:
        upto = min(last - keep, first + at_once)
        txn.conn.execute(text(f"DELETE FROM {name} WHERE id <= :upto"), {"upto": upto})
