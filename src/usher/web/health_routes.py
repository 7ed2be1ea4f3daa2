"""How the service stands, what it holds and for how long, over REST."""

from dataclasses import asdict

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_from_ms, iso_or_none
from usher.jobs.desk import Desk
from usher.jobs.health import Health, service_health
from usher.jobs.retention import retention
from usher.store.authorizations import Authorization
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok


class DatabaseBody(BaseModel):
    """Which database holds everything, and the bytes of its file."""

    name: str
    size_bytes: int


class HoldingsBody(BaseModel):
    """
    What the database holds: *jobs* that are not deleted, *live* of them not ended.

    *members* are rows of the ledger: *due* are owed to Mapp, *set_aside* were rejected.
    """

    jobs: int
    live: int
    members: int
    due: int
    set_aside: int
    unreadable: int


class TestedBody(BaseModel):
    """An authorization, and how it last tested: "healthy", "unhealthy" or "unknown"."""

    id: str
    label: str
    provider: str
    status: str
    note: str
    tested: str | None


class TimingBody(BaseModel):
    """How long Mapp may take to answer, how long nobody sends after a lost answer, and how far clocks may differ."""

    request_timeout_seconds: float
    quarantine_seconds: float
    clock_margin_seconds: float


class KeptBody(BaseModel):
    """One kind of record, and how long it is kept."""

    what: str
    how_long: str


class HealthBody(BaseModel):
    """
    The service's state; no vendor was asked for it.

    *unreached* says why Lytics cannot send triggers to *base_url*, and is blank where it can. *people* may sign in;
    *tokens* counts expired API tokens too. *now* is the clock by which everything is decided.
    """

    version: str
    base_url: str
    unreached: str
    database: DatabaseBody
    holdings: HoldingsBody
    authorizations: list[TestedBody]
    people: int
    tokens: int
    now: str
    timing: TimingBody
    retention: list[KeptBody]


async def show_health(request: Request) -> Ok[HealthBody]:
    """Show how the service stands, what it holds, and how long each kind of record is kept."""
    deps = deps_of(request)
    health = await service_health(deps.desk)
    return ok(request, _health_body(health, version=deps.version, desk=deps.desk))


def _health_body(health: Health, *, version: str, desk: Desk) -> HealthBody:
    extent = health.holdings.extent
    return HealthBody(
        version=version,
        base_url=health.base_url,
        unreached=health.unreached,
        database=DatabaseBody(name=extent.database, size_bytes=extent.size_bytes),
        holdings=HoldingsBody.model_validate(asdict(health.holdings)),
        authorizations=[_tested_body(auth) for auth in health.authorizations],
        people=health.people,
        tokens=health.tokens,
        now=iso_from_ms(health.now_ms),
        timing=TimingBody.model_validate(desk.timing.model_dump()),
        retention=[KeptBody(**asdict(kept)) for kept in retention(desk.retention)],
    )


def _tested_body(auth: Authorization) -> TestedBody:
    return TestedBody(
        id=auth.id,
        label=auth.label,
        provider=auth.provider,
        status=auth.status,
        note=auth.status_note,
        tested=iso_or_none(auth.tested_ms),
    )
