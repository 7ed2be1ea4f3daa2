"""What is written down for people: history of members, logs of jobs, unreadable messages, the audit trail."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, func, insert, or_, select, text

from usher.domain.notes import AuditEntry, HistoryEntry, KeptUnreadable, LogEntry, Unreadable
from usher.store.activity import forget_activity, prune_activity
from usher.store.database import Txn
from usher.store.direct import run_for_each
from usher.store.tables import audit, history, job_logs, jobs, unreadable

HISTORY_KEEP = 1_000_000  # entries over all jobs, newest first
LOGS_KEEP = 100_000
UNREADABLE_KEEP = 1_000
SCANS_KEEP = 50  # of each job
PIECE = 100  # entries removed in one commit: a few milliseconds during which triggers wait
FORGET_PIECE = 500  # of a deleted job
HISTORY_PAGE = 200


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
    run_for_each(txn.conn, ADD_HISTORY, rows)


ADD_HISTORY = text(
    "INSERT INTO history (job, member, at_ms, kind, is_in, version, note)"
    " VALUES (:job, :member, :at_ms, :kind, :is_in, :version, :note)"
)


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


def logs_of(
    txn: Txn, job: int, *, before: int | None = None, limit: int = 200, levels: Collection[str] = ()
) -> list[LogEntry]:
    """Return a job's log, newest first, from below the entry *before*; only *levels*, where any are named."""
    chosen = select(job_logs).where(job_logs.c.job == job)
    if levels:
        chosen = chosen.where(job_logs.c.level.in_(levels))
    rows = txn.conn.execute(_below(chosen, job_logs, before, limit=limit))
    return [_log_entry(row) for row in rows]


def newest_log(txn: Txn, job: int, *, code: str, level: str = "") -> LogEntry | None:
    """Return the newest line of a job's log that carries *code*, of any level where none is named."""
    lines = select(job_logs).where(job_logs.c.job == job, job_logs.c.code == code)
    if level:
        lines = lines.where(job_logs.c.level == level)
    found = txn.conn.execute(lines.order_by(job_logs.c.id.desc()).limit(1))
    return next((_log_entry(row) for row in found), None)


def _log_entry(row: Row[Any]) -> LogEntry:
    return LogEntry(
        job=row.job,
        level=row.level,
        message=row.message,
        code=row.code,
        context=msgspec.json.decode(row.context),
        at_ms=row.at_ms,
        id=row.id,
    )


def _below(chosen: Select[Any], table: Table, before: int | None, *, limit: int) -> Select[Any]:
    if before is not None:
        chosen = chosen.where(table.c.id < before)
    return chosen.order_by(table.c.id.desc()).limit(limit)


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


def page_of_unreadable(txn: Txn, *, before: int | None, limit: int) -> list[KeptUnreadable]:
    """Return what made no sense, newest first, from below the entry *before*."""
    return [KeptUnreadable(**row._mapping) for row in txn.conn.execute(_below(KEPT, unreadable, before, limit=limit))]  # noqa: SLF001 - SQLAlchemy's public name for it


def unreadable_by_id(txn: Txn, entry: int) -> KeptUnreadable | None:
    row = txn.conn.execute(KEPT.where(unreadable.c.id == entry)).first()
    return None if row is None else KeptUnreadable(**row._mapping)  # noqa: SLF001 - public name


KEPT = select(
    unreadable.c.id,
    unreadable.c.at_ms,
    unreadable.c.reason,
    unreadable.c.auth_id,
    jobs.c.id.label("job_id"),
    unreadable.c.body_bytes,
    unreadable.c.body_sealed,
).select_from(unreadable.outerjoin(jobs, unreadable.c.job == jobs.c.key))


def page_of_audit(
    txn: Txn, *, before: int | None, limit: int, actor: str = "", actions: Collection[str] = ()
) -> list[AuditEntry]:
    """
    Return the audit trail, newest first, from below the entry *before*.

    Args:
        actor: only what this one did; "" for everybody.
        actions: only what begins so; none for everything.
    """
    chosen = select(audit)
    if actor:
        chosen = chosen.where(audit.c.actor == actor)
    if actions:
        chosen = chosen.where(or_(*(audit.c.action.startswith(action, autoescape=True) for action in actions)))
    return [
        AuditEntry(row.id, row.at_ms, row.actor, row.action, row.object, row.note)
        for row in txn.conn.execute(_below(chosen, audit, before, limit=limit))
    ]


def count_unreadable(txn: Txn) -> int:
    """Return how many messages that made no sense are kept."""
    return int(txn.conn.scalar(select(func.count()).select_from(unreadable)) or 0)


def add_audit(txn: Txn, *, actor: str, action: str, what: str, note: str = "") -> None:
    """Append who did what; nothing changes an entry, and nothing but its age removes it."""
    txn.conn.execute(
        insert(audit),
        {"at_ms": txn.now_ms, "actor": actor, "action": action, "object": what, "note": note[:500]},
    )


def prune_some(txn: Txn) -> bool:
    """Drop a bounded piece of what is beyond the limits, oldest first; return whether there may be more."""
    limits = ((history, HISTORY_KEEP), (job_logs, LOGS_KEEP), (unreadable, UNREADABLE_KEEP))
    return any(_prune(txn, table, keep) for table, keep in limits) or _prune_scans(txn) or prune_activity(txn)


def _prune(txn: Txn, table: Table, keep: int, *, at_once: int = PIECE) -> bool:
    name = table.name
    first, last = txn.conn.execute(text(ENDS.format(name=name))).one()
    if first is None or last - first < keep:
        return False
    end_of_piece = first + at_once - 1
    txn.conn.execute(text(f"DELETE FROM {name} WHERE id <= :upto"), {"upto": min(last - keep, end_of_piece)})
    if table is history:
        note_history_cut(txn)
    return bool(end_of_piece < last - keep)  # what comes in meanwhile waits for the next time, or there is no end


# Each by itself: asked for both at once, SQLite reads a whole index, 70 ms for a full history.
ENDS = "SELECT (SELECT MIN(id) FROM {name}), (SELECT MAX(id) FROM {name})"


def note_history_cut(txn: Txn) -> None:
    """Remember that the oldest entries about members went: nothing is known any more of before the next one."""
    oldest = txn.conn.execute(OLDEST_ENTRY).scalar()
    txn.conn.execute(NOTE_CUT, {"at": str(txn.now_ms if oldest is None else oldest)})


OLDEST_ENTRY = text("SELECT at_ms FROM history ORDER BY id LIMIT 1")
NOTE_CUT = text(
    "INSERT INTO facts (name, value) VALUES ('history_from', :at)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    " WHERE CAST(facts.value AS BIGINT) < CAST(excluded.value AS BIGINT)"
)


def history_from(txn: Txn) -> int | None:
    """Return since when (ms) what happened to members is known, or None where nothing has been dropped."""
    kept: str | None = txn.conn.execute(HISTORY_FROM).scalar()
    return None if kept is None else int(kept)


HISTORY_FROM = text("SELECT value FROM facts WHERE name = 'history_from'")


def _prune_scans(txn: Txn) -> bool:
    return txn.conn.execute(PRUNE_SCANS, {"keep": SCANS_KEEP, "piece": PIECE}).rowcount == PIECE


PRUNE_SCANS = text(
    "DELETE FROM scans WHERE id IN (SELECT id FROM"
    " (SELECT id, ROW_NUMBER() OVER (PARTITION BY job ORDER BY id DESC) AS place FROM scans) AS placed"
    " WHERE place > :keep LIMIT :piece)"
)


def forget_some(txn: Txn, job: int, *, piece: int = FORGET_PIECE) -> int:
    """Delete a bounded piece of what was written down about a deleted job and its people; return how much it was."""
    asked = {"job": job, "piece": piece}
    written = txn.conn.execute(FORGET_HISTORY, asked).rowcount + txn.conn.execute(FORGET_UNREADABLE, asked).rowcount
    return written + forget_activity(txn, job)


FORGET_HISTORY = text("DELETE FROM history WHERE id IN (SELECT id FROM history WHERE job = :job LIMIT :piece)")
FORGET_UNREADABLE = text("DELETE FROM unreadable WHERE id IN (SELECT id FROM unreadable WHERE job = :job LIMIT :piece)")
