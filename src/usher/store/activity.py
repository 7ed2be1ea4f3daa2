"""
What happened, minute by minute and hour by hour: counted with what it counts, read for charts, dropped when old.

Minutes serve an hour and a day, hours a week and longer.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select, text

from usher.domain.claim import Claim
from usher.domain.delays import delay_name
from usher.domain.observation import NS_PER_MS
from usher.store.database import HOUR, MINUTE, Txn
from usher.store.statements import LANE_BULK
from usher.store.tables import activity

ENTERED, EXITED, LIVE, BULK = "entered", "exited", "live", "bulk"
KEEP_SECONDS = {MINUTE: 25 * HOUR, HOUR: 35 * 24 * HOUR}
PIECE_STEPS = 5  # buckets of every job that one commit drops: a few thousand rows


@dataclass(frozen=True, slots=True)
class Counted:
    """One figure of one bucket; *at* is the bucket's start in epoch seconds."""

    job: int
    at: int
    name: str
    value: int


def count_changes(txn: Txn, job: int, inside: Iterable[bool]) -> None:
    """Count people who entered (True) or exited (False)."""
    txn.activity.update((job, ENTERED if is_in else EXITED) for is_in in inside)


def count_accepted(txn: Txn, claims: Collection[Claim]) -> None:
    """Count what Mapp accepted by lane, and how long each live change took since it was true in Lytics."""
    txn.activity.update((c.job, BULK if c.lane == LANE_BULK else LIVE) for c in claims)
    txn.activity.update((c.job, delay_name(txn.now_ms - c.version / NS_PER_MS)) for c in claims if c.lane != LANE_BULK)


def buckets_of(txn: Txn, job: int, *, step: int, size: int, since: int) -> dict[int, dict[str, int]]:
    """
    Return what happened to *job* in buckets of *size* seconds, by their start and by name.

    Args:
        step: what the buckets are added up from, MINUTE or HOUR.
        since: the start of the first, in epoch seconds.
    """
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in txn.conn.execute(BUCKETS, {"job": job, "step": step, "size": size, "since": since}):
        found[row.bucket][row.name] = int(row.total)
    return found


BUCKETS = text(
    "SELECT at - at % :size AS bucket, name, SUM(value) AS total FROM activity"
    " WHERE job = :job AND step = :step AND at >= :since GROUP BY bucket, name"
)


def hourly_changes(txn: Txn, jobs: Collection[int], *, since: int) -> list[Counted]:
    """Return how many entered and exited in each hour from *since* (epoch seconds) on; hours without any are absent."""
    found = txn.conn.execute(
        select(activity.c.job, activity.c.at, activity.c.name, activity.c.value).where(
            activity.c.job.in_(jobs),
            activity.c.step == HOUR,
            activity.c.at >= since,
            activity.c.name.in_((ENTERED, EXITED)),
        )
    )
    return [Counted(*row) for row in found]


def active_buckets(txn: Txn, job: int, *, step: int, since: int) -> list[int]:
    """Return the buckets of MINUTE or HOUR from *since* (epoch seconds) on in which somebody entered or exited."""
    chosen = (activity.c.job == job, activity.c.step == step, activity.c.at >= since)
    found = select(activity.c.at).where(*chosen, activity.c.name.in_((ENTERED, EXITED))).distinct()
    return list(txn.conn.execute(found.order_by(activity.c.at)).scalars())


def changes_since(txn: Txn, since: int) -> int:
    """Return how many people entered or exited in the minutes from *since* (epoch seconds) on, over all jobs."""
    return int(txn.conn.execute(CHANGES_SINCE, {"since": since}).scalar() or 0)


CHANGES_SINCE = text(
    "SELECT SUM(value) FROM activity WHERE job IN (SELECT key FROM jobs WHERE status <> 'deleted')"
    " AND step = 60 AND at >= :since AND name IN ('entered', 'exited')"
)


def last_changes(txn: Txn) -> dict[int, int]:
    """Return the newest bucket in which somebody entered or exited, by job, in epoch seconds; an old one is an hour."""
    return {row.key: row.at for row in txn.conn.execute(LAST_CHANGES) if row.at is not None}


_LAST = (
    "(SELECT at FROM activity WHERE job = jobs.key AND step = {step} AND name IN ('entered', 'exited')"
    " ORDER BY at DESC LIMIT 1)"
)
LAST_CHANGES = text(
    f"SELECT key, COALESCE({_LAST.format(step=MINUTE)}, {_LAST.format(step=HOUR)}) AS at"
    " FROM jobs WHERE status <> 'deleted'"
)


def prune_activity(txn: Txn) -> bool:
    """Drop a few of the oldest buckets that are older than they are kept; return whether there may be more."""
    return any(_prune(txn, step, keep) for step, keep in KEEP_SECONDS.items())


def _prune(txn: Txn, step: int, keep: int) -> bool:
    before = txn.now_ms // 1000 - keep
    oldest = txn.conn.execute(OLDEST, {"step": step}).scalar()
    if oldest is None or oldest >= before:
        return False
    txn.conn.execute(PRUNE, {"step": step, "before": min(before, oldest + PIECE_STEPS * step)})
    return True


OLDEST = text("SELECT MIN((SELECT MIN(at) FROM activity WHERE job = jobs.key AND step = :step)) FROM jobs")
PRUNE = text("DELETE FROM activity WHERE job IN (SELECT key FROM jobs) AND step = :step AND at < :before")


def forget_activity(txn: Txn, job: int) -> int:
    """Delete a few of the buckets of a deleted job; return how many figures they held."""
    return sum(_forget(txn, job, step) for step in KEEP_SECONDS)


def _forget(txn: Txn, job: int, step: int) -> int:
    oldest = txn.conn.execute(FIRST, {"job": job, "step": step}).scalar()
    if oldest is None:
        return 0
    upto = oldest + FORGET_STEPS * step
    return txn.conn.execute(FORGET, {"job": job, "step": step, "upto": upto}).rowcount


FORGET_STEPS = 120  # of one job
FIRST = text("SELECT MIN(at) FROM activity WHERE job = :job AND step = :step")
FORGET = text("DELETE FROM activity WHERE job = :job AND step = :step AND at < :upto")
