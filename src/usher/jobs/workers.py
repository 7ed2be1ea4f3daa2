"""Who works on the ledger, for people: where each runs, whether it is alive, what it does alone, and how fast it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from usher.domain.crew import crew_of
from usher.domain.worker import Worker, job_of_lease
from usher.engine.sharing import HOUSE
from usher.jobs.desk import Desk
from usher.jobs.sources import LEASE as SOURCES
from usher.store import jobs, workers
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.workers import Listed

PLAIN_NAMES = {HOUSE: "housekeeping", SOURCES: "webhooks in Lytics"}


@dataclass(frozen=True, slots=True)
class WorkerPace:
    """
    How fast one worker speaks to one Mapp authorization.

    Args:
        label: the authorization's; its id where it is gone.
        found_per_second: the rate found by trying; None where only the setting limits it.
        in_flight: requests that are alive.
        silent_until_ms: until when Mapp asked to be left alone; None where it did not.
    """

    auth_id: str
    label: str
    found_per_second: float | None
    in_flight: int
    silent_until_ms: int | None


@dataclass(frozen=True, slots=True)
class ListedWorker:
    """
    One worker.

    Args:
        kind: "serve" or "worker".
        started_ms: since when the others count on it; a worker that was taken for dead starts anew.
        is_alive: it was seen so lately that it may still send.
        is_joining: it waits until those before it know of it, and sends nothing yet.
        holds: what only one worker may do at a time, and this one does.
    """

    id: str
    kind: str
    host: str
    pid: int
    started_ms: int
    seen_ms: int
    is_alive: bool
    is_joining: bool
    holds: tuple[str, ...]
    pace: tuple[WorkerPace, ...]


@dataclass(frozen=True, slots=True)
class Workers:
    """
    All workers, those that came first at the top.

    Args:
        is_shared: whether the database can have more than one; an embedded one cannot.
    """

    rows: list[ListedWorker]
    is_shared: bool


async def list_workers(desk: Desk) -> Workers:
    """Return who works on the ledger. One that died is listed until the others take it for dead. Safe to repeat."""
    return await desk.database.read(_workers)


def _workers(txn: Txn) -> Workers:
    found = workers.all_workers(txn)
    everybody = [one.worker for one in found]
    labels = {auth.id: auth.label for auth in all_authorizations(txn)}
    names = {job.key: job.name for job in jobs.all_jobs(txn)} if any(one.leases for one in found) else {}
    rows = [_row(one, everybody, labels=labels, names=names, now_ms=txn.now_ms) for one in found]
    return Workers(rows, is_shared=workers.is_shared(txn))


def _row(
    listed: Listed, everybody: list[Worker], *, labels: Mapping[str, str], names: Mapping[int, str], now_ms: int
) -> ListedWorker:
    worker = listed.worker
    return ListedWorker(
        id=worker.id,
        kind=worker.kind,
        host=worker.host,
        pid=worker.pid,
        started_ms=worker.stay.started_ms,
        seen_ms=worker.seen_ms,
        is_alive=worker.is_alive(now_ms),
        is_joining=not crew_of(everybody, worker.id).may_send,
        holds=tuple(_held(lease, names) for lease in listed.leases),
        pace=_paces(worker, labels, now_ms=now_ms),
    )


def _held(lease: str, names: Mapping[int, str]) -> str:
    """Name what a lease is on: a scan by its job, what is known by its plain name, anything else by its own."""
    job = job_of_lease(lease)
    return PLAIN_NAMES.get(lease, lease) if job is None else f"scan of {names.get(job, 'a job that is gone')}"


def _paces(worker: Worker, labels: Mapping[str, str], *, now_ms: int) -> tuple[WorkerPace, ...]:
    return tuple(
        WorkerPace(
            auth_id=auth_id,
            label=labels.get(auth_id, auth_id),
            found_per_second=standing.found_per_second,
            in_flight=standing.in_flight,
            silent_until_ms=_if_to_come(standing.silent_until_ms, now_ms),
        )
        for auth_id, standing in sorted(worker.standing.items())
    )


def _if_to_come(moment_ms: int | None, now_ms: int) -> int | None:
    return moment_ms if moment_ms is not None and moment_ms > now_ms else None
