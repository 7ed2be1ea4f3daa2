"""
What machines ask of the service: is it alive, is it ready, what has it counted.

Counts that must survive a restart are read from the database at the moment of asking.
No label holds a member; `/metrics` needs a viewer's token, or the Unix socket.
"""

from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from usher.access.roles import Role
from usher.domain.job import Job, Status
from usher.store.brake import waiting_exits
from usher.store.database import Txn
from usher.store.jobs import all_jobs
from usher.store.scans import all_counters
from usher.web.callers import identified, needs
from usher.web.deps import deps_of
from usher.web.receiver import ANSWERS

UNROUTED = 0  # the ledger's key for what belongs to no job
MEMBERS = ("total", "in", "due", "aside", "held")
# Shown from the start, because Prometheus sees no increase in a series that begins at 1.
EVENTS = (
    *("triggers.received", "triggers.applied", "triggers.unreadable", "triggers.clamped"),
    *("sent.accepted", "sent.rejected", "sent.retried", "sent.unknown"),
    *("scans.found_inside", "scans.no_identifier", "scans.found_absent"),
)
Counts = dict[int, dict[str, int]]


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """The database answers too."""
    await deps_of(request).desk.database.read(all_counters)
    return JSONResponse({"ready": True, "version": deps_of(request).version})


async def metrics(request: Request) -> Response:
    """Everything counted, as Prometheus reads it."""
    await needs(Role.VIEWER)(await identified(request))
    deps = deps_of(request)
    jobs, counts = await deps.desk.database.read(_jobs_and_counts)
    for answer in ANSWERS:
        deps.telemetry.receiver.labels(answer)  # there from zero
    stored = CollectorRegistry()
    stored.register(StoredCounts(jobs, counts))
    text = generate_latest(deps.telemetry.registry) + generate_latest(stored)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _jobs_and_counts(txn: Txn) -> tuple[list[Job], Counts]:
    jobs, counted = [job for job in all_jobs(txn) if job.status is not Status.DELETED], all_counters(txn)
    return jobs, {job.key: _of_job(txn, job, counted.get(job.key, {})) for job in jobs} | {
        UNROUTED: {"triggers.unreadable": 0} | counted.get(UNROUTED, {})
    }


def _of_job(txn: Txn, job: Job, counted: dict[str, int]) -> dict[str, int]:
    zeros = dict.fromkeys((*(f"members.{state}" for state in MEMBERS), *EVENTS), 0)
    return zeros | counted | {"members.held": waiting_exits(txn, job.key) if job.exits_held else 0}


class StoredCounts(Collector):
    """One reading of the database's counters, as a collector."""

    def __init__(self, jobs: list[Job], counts: Counts) -> None:
        self._jobs = jobs
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        members = GaugeMetricFamily("usher_job_members", "Members of a job, by state.", labels=["job", "state"])
        events = CounterMetricFamily("usher_job_events", "What was counted for a job.", labels=["job", "event"])
        standing = GaugeMetricFamily("usher_job_status", "1 for the status a job has.", labels=["job", "status"])
        for job in self._jobs:
            standing.add_metric([job.id, job.status], 1)
            for name, value in sorted(self._counts.get(job.key, {}).items()):
                kind, _, rest = name.partition(".")
                if kind == "members":
                    members.add_metric([job.id, rest], value)
                else:
                    events.add_metric([job.id, name], value)
        for name, value in sorted(self._counts.get(UNROUTED, {}).items()):
            events.add_metric(["none", name], value)
        return [members, events, standing]
