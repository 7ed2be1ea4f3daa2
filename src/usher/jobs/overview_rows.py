"""One job as a line of the overview: which group it counts in, and its figures."""

from dataclasses import dataclass

from usher.domain.attention import Group, group_of, groups_of, is_at_brake
from usher.domain.job import Cause, Job, Status
from usher.domain.scan import Scan, ScanState
from usher.jobs.progress import scan_progress
from usher.mapp.wire import attribute_key

SPARK_HOURS = 24


@dataclass(frozen=True, slots=True)
class Connection:
    """An authorization that a job uses; *label* is blank where it is gone."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class ScanLine:
    """The newest scan of a job: how much of the audience it has read (0..100), and how long it needs yet."""

    kind: str
    state: str
    percent: int | None
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """
    One job.

    Args:
        group: its most urgent one; *groups* are all under which it is found.
        reason: why it stands as it does, as it was kept; *to_decide* is of now.
        people_in, total, due, set_aside: counted as in usher.jobs.progress.
        held: those of *due* who wait for a person and are not sent before.
        is_waiting: people wait for a decision at the removal brake.
        is_scan_near: a scan is under way, about to begin, or waits for that decision.
        to_decide: how many: *held*, and whom a held scan did not find; 0 once the job has ended.
        last_change_ms: the newest trigger, or the minute (later: hour) in which somebody last entered or exited.
        spark: (entered, exited) of the last 24 hours, oldest first; the newest hour is not over yet.
        sleep_until_ms: while asleep only.
        webhook: "made", "manual" or "off".
        has_gap: triggers of it may be missing.
    """

    id: str
    name: str
    description: str
    group: Group
    status: Status
    cause: Cause
    reason: str
    audience_name: str
    audience_slug: str
    group_id: str
    attribute_key: str
    mapp: Connection
    lytics: Connection
    people_in: int
    total: int
    due: int
    held: int
    set_aside: int
    is_waiting: bool
    is_scan_near: bool
    to_decide: int
    last_change_ms: int | None
    spark: list[tuple[int, int]]
    scan: ScanLine | None
    sleep_until_ms: int | None
    created_ms: int
    webhook: str
    has_gap: bool = False

    @property
    def groups(self) -> frozenset[Group]:
        return groups_of(self.status, is_held=self.is_waiting, has_gap=self.has_gap)

    def matches(self, search: str) -> bool:
        """Whether *search* is part of its name, audience, attribute or group, whatever the letters' case."""
        sought = search.casefold()
        places = (self.name, self.audience_name, self.audience_slug, self.attribute_key, self.group_id)
        return any(sought in place.casefold() for place in places)


@dataclass(frozen=True, slots=True)
class Known:
    """
    What is known of one job beside itself.

    Args:
        counted: its counters.
        held: exits that wait for a person.
        changed_at: the newest bucket with a change, in epoch seconds.
        labels: of authorizations, by id.
        has_gap: triggers of it may be missing.
    """

    counted: dict[str, int]
    scan: Scan | None
    held: int
    changed_at: int | None
    labels: dict[str, str]
    now_ms: int
    has_gap: bool = False


def row_of(job: Job, known: Known) -> Row:
    """Return *job* as a line, its spark still empty."""
    scan = known.scan
    is_scan_held = scan is not None and scan.state == ScanState.HELD
    waits = is_at_brake(job.status, is_held=job.exits_held or is_scan_held)
    leaving = scan.leaving if scan is not None and is_scan_held else 0
    is_scanning = scan is not None and scan.state == ScanState.RUNNING
    return Row(
        id=job.id,
        name=job.name,
        description=job.description,
        group=group_of(job.status, is_held=waits, has_gap=known.has_gap),
        status=job.status,
        cause=Cause.REMOVALS if waits and not job.cause else job.cause,
        reason=job.reason,
        audience_name=job.audience_name,
        audience_slug=job.audience_slug,
        group_id=job.config.group_id,
        attribute_key=attribute_key(job.target),
        mapp=Connection(job.mapp_auth, known.labels.get(job.mapp_auth, "")),
        lytics=Connection(job.lytics_auth, known.labels.get(job.lytics_auth, "")),
        people_in=known.counted.get("members.in", 0),
        total=known.counted.get("members.total", 0),
        due=known.counted.get("members.due", 0),
        held=known.held,
        set_aside=known.counted.get("members.aside", 0),
        is_waiting=waits,
        is_scan_near=is_scanning or is_scan_held or bool(job.scan_wanted),
        to_decide=known.held + leaving if waits else 0,
        last_change_ms=_last_change_ms(job, known),
        spark=[],
        scan=None if scan is None else _scan_line(scan, now_ms=known.now_ms),
        sleep_until_ms=job.sleep_until_ms if job.status is Status.SLEEPING else None,
        created_ms=job.created_ms,
        webhook=job.webhook.state,
        has_gap=known.has_gap,
    )


def _last_change_ms(job: Job, known: Known) -> int | None:
    counted_ms = None if known.changed_at is None else known.changed_at * 1000
    return max((at for at in (job.last_trigger_ms, counted_ms) if at is not None), default=None)


def _scan_line(scan: Scan, *, now_ms: int) -> ScanLine:
    progress = scan_progress(scan, now_ms=now_ms)
    percent = min(100, 100 * scan.profiles // scan.expected) if scan.expected else None
    return ScanLine(scan.kind, progress.state, percent, progress.eta_seconds)
