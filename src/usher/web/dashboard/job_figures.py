"""A job's figures as its page arranges them: what was delivered, charts as tables, and its configuration in words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from usher.domain.job import Job
from usher.jobs.activity import Activity, Point
from usher.jobs.aside import SetAside
from usher.jobs.progress import Progress, SentCounts
from usher.redact import without_member
from usher.web.dashboard.job_settings import settings_of
from usher.web.dashboard.words import milliseconds, number, percent

IGNORED = {
    "not_newer": "Known already, or older than known",
    "superseded": "Replaced within the same message",
    "no_identifier": "Nothing in the Identifier Field",
    "too_many": "More than 50 identifiers",
    "change": "Neither entered nor left",
    "erased": "Erased, and not brought back",
}
SPANS = {"hour": "The last hour", "day": "The last 24 hours", "week": "The last 7 days"}
SPANS_BEFORE_THE_END = {
    "hour": "The last hour before it ended",
    "day": "The last 24 hours before it ended",
    "week": "The last 7 days before it ended",
}
BUCKETS = {60: "per minute", 900: "per quarter of an hour", 3600: "per hour"}
DROPPED = "Not everything of this span is kept any more: minutes are kept for 25 hours, hours for 35 days."


@dataclass(frozen=True, slots=True)
class Step:
    """One column of the delivery: a figure, its share of *whole* in words, and what it is made of."""

    title: str
    count: int
    share: str
    percent: float
    parts: list[tuple[str, int]]


def delivery_of(progress: Progress) -> list[Step]:
    """Return how far what came from Lytics has got: its changes, or whom it named where no change came yet."""
    sent = progress.sent
    return [
        *(_changes(progress) if progress.triggers["received"] else _read(progress)),
        _step("Requests accepted", sent["accepted"], progress.requests, _not_accepted(sent)),
        _step("People in step", progress.in_step, progress.members["total"], _not_in_step(progress)),
    ]


def _changes(progress: Progress) -> list[Step]:
    triggers, scan = progress.triggers, progress.scan
    read = [("People read last time", scan.seen)] if scan is not None else []
    return [
        _step("Changes received", triggers["received"], triggers["received"], read + _nameless(progress)),
        _step("Applied", triggers["applied"], triggers["received"], _ignored(progress)),
    ]


def _read(progress: Progress) -> list[Step]:
    seen, members = progress.scan.seen if progress.scan is not None else 0, progress.members
    inside = [("In the audience", members["in"]), ("Not in it any more", members["out"])]
    return [
        _step("Read from Lytics", seen, 0, _nameless(progress)),
        _step("People of this job", members["total"], 0, inside),
    ]


def _nameless(progress: Progress) -> list[tuple[str, int]]:
    scan = progress.scan
    return [("Read without an identifier", scan.without_identifier)] if scan and scan.without_identifier else []


def _step(title: str, count: int, whole: int, parts: list[tuple[str, int]]) -> Step:
    share = percent(count, whole) if whole else ""
    return Step(title, count, share, 100 * count / whole if whole else 0.0, parts)


def _ignored(progress: Progress) -> list[tuple[str, int]]:
    triggers = progress.triggers
    ignored = sorted(triggers["ignored"].items(), key=lambda one: -one[1])
    found = [(f"Ignored: {_lower(IGNORED.get(name, name))}", count) for name, count in ignored]
    return [*found, ("Unreadable", triggers["unreadable"])]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _not_accepted(sent: SentCounts) -> list[tuple[str, int]]:
    return [
        ("Rejected by Mapp", sent["rejected"]),
        ("Not taken, sent again", sent["retried"]),
        ("Answer lost, sent again", sent["unknown"]),
    ]


def _not_in_step(progress: Progress) -> list[tuple[str, int]]:
    members = progress.members
    held = [("Waiting for a decision", members["held"])] if members["held"] else []
    return [("Waiting to be sent", progress.waiting), *held, ("Set aside", members["set_aside"])]


@dataclass(frozen=True, slots=True)
class Chart:
    """
    A chart, as the table that it is drawn from.

    Args:
        kind: "mirror", "stack" or "lines".
        series: (name, colour, total in words) of each column.
        rows: (epoch seconds, the moment in UTC, cells); a blank cell is no value.
        missing: what to say where there is nothing to draw; else blank.
    """

    id: str
    kind: str
    title: str
    series: list[tuple[str, str, str]]
    rows: list[tuple[int, str, list[str]]]
    unit: str = ""
    missing: str = ""


def charts_of(activity: Activity) -> list[Chart]:
    """Return changes, acceptances and delays over a span of time."""
    totals, per = activity.totals, BUCKETS[activity.seconds]
    charts = [
        Chart(
            "changes",
            "mirror",
            f"Changes from Lytics, {per}",
            [("Enters", "in", number(totals.entered)), ("Exits", "out", number(totals.exited))],
            _rows(activity, lambda point: [str(point.entered), str(point.exited)]),
            missing="" if totals.entered or totals.exited else "Nobody entered or left.",
        ),
        Chart(
            "accepted",
            "stack",
            f"Accepted by Mapp, {per}",
            [("In bulk", "accent-mid", number(totals.bulk)), ("Live", "accent", number(totals.live))],
            _rows(activity, lambda point: [str(point.bulk), str(point.live)]),
            missing="" if totals.bulk or totals.live else "Mapp accepted nobody, because nobody was sent.",
        ),
        Chart(
            "delays",
            "lines",
            "From the change in Lytics to accepted by Mapp",
            [("Median", "accent", milliseconds(totals.p50_ms)), ("99 % within", "text-3", milliseconds(totals.p99_ms))],
            _rows(activity, lambda point: [_cell(point.p50_ms), _cell(point.p99_ms)]),
            unit=" s",
            missing="" if totals.p50_ms is not None else "No live change was accepted.",
        ),
    ]
    return charts if activity.is_kept else [_without_figures(chart) for chart in charts]


def _without_figures(chart: Chart) -> Chart:
    return replace(chart, series=[(name, colour, "unknown") for name, colour, _ in chart.series], missing=DROPPED)


def title_of(activity: Activity) -> str:
    """Return what span the charts are of."""
    return (SPANS if activity.ended_ms is None else SPANS_BEFORE_THE_END)[activity.span]


def _rows(activity: Activity, cells: Callable[[Point], list[str]]) -> list[tuple[int, str, list[str]]]:
    style = "%-d %b %H:%M" if activity.span == "week" else "%H:%M"
    return [
        (point.at, datetime.fromtimestamp(point.at, UTC).strftime(style), cells(point)) for point in activity.points
    ]


def _cell(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f}"


@dataclass(frozen=True, slots=True)
class AsideRow:
    """
    Those set aside for one reason.

    Args:
        reason: Mapp's own words, masked for who may not see people.
        asked: the reason as it is looked up by; None where that would name somebody to who may not see people.
        sample: one of them, for who may see people.
    """

    title: str
    advice: str
    reason: str
    asked: str | None
    sample: str
    count: int
    since_ms: int


def aside_rows(found: SetAside, *, may_see: bool) -> list[AsideRow]:
    return [
        AsideRow(
            title=group.title,
            advice=group.advice,
            reason=group.reason if may_see else without_member(group.reason, group.sample),
            asked=group.reason if may_see or group.sample not in group.reason else None,
            sample=group.sample if may_see else "",
            count=group.count,
            since_ms=group.since_ms,
        )
        for group in found.groups
    ]


def configuration_of(job: Job) -> list[tuple[str, str, bool]]:
    """Return (name, value, whether a machine reads it) of every setting."""
    settings = settings_of(job.config, audience_slug=job.audience_slug)
    return [(setting.label, setting.value, setting.is_code) for setting in settings]
