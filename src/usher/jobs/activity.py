"""What happened to one job over an hour, a day or a week, in buckets that leave no gap."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from usher.domain.delays import quantile_ms
from usher.domain.job import Job, Status
from usher.domain.notes import LogCode
from usher.errors import InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.store import activity, jobs, notes
from usher.store.activity import BULK, ENTERED, EXITED, KEEP_SECONDS, LIVE
from usher.store.database import HOUR, MINUTE, Txn


@dataclass(frozen=True, slots=True)
class Span:
    """How a span is cut: *count* buckets of *seconds* each, added up from minutes or hours (*step*)."""

    step: int
    seconds: int
    count: int


SPANS = {"hour": Span(MINUTE, 60, 60), "day": Span(MINUTE, 900, 96), "week": Span(HOUR, 3600, 168)}
DAY_BEFORE_THE_END = Span(HOUR, 3600, 24)  # its minutes are dropped within an hour after the end
ENDED_BY = {
    Status.COMPLETED: LogCode.COMPLETED,
    Status.KILLED: LogCode.KILLED,
    Status.DELETED: LogCode.DELETED,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What happened.

    Args:
        entered, exited: changes of membership that Lytics told of; a first scan is none.
        live, bulk: what Mapp accepted: live changes, and everything that a scan or a resend owes.
        p50_ms, p99_ms: of live changes, from when each was true in Lytics until accepted; None where there were none.
    """

    entered: int
    exited: int
    live: int
    bulk: int
    p50_ms: int | None
    p99_ms: int | None


@dataclass(frozen=True, slots=True)
class Point(Figures):
    """What happened in the bucket that begins *at* (epoch seconds)."""

    at: int


@dataclass(frozen=True, slots=True)
class Activity:
    """
    A span of a job's life, oldest bucket first; the newest is not over yet, or the one in which the job ended.

    Args:
        seconds: the length of one bucket.
        totals: of the whole span.
        ended_ms: when the job ended, and the span with it; None where it has not, or its log does not say any more.
        is_kept: whether what happened over the whole span is still known; where not, figures may lack some of it.
    """

    span: str
    seconds: int
    points: list[Point]
    totals: Figures
    ended_ms: int | None = None
    is_kept: bool = True


async def activity_of(desk: Desk, job_id: str, *, span: str = "hour") -> Activity:
    """
    Return what happened to a job: 60 minutes ("hour"), 96 quarter hours ("day") or 168 hours ("week").

    They are the newest ones, or the last ones before the job ended; a day before the end is told in 24 hours.

    Raises:
        NotFound: there is no such job.
        InvalidInput: there is no such span.
    """
    cut = SPANS.get(span)
    if cut is None:
        raise InvalidInput(Problem("span", "is none that is kept.", f"One of {', '.join(SPANS)}."))

    def work(txn: Txn) -> Activity:
        job = jobs.job_by_id(txn, job_id)
        ended_ms = _ended_ms(txn, job)
        fitting = DAY_BEFORE_THE_END if ended_ms is not None and span == "day" else cut
        return replace(_within(txn, job, fitting, until_ms=ended_ms or txn.now_ms), span=span, ended_ms=ended_ms)

    return await desk.database.read(work)


def _ended_ms(txn: Txn, job: Job) -> int | None:
    code = ENDED_BY.get(job.status)
    line = notes.newest_log(txn, job.key, code=code) if code is not None else None
    return None if line is None else line.at_ms


def _within(txn: Txn, job: Job, cut: Span, *, until_ms: int) -> Activity:
    starts = _starts(cut, now_ms=until_ms)
    found = activity.buckets_of(txn, job.key, step=cut.step, size=cut.seconds, since=starts[0])
    points = [Point(at=at, **asdict(_figures(found.get(at, {})))) for at in starts]
    totals: Counter[str] = Counter()
    for at in starts:
        totals.update(found.get(at, {}))
    is_kept = starts[0] >= txn.now_ms // 1000 - KEEP_SECONDS[cut.step]
    return Activity("", cut.seconds, points, _figures(totals), is_kept=is_kept)


def _starts(cut: Span, *, now_ms: int) -> range:
    now = now_ms // 1000
    newest = now - now % cut.seconds
    return range(newest - (cut.count - 1) * cut.seconds, newest + 1, cut.seconds)


def _figures(counts: Mapping[str, int]) -> Figures:
    return Figures(
        entered=counts.get(ENTERED, 0),
        exited=counts.get(EXITED, 0),
        live=counts.get(LIVE, 0),
        bulk=counts.get(BULK, 0),
        p50_ms=quantile_ms(counts, 0.5),
        p99_ms=quantile_ms(counts, 0.99),
    )
