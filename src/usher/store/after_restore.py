"""
What a database must do after it went back in time: a ledger does not know what Mapp was told since.

So everybody is told again, every audience is compared again, and nobody stays signed in by what may have been ended.
It may be done beside live work, so it is short: whoever was told is owed again by a sweep, in pieces. Until a claim of
the lost time would have ended nobody claims at all, because a row of that time may not even be there to carry a lease.
"""

from sqlalchemy import Connection, bindparam, select, text

from usher.domain.job import LIVE
from usher.domain.notes import LogCode
from usher.domain.scan import ScanState
from usher.store.database import Txn
from usher.store.scans import add_sweep
from usher.store.tables import jobs

MARK = "server"  # in facts: which server this was on; see usher.store.server_mark
QUIET = "quiet_until_ms"  # in facts: before which nothing is claimed, by the ledger's clock


def make_ready(conn: Connection, *, now_ms: int, hold_ms: int) -> int:
    """
    Let a database that went back in time put right what it missed; return how many jobs compare their audience again.

    Nothing is claimed for *hold_ms* (the time a claim holds), because a request sent before may still land.

    Args:
        now_ms: by the ledger's clock.

    Idempotent: no; everybody is told once more, and nothing worse.
    """
    known = {
        "now": now_ms,
        "quiet": QUIET,
        "until": str(now_ms + hold_ms),
        "running": ScanState.RUNNING.value,
        "resent": LogCode.RESENT.value,
        "live": sorted(status.value for status in LIVE),
    }
    for key in conn.execute(LIVE_JOBS).scalars().all():
        add_sweep(Txn(conn, now_ms), key, kind="resend")
    wanted = sum(_run(conn, statement, known) for statement in WANT_SCANS)
    for statement in (BE_QUIET, INTERRUPT_SCANS, SAY_SO, *FORGET):
        _run(conn, statement, known)
    return wanted


def _run(conn: Connection, statement: str, known: dict[str, object]) -> int:
    asked = text(statement)
    if ":live" in statement:
        asked = asked.bindparams(bindparam("live", expanding=True))
    return conn.execute(asked, {name: value for name, value in known.items() if f":{name}" in statement}).rowcount


# In the order in which triggers lock them, so that the two cannot wait on each other.
LIVE_JOBS = (
    select(jobs.c.key)
    .where(jobs.c.status.in_(sorted(LIVE)))
    .order_by(jobs.c.lytics_auth, jobs.c.key)
    .with_for_update(key_share=True)
)
BE_QUIET = """
INSERT INTO facts (name, value) VALUES (:quiet, :until) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
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
SAY_SO = """
INSERT INTO job_logs (job, at_ms, level, code, message)
SELECT key, :now, 'info', :resent, 'A backup was restored, so everybody is told again.'
FROM jobs WHERE status IN :live
"""
# Who worked on it, who was signed in, and links to sign in with, which may have been used or ended since.
FORGET = (
    f"DELETE FROM facts WHERE name = '{MARK}'",
    "DELETE FROM workers",
    "DELETE FROM leases",
    "DELETE FROM sessions",
    "DELETE FROM one_time_links",
)
