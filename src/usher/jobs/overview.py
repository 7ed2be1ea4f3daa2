"""Every job at a glance: one reading of the database and a handful of statements, however many jobs there are."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from usher.domain.attention import Group
from usher.domain.job import Job, Status
from usher.errors import InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.jobs.overview_rows import SPARK_HOURS, Known, Row, row_of
from usher.jobs.progress import IGNORED
from usher.jobs.totals import Totals
from usher.store import activity, brake, jobs, scans
from usher.store.authorizations import all_authorizations
from usher.store.database import HOUR, Txn
from usher.store.gaps import gaps_of_jobs

MOST_JOBS = 10_000  # read at once; people make jobs by hand
MOST_ROWS = 500  # shown at once
EXISTING = frozenset(Status) - {Status.DELETED}

SHOWN: dict[str, frozenset[Group]] = {
    "current": frozenset({Group.ATTENTION, Group.RUNNING, Group.SLEEPING}),
    "all": frozenset(Group),
    **{group.value: frozenset({group}) for group in Group},
}
_URGENCY = {group: place for place, group in enumerate(Group)}
SORTED_BY: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "": lambda row: (row.group is not Group.ATTENTION,),
    "newest": lambda _: (),
    "name": lambda row: (row.name.casefold(),),
    "status": lambda row: (_URGENCY[row.group],),
    "people": lambda row: (-row.people_in,),
    "last_change": lambda row: (-(row.last_change_ms or 0),),
}


@dataclass(frozen=True, slots=True)
class Overview:
    """
    All jobs but deleted ones.

    Args:
        counts: how many jobs each word for *show* would list, whatever is searched for; some are listed under two.
        rows: those asked for, at most 500.
        matching: how many there are of them.
        changes_last_hour: people who entered or exited within the last 60 minutes, over all jobs.
        earliest_wake_ms: when the first of the sleeping jobs goes on.
        to_decide: how many jobs wait for a decision about removals.
    """

    counts: dict[str, int]
    rows: list[Row]
    matching: int
    changes_last_hour: int
    earliest_wake_ms: int | None
    to_decide: int
    totals: Totals


async def overview(desk: Desk, *, show: str = "current", search: str = "", sort: str = "") -> Overview:
    """
    Return every job at a glance. Safe to repeat.

    Args:
        show: "current" (what runs, sleeps or needs attention), "all", or one group: "attention", "running", "sleeping",
            "paused", "completed", "ended".
        search: part of a name, audience, attribute or group; letters' case does not count.
        sort: "name", "status", "people", "last_change", "newest"; by default who needs attention, then the newest.

    Raises:
        InvalidInput: *show* or *sort* is none of these.
    """
    if problems := [*_odd("show", show, SHOWN), *_odd("sort", sort, SORTED_BY)]:
        raise InvalidInput(*problems)

    def work(txn: Txn) -> Overview:
        found = jobs.page_of_jobs(txn, statuses=EXISTING, auth_ids=(), before=None, limit=MOST_JOBS)
        counters = scans.all_counters(txn)
        every = _rows(txn, found, counters)
        matching = [row for row in every if row.groups & SHOWN[show] and row.matches(search.strip())]
        shown = sorted(matching, key=SORTED_BY[sort])[:MOST_ROWS]  # stable: what is equal stays newest first
        return Overview(
            counts={word: sum(bool(row.groups & groups) for row in every) for word, groups in SHOWN.items()},
            rows=_with_sparks(txn, shown, {job.id: job.key for job in found}),
            matching=len(matching),
            changes_last_hour=activity.changes_since(txn, txn.now_ms // 1000 - HOUR),
            earliest_wake_ms=min((row.sleep_until_ms for row in every if row.sleep_until_ms is not None), default=None),
            to_decide=sum(row.is_waiting for row in every),
            totals=_totals([counters.get(job.key, {}) for job in found]),
        )

    return await desk.database.read(work)


def _odd(name: str, value: str, known: Mapping[str, object]) -> list[Problem]:
    if value in known:
        return []
    return [Problem(name, "is none that there is.", f"One of {', '.join(filter(None, known))}.")]


def _rows(txn: Txn, found: Sequence[Job], counters: dict[int, dict[str, int]]) -> list[Row]:
    newest, changed = scans.last_scans(txn), activity.last_changes(txn)
    held = brake.waiting_by_job(txn, [job.key for job in found if job.exits_held])
    labels = {auth.id: auth.label for auth in all_authorizations(txn)}
    short = gaps_of_jobs(txn)
    return [
        row_of(
            job,
            Known(
                counted=counters.get(job.key, {}),
                scan=newest.get(job.key),
                held=held.get(job.key, 0),
                changed_at=changed.get(job.key),
                labels=labels,
                now_ms=txn.now_ms,
                has_gap=job.key in short,
            ),
        )
        for job in found
    ]


def _with_sparks(txn: Txn, rows: Sequence[Row], keys: dict[str, int]) -> list[Row]:
    now = txn.now_ms // 1000
    first = now - now % HOUR - (SPARK_HOURS - 1) * HOUR
    counts: Counter[tuple[int, int, str]] = Counter()
    for one in activity.hourly_changes(txn, [keys[row.id] for row in rows], since=first):
        counts[one.job, one.at, one.name] = one.value
    hours = range(first, now + 1, HOUR)
    return [replace(row, spark=_spark(counts, keys[row.id], hours)) for row in rows]


def _spark(counts: Counter[tuple[int, int, str]], key: int, hours: range) -> list[tuple[int, int]]:
    return [(counts[key, at, activity.ENTERED], counts[key, at, activity.EXITED]) for at in hours]


def _totals(counted: list[dict[str, int]]) -> Totals:
    sums: defaultdict[str, int] = defaultdict(int)
    for counts in counted:
        for name, value in counts.items():
            sums["ignored" if name.startswith(IGNORED) else name] += value
    return Totals(
        received=sums["triggers.received"],
        applied=sums["triggers.applied"],
        ignored=sums["ignored"],
        unreadable=sums["triggers.unreadable"],
    )
