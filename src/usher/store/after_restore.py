"""
What a database must do after it went back in time: a ledger does not know what Mapp was told since.

So everybody is told again, every audience is compared again, and nobody stays signed in by what may have been ended.
"""

from sqlalchemy import Connection, bindparam, text

from usher.domain.job import LIVE
from usher.domain.notes import LogCode
from usher.domain.scan import ScanState
from usher.store.statements import LANE_BULK


def make_ready(conn: Connection, *, now_ms: int, hold_ms: int) -> int:
    """
    Let a database that went back in time put right what it missed; return how many jobs compare their audience again.

    What is owed waits *hold_ms* (the time a claim holds), because a request sent before may still land.

    Args:
        now_ms: by the ledger's clock.

    Idempotent: no; everybody is told once more, and nothing worse.
    """
    known = {
        "now": now_ms,
        "until": now_ms + hold_ms,
        "running": ScanState.RUNNING.value,
        "bulk": LANE_BULK,
        "resent": LogCode.RESENT.value,
        "live": sorted(status.value for status in LIVE),
    }
    jobs = sum(_run(conn, statement, known) for statement in WANT_SCANS)
    for statement in (INTERRUPT_SCANS, OWE_AGAIN, COUNT_DUE, SAY_SO, *FORGET):
        _run(conn, statement, known)
    return jobs


def _run(conn: Connection, statement: str, known: dict[str, object]) -> int:
    asked = text(statement)
    if ":live" in statement:
        asked = asked.bindparams(bindparam("live", expanding=True))
    return conn.execute(asked, {name: value for name, value in known.items() if f":{name}" in statement}).rowcount


# A scan that was running began before the restore, and would say nothing of what changed since: it starts again.
WANT_SCANS = (
    "UPDATE jobs SET scan_wanted = 'reconcile' WHERE status IN :live AND is_baselined",
    """
    UPDATE jobs SET scan_wanted = CASE (
        SELECT kind FROM scans WHERE scans.job = jobs.key AND state = :running ORDER BY id DESC LIMIT 1
    ) WHEN 'backfill' THEN 'backfill' ELSE 'reconcile' END
    WHERE status IN :live AND NOT is_baselined AND key IN (SELECT job FROM scans WHERE state = :running)
    """,
)
INTERRUPT_SCANS = """
UPDATE scans SET state = 'interrupted', reason = 'a backup was restored', finished_ms = :now WHERE state = :running
"""
# What Mapp was told since the backup is not known. A scan alone would leave a person as Mapp was last told who left
# and came back after it; so whoever was told anything is told again.
OWE_AGAIN = """
UPDATE ledger SET due_at = CASE WHEN due_at > :until THEN due_at ELSE :until END,
    lane = CASE WHEN due_at IS NULL THEN :bulk ELSE lane END
WHERE due_at IS NOT NULL
    OR (accepted IS NOT NULL AND aside IS NULL AND job IN (SELECT key FROM jobs WHERE status IN :live))
"""
COUNT_DUE = """
INSERT INTO counters (job, name, value)
SELECT job, 'members.due', COUNT(*) FROM ledger WHERE due_at IS NOT NULL GROUP BY job
ON CONFLICT (job, name) DO UPDATE SET value = excluded.value
"""
SAY_SO = """
INSERT INTO job_logs (job, at_ms, level, code, message)
SELECT key, :now, 'info', :resent, 'A backup was restored, so everybody is told again.'
FROM jobs WHERE status IN :live
"""
# Who worked on it, who was signed in, and links to sign in with, which may have been used or ended since.
MARK = "server"  # in facts: which server this was on; see usher.store.server_mark
FORGET = (
    f"DELETE FROM facts WHERE name = '{MARK}'",
    "DELETE FROM workers",
    "DELETE FROM leases",
    "DELETE FROM sessions",
    "DELETE FROM one_time_links",
)
