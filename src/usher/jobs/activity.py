"""What happened to one job over an hour, a day or a week, in buckets that leave no gap."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from usher.domain.delays import quantile_ms
from usher.errors import InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.store import activity, jobs
from usher.store.activity import BULK, ENTERED, EXITED, LIVE
from usher.store.database import HOUR, MINUTE, Txn


@dataclass(frozen=True, slots=True)
class Span:
    """How a span is cut: *count* buckets of *seconds* each, added up from minutes or hours (*step*)."""

    step: int
    seconds: int
    count: int


SPANS = {"hour": Span(MINUTE, 60, 60), "day": Span(MINUTE, 900, 96), "week": Span(HOUR, 3600, 168)}


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
    A span of a job's life, oldest bucket first; the newest is not over yet.

    Args:
        seconds: the length of one bucket.
        totals: of the whole span.
    """

    span: str
    seconds: int
    points: list[Point]
    totals: Figures


async def activity_of(desk: Desk, job_id: str, *, span: str = "hour") -> Activity:
    """
    Return what happened to a job: 60 minutes ("hour"), 96 quarter hours ("day") or 168 hours ("week").

    Raises:
        NotFound: there is no such job.
        InvalidInput: there is no such span.
    """
    cut = SPANS.get(span)
    if cut is None:
        raise InvalidInput(Problem("span", "is none that is kept.", f"One of {', '.join(SPANS)}."))

    def work(txn: Txn) -> Activity:
        key, starts = jobs.job_by_id(txn, job_id).key, _starts(cut, now_ms=txn.now_ms)
        found = activity.buckets_of(txn, key, step=cut.step, size=cut.seconds, since=starts[0])
        points = [Point(at=at, **asdict(_figures(found.get(at, {})))) for at in starts]
        totals: Counter[str] = Counter()
        for counts in found.values():
            totals.update(counts)
        return Activity(span, cut.seconds, points, _figures(totals))

    return await desk.database.read(work)


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
