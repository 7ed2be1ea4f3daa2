"""
What the soak's notes come to: figures, and whether each keeps its limit. Nothing here waits or asks.

A trigger's way to acceptance is timed from the start of its request to the moment at which the pretend Mapp accepted
that value for that person. Whoever moved again before that, and messages that were late or doubled, are not timed: that
they end right is what the comparison of everybody at the end shows.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MB = 2**20
MOST_RESIDENT_MB, MOST_GROWTH_PERCENT = 300.0, 1.0
MOST_ANSWER_MS, MOST_BACKFILL_ANSWER_MS, MOST_ACCEPT_MS = 50.0, 250.0, 2_000.0
FEWEST_MINUTES_OF_GROWTH = 15.0  # a slope over less says more about chance than about an hour
TIMED_KIND = "plain"


class Sent(NamedTuple):
    """One request with a trigger: when it began (seconds since 1970), how long its answer took, and what it said."""

    at: float
    took: float
    status: int
    kind: str
    value: str
    member: str


class Way(NamedTuple):
    """One trigger's way to acceptance, in seconds."""

    sent_at: float
    took: float


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which Mapp was in one mood: "faults", "settling" or "healthy"."""

    mood: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure; without a *limit* it is only told."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def is_kept(self) -> bool:
        return self.limit is None or self.value <= self.limit


def sent_from(lines: Iterable[str]) -> Iterator[Sent]:
    for line in lines:
        at, took, status, kind, value, member = line.rstrip("\n").split("\t", 5)
        yield Sent(float(at), float(took), int(status), kind, value, member)


def ways(sent: Sequence[Sent], accepted: Iterable[str]) -> list[Way]:
    """Match each acceptance with the newest message about that person, if that is one to be timed and says the same."""
    by_member: dict[str, list[Sent]] = {}
    for one in sorted(sent):
        by_member.setdefault(one.member, []).append(one)
    found: dict[Sent, Way] = {}
    for line in accepted:
        at_ms, value, member = line.rstrip("\n").split("\t", 2)
        at = int(at_ms) / 1000 + 0.001  # the stamp has whole milliseconds, rounded down
        newest = next((one for one in reversed(by_member.get(member, ())) if one.at <= at), None)
        if newest is not None and newest.kind == TIMED_KIND and newest.value == value:
            found.setdefault(newest, Way(newest.at, at - newest.at))
    return list(found.values())


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that at least *share* of them do not pass; not a number where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def growth_percent_an_hour(times: Sequence[float], values: Sequence[float]) -> float:
    """The slope by least squares, in percent of the mean an hour; not a number for fewer than three values."""
    if len(values) < 3:
        return math.nan
    return statistics.linear_regression(times, values).slope * 3600 / statistics.fmean(values) * 100


def within(windows: Sequence[Window], mood: str, *, first: float, last: float) -> list[Window]:
    return [w for w in windows if w.mood == mood and w.began >= first and w.ended <= last]


def of_answers(sent: Sequence[Sent], *, backfilled_at: float) -> list[Finding]:
    during = [one.took * 1000 for one in sent if one.at < backfilled_at]
    after = [one.took * 1000 for one in sent if one.at >= backfilled_at]
    return [
        *_quantiles("trigger answered, while the backfill runs", during, MOST_BACKFILL_ANSWER_MS),
        *_quantiles("trigger answered, after it", after, MOST_ANSWER_MS),
    ]


def of_ways(found: Sequence[Way], windows: Sequence[Window], *, backfilled_at: float) -> list[Finding]:
    findings = []
    for mood, limit in (("healthy", MOST_ACCEPT_MS), ("faults", None)):
        for name, first, last in (
            ("while the backfill runs", 0.0, backfilled_at),
            ("after it", backfilled_at, math.inf),
        ):
            chosen = within(windows, mood, first=first, last=last)
            took = [way.took * 1000 for way in found if any(w.began <= way.sent_at < w.ended for w in chosen)]
            findings += _quantiles(f"trigger to acceptance, Mapp {mood}, {name}", took, limit)
    return findings


def of_memory(times: Sequence[float], resident: Sequence[float], *, warm_at: float) -> list[Finding]:
    """*resident* is bytes; growth is judged where the samples after *warm_at* span long enough."""
    warm = [(at, size) for at, size in zip(times, resident, strict=True) if at >= warm_at]
    is_long = bool(warm) and warm[-1][0] - warm[0][0] >= FEWEST_MINUTES_OF_GROWTH * 60
    slope = growth_percent_an_hour([at for at, _ in warm], [size for _, size in warm])
    return [
        Finding("resident memory, most", max(resident) / MB, "MB", MOST_RESIDENT_MB),
        Finding("resident memory, at the end", resident[-1] / MB, "MB"),
        Finding("growth after warm-up", slope, "% an hour", MOST_GROWTH_PERCENT if is_long else None),
        Finding("growth was watched for", (warm[-1][0] - warm[0][0]) / 60 if warm else 0.0, "minutes"),
    ]


def _quantiles(name: str, values: Sequence[float], limit: float | None) -> list[Finding]:
    if not values:
        return [Finding(f"{name}: none", 0, "")]
    return [
        Finding(f"{name}: p50", quantile(values, 0.5), "ms"),
        Finding(f"{name}: p99", quantile(values, 0.99), "ms", limit),
        Finding(f"{name}: p99.9", quantile(values, 0.999), "ms"),
        Finding(f"{name}: count", len(values), ""),
    ]
