"""Who works on the ledger, over REST."""

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_from_ms, iso_or_none
from usher.jobs.workers import ListedWorker, WorkerPace, list_workers
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok


class WorkerPaceBody(BaseModel):
    """How fast a worker speaks to one Mapp authorization; *found_per_second* is null where only the setting limits."""

    auth_id: str
    label: str
    found_per_second: float | None
    in_flight: int
    silent_until: str | None


class WorkerBody(BaseModel):
    """
    One worker; *seen* is its last beat, *holds* what it alone does now.

    One that *is_joining* sends nothing yet; one that is not alive any more is dropped by the others' next beat.
    """

    id: str
    kind: str
    host: str
    pid: int
    started: str
    seen: str
    is_alive: bool
    is_joining: bool
    holds: list[str]
    pace: list[WorkerPaceBody]


async def show_workers(request: Request) -> Ok[list[WorkerBody]]:
    """List the workers that share this database, those that came first at the top."""
    found = await list_workers(deps_of(request).desk)
    return ok(request, [_worker_body(worker) for worker in found.rows])


def _worker_body(worker: ListedWorker) -> WorkerBody:
    return WorkerBody(
        id=worker.id,
        kind=worker.kind,
        host=worker.host,
        pid=worker.pid,
        started=iso_from_ms(worker.started_ms),
        seen=iso_from_ms(worker.seen_ms),
        is_alive=worker.is_alive,
        is_joining=worker.is_joining,
        holds=list(worker.holds),
        pace=[_pace_body(pace) for pace in worker.pace],
    )


def _pace_body(pace: WorkerPace) -> WorkerPaceBody:
    return WorkerPaceBody(
        auth_id=pace.auth_id,
        label=pace.label,
        found_per_second=pace.found_per_second,
        in_flight=pace.in_flight,
        silent_until=iso_or_none(pace.silent_until_ms),
    )
