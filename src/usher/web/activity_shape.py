"""Activity, the overview and those set aside as the API shows them; shapes of ours, so an absent value is null."""

from dataclasses import asdict

from pydantic import BaseModel

from usher.clock import iso_from_ms, iso_or_none
from usher.jobs.aside import AsideGroup, SetAside
from usher.jobs.overview import Overview
from usher.jobs.overview_rows import Row
from usher.redact import mask_member, without_member


class FiguresBody(BaseModel):
    """What happened: changes that Lytics told of, what Mapp accepted by lane, and how long live changes took."""

    entered: int
    exited: int
    live: int
    bulk: int
    p50_ms: int | None
    p99_ms: int | None


class PointBody(FiguresBody):
    """What happened in the bucket that begins *at*, in seconds since 1970."""

    at: int


class ActivityBody(BaseModel):
    """A span of a job's life in buckets of *seconds*, oldest first; the newest is not over yet."""

    span: str
    seconds: int
    points: list[PointBody]
    totals: FiguresBody


class ConnectionBody(BaseModel):
    """An authorization that a job uses."""

    id: str
    label: str


class ScanLineBody(BaseModel):
    """The newest scan of a job; *percent* of the audience that it has read."""

    kind: str
    state: str
    percent: int | None
    eta_seconds: float | None


class RowBody(BaseModel):
    """One job at a glance; *spark* holds [entered, exited] of each of the last 24 hours, oldest first."""

    id: str
    name: str
    description: str
    group: str
    status: str
    cause: str
    reason: str
    audience_name: str
    audience_slug: str
    group_id: str
    attribute_key: str
    mapp: ConnectionBody
    lytics: ConnectionBody
    people_in: int
    total: int
    due: int
    held: int
    set_aside: int
    is_waiting: bool
    to_decide: int
    last_change: str | None
    spark: list[tuple[int, int]]
    scan: ScanLineBody | None
    sleep_until: str | None
    created: str
    webhook: str


class TotalsBody(BaseModel):
    """Triggers of all jobs: received = applied + ignored + unreadable."""

    received: int
    applied: int
    ignored: int
    unreadable: int


class OverviewBody(BaseModel):
    """Every job at a glance; *counts* says how many each word for `show` would list."""

    counts: dict[str, int]
    rows: list[RowBody]
    matching: int
    changes_last_hour: int
    earliest_wake: str | None
    to_decide: int
    totals: TotalsBody


class AsideGroupBody(BaseModel):
    """Those set aside for one reason; *reason* is Mapp's own words, *advice* what to do."""

    reason: str
    title: str
    advice: str
    count: int
    since: str
    newest: str
    sample: str


class SetAsideBody(BaseModel):
    """Who is set aside, by reason; where *looked_at* is less than *total*, among the newest only."""

    total: int
    looked_at: int
    left_out: int
    groups: list[AsideGroupBody]


def overview_body(found: Overview) -> OverviewBody:
    return OverviewBody(
        counts=found.counts,
        rows=[_row_body(row) for row in found.rows],
        matching=found.matching,
        changes_last_hour=found.changes_last_hour,
        earliest_wake=iso_or_none(found.earliest_wake_ms),
        to_decide=found.to_decide,
        totals=TotalsBody(**asdict(found.totals)),
    )


def _row_body(row: Row) -> RowBody:
    times = {
        "last_change": iso_or_none(row.last_change_ms),
        "sleep_until": iso_or_none(row.sleep_until_ms),
        "created": iso_from_ms(row.created_ms),
    }
    return RowBody.model_validate(asdict(row) | times)


def set_aside_body(found: SetAside, *, may_see: bool) -> SetAsideBody:
    return SetAsideBody(
        total=found.total,
        looked_at=found.looked_at,
        left_out=found.left_out,
        groups=[_group_body(group, may_see=may_see) for group in found.groups],
    )


def _group_body(group: AsideGroup, *, may_see: bool) -> AsideGroupBody:
    return AsideGroupBody(
        reason=group.reason if may_see else without_member(group.reason, group.sample),
        title=group.title,
        advice=group.advice,
        count=group.count,
        since=iso_from_ms(group.since_ms),
        newest=iso_from_ms(group.newest_ms),
        sample=group.sample if may_see else mask_member(group.sample),
    )
