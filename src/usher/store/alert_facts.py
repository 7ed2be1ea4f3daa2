"""What the rules of alerts look at, read in a few statements, however many people and jobs there are."""

from collections import Counter

from sqlalchemy import bindparam, select, text

from usher.domain.alert import Thresholds
from usher.domain.alert_rules import AuthFacts, Facts, JobFacts
from usher.domain.attention import STOPPED
from usher.domain.job import LIVE, SENDING, Job
from usher.domain.notes import LogCode
from usher.domain.observation import NS_PER_MS
from usher.domain.trigger_gap import GapKind, gap_said
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.gaps import gaps_of_jobs
from usher.store.jobs import job_of_row, jobs_at_brake
from usher.store.tables import counters, jobs, unreadable
from usher.store.too_large import too_large_since

UNREADABLE_MS = 15 * 60_000
MOST_UNREADABLE = 1_000  # of the newest messages looked at
LET_GO_ON = (LogCode.RESUMED, LogCode.RESTARTED)
TOTAL, ASIDE = "members.total", "members.aside"


def alert_facts(txn: Txn, *, thresholds: Thresholds) -> Facts:
    """Return everything that conditions are read from, at one moment."""
    return Facts(
        now_ms=txn.now_ms,
        jobs=_jobs(txn),
        authorizations=_authorizations(txn),
        thresholds=thresholds,
    )


def _jobs(txn: Txn) -> list[JobFacts]:
    watched = select(jobs).where(jobs.c.status.in_(sorted(LIVE | STOPPED))).order_by(jobs.c.key)
    found = [job_of_row(row) for row in txn.conn.execute(watched)]
    held, counted = jobs_at_brake(txn), _counted(txn)
    gaps = {key: gap_said(gap) for key, gap in gaps_of_jobs(txn).items() if gap.kind is not GapKind.REDEFINED}
    return [
        JobFacts(
            job,
            is_held=job.id in held,
            members=counted.get((job.key, TOTAL), 0),
            set_aside=counted.get((job.key, ASIDE), 0),
            oldest_ms=(oldest_ms := _oldest(txn, job)),
            resumed_ms=0 if oldest_ms is None else _resumed(txn, job),
            gap=gaps.get(job.key, ""),
        )
        for job in found
    ]


def _counted(txn: Txn) -> dict[tuple[int, str], int]:
    found = txn.conn.execute(select(counters).where(counters.c.name.in_((TOTAL, ASIDE))))
    return {(row.job, row.name): row.value for row in found}


def _oldest(txn: Txn, job: Job) -> int | None:
    if job.status not in SENDING:
        return None
    version: int | None = txn.conn.execute(OLDEST, {"job": job.key}).scalar()
    return None if version is None else version // NS_PER_MS


# Of those that have been due for longest, so that a ledger full of owed rows costs no more than a small one.
OLDEST = text(
    "SELECT MIN(version) FROM (SELECT version FROM ledger"
    " WHERE job = :job AND lane = 0 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1000) AS owed"
)


def _resumed(txn: Txn, job: Job) -> int:
    return txn.conn.execute(RESUMED, {"job": job.key, "now": txn.now_ms}).scalar() or 0


# Among the newest lines only: what was said before them is too long ago to matter. What lies ahead, a clock set back.
RESUMED = text(
    "SELECT MAX(at_ms) FROM (SELECT at_ms, code FROM job_logs WHERE job = :job ORDER BY id DESC LIMIT 200) AS newest"
    " WHERE code IN :codes AND at_ms <= :now"
).bindparams(bindparam("codes", LET_GO_ON, expanding=True))


def _authorizations(txn: Txn) -> list[AuthFacts]:
    odd, large = _unreadable(txn), too_large_since(txn, txn.now_ms - UNREADABLE_MS)
    return [
        AuthFacts(
            auth.id,
            auth.label,
            auth.provider,
            is_refused=auth.status == "unhealthy",
            unreadable=odd.get(auth.id, 0),
            is_too_large=auth.id in large,
        )
        for auth in all_authorizations(txn)
    ]


def _unreadable(txn: Txn) -> Counter[str]:
    newest = select(unreadable.c.auth_id, unreadable.c.at_ms).order_by(unreadable.c.id.desc()).limit(MOST_UNREADABLE)
    return Counter(row.auth_id for row in txn.conn.execute(newest) if row.at_ms > txn.now_ms - UNREADABLE_MS)
