"""Who waits at the removal brake, over REST: figures and sentences, and nobody's identifier."""

from dataclasses import asdict

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_or_none
from usher.jobs.removals import HeldScan, Removals, waiting_removals
from usher.jobs.removals_said import MINUTES, removals_said
from usher.store.brake import HeldExits
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok


class LimitsBody(BaseModel):
    """The brake asks where more than *people*, and more than *percent* of those inside, would be set to false."""

    people: int
    percent: float


class BrakeBody(BaseModel):
    """The limits of a job: for *exits* by trigger within *minutes*, and for whom one *scan* does not find."""

    exits: LimitsBody
    minutes: int
    scan: LimitsBody


class HeldScanBody(BaseModel):
    """A scan that did not find *leaving* of *inside* people, although it read everybody (*seen*)."""

    kind: str
    leaving: int
    inside: int
    seen: int
    pages: int
    ended: str | None


class HeldExitsBody(BaseModel):
    """Of *inside* people *left* exited; of *told* of them Mapp was told before the brake, and *waiting* wait by now."""

    left: int
    told: int
    waiting: int
    inside: int


class RemovalsSaidBody(BaseModel):
    """Why the brake stopped the job, and what follows from each of the two decisions."""

    stopped: str
    if_kept: str
    if_confirmed: str


class RemovalsBody(BaseModel):
    """
    Who waits for a decision; where nobody does, *count* is 0 and *hold* blank, and the facts about them are null.

    A decision that names *hold* is for these alone. *per_second* is null where nothing limits the pace.
    """

    count: int
    hold: str
    since: str | None
    sentences: RemovalsSaidBody | None
    scan: HeldScanBody | None
    exits: HeldExitsBody | None
    limits: BrakeBody
    per_second: float | None


async def show_removals(request: Request, job_id: str) -> Ok[RemovalsBody]:
    """Show how many people would be set to false, why the job asks first, and what each decision would do."""
    return ok(request, _removals_body(await waiting_removals(deps_of(request).desk, job_id)))


def _removals_body(found: Removals) -> RemovalsBody:
    return RemovalsBody(
        count=found.count,
        hold=found.hold,
        since=iso_or_none(found.stopped_ms),
        sentences=None if found.is_over else RemovalsSaidBody(**asdict(removals_said(found))),
        scan=None if found.scan is None else _scan_body(found.scan),
        exits=None if found.exits is None else _exits_body(found.exits),
        limits=BrakeBody(
            exits=LimitsBody(**asdict(found.exit_limits)),
            minutes=MINUTES,
            scan=LimitsBody(**asdict(found.scan_limits)),
        ),
        per_second=found.per_second,
    )


def _exits_body(exits: HeldExits) -> HeldExitsBody:
    return HeldExitsBody(left=exits.left, told=exits.told, waiting=exits.waiting, inside=exits.inside)


def _scan_body(scan: HeldScan) -> HeldScanBody:
    return HeldScanBody.model_validate(asdict(scan) | {"ended": iso_or_none(scan.ended_ms)})
