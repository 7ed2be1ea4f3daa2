"""
Who works on this ledger, and who holds which lease: one row each, kept by beats.

Nobody is asked to leave: a beat drops whoever can send nothing any more. Needs READ COMMITTED on PostgreSQL, so that
what is read after waiting is new.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, select, text, update

from usher.domain.worker import Standing, Stay, Worker
from usher.errors import Conflict
from usher.store.database import Database, Txn
from usher.store.tables import leases, workers
from usher.store.turns import Placed, Turn

TAKE_TURNS = text("SELECT pg_advisory_xact_lock(CAST(:turn AS BIGINT))")
TURN = 0x7573686572  # "usher": one lock for the beats of all workers on one database
BY_ORDER = (workers.c.started_ms, workers.c.id)

logger = structlog.get_logger("usher.store")


def beat(txn: Txn, worker: Worker) -> list[Worker]:
    """Beat as *beat_and_give_up* does, and return all that are there."""
    return beat_and_give_up(txn, worker)[0]


def beat_and_give_up(txn: Txn, worker: Worker) -> tuple[list[Worker], list[Worker]]:
    """
    Write down that *worker* is there, and drop those that are not. Safe to repeat.

    Args:
        worker: its *stay* as it last knew it; where that is over, it begins a new one, the last in order.

    Returns:
        All that are there, in order, and those that were dropped.
    """
    _take_turns(txn)
    kept = _read(txn)
    dead = [one for one in kept if one.id != worker.id and not one.is_alive(txn.now_ms)]
    _drop(txn, [one.id for one in dead])
    former = next((one.stay for one in kept if one.id == worker.id), None)
    stay = former or Stay(_start_after(txn, worker.stay, *(one.stay for one in kept)), worker.id)
    _write(txn, replace(worker, stay=stay, seen_ms=txn.now_ms), is_new=former is None)
    return _read(txn), dead


def forget_others(txn: Txn, worker: str) -> None:
    """Drop everybody else: for a database that one process owns, where nobody else can be alive."""
    _drop(txn, [one.id for one in _read(txn) if one.id != worker])


def leave(txn: Txn, worker: str) -> None:
    """Drop *worker* and its leases; it has nothing in flight and sends nothing more. Safe to repeat."""
    _drop(txn, [worker])


def take_lease(txn: Txn, name: str, worker: str) -> bool:
    """Take a lease that nobody alive holds; return whether *worker* holds it now. Safe to repeat."""
    if not _is_there(txn, worker):
        return False
    holder = _locked_holder(txn, name)
    if holder is None:
        return txn.conn.execute(TAKE_FREE, {"name": name, "holder": worker}).rowcount == 1
    if holder == worker:
        return True
    if _is_there(txn, holder):
        return False
    txn.conn.execute(update(leases).where(leases.c.name == name).values(holder=worker))
    return True


TAKE_FREE = text("INSERT INTO leases (name, holder) VALUES (:name, :holder) ON CONFLICT (name) DO NOTHING")


def hold_lease(txn: Txn, name: str, worker: str) -> bool:
    """
    Return whether *worker* still holds a lease; if so, nobody can take it before this transaction ends.

    Whatever is done under a lease asks this first, in the transaction that does it, and otherwise does nothing.
    """
    return _locked_holder(txn, name) == worker


def release_lease(txn: Txn, name: str, worker: str) -> None:
    """Let go of a lease if *worker* holds it. Safe to repeat."""
    txn.conn.execute(delete(leases).where(leases.c.name == name, leases.c.holder == worker))


def holders(txn: Txn) -> dict[str, str]:
    """Return who holds which lease: the worker's id by the lease's name."""
    return {row.name: row.holder for row in txn.conn.execute(select(leases).order_by(leases.c.name))}


@dataclass(frozen=True, slots=True)
class Listed:
    """A worker as people see it, with the names of the leases that it holds."""

    worker: Worker
    leases: tuple[str, ...]


def all_workers(txn: Txn) -> list[Listed]:
    """Return all that are kept, in order; one that is dead is kept until another beats."""
    held = holders(txn)
    return [Listed(one, tuple(name for name, holder in held.items() if holder == one.id)) for one in _read(txn)]


def refuse_if_working(txn: Txn) -> None:
    """
    Let pass only while nobody works on this database; one that was killed counts until it would be taken for dead.

    Raises:
        Conflict: somebody does; stop them first.
    """
    working = [one for one in _read(txn) if one.is_alive(txn.now_ms)]
    if working:
        wait = max(one.lives_ms for one in working) // 1000
        found = ", ".join(f"{one.kind} {one.pid} on {one.host}" for one in working)
        raise Conflict(
            f"Still working on this database: {found}. Stop them first; where one was killed, wait {wait} s."
        )


def is_shared(txn: Txn) -> bool:
    """Whether this database can have more than one worker."""
    return txn.conn.dialect.name == "postgresql"


class SqlWorkers:
    """
    The engine's CrewStore.

    Args:
        is_alone: one process owns the database, so whoever is kept from before is dead.
    """

    def __init__(self, database: Database, *, is_alone: bool) -> None:
        self._database = database
        self._is_alone = is_alone

    async def beat(self, worker: Worker) -> list[Worker]:
        def work(txn: Txn) -> tuple[list[Worker], list[Worker]]:
            if self._is_alone:
                forget_others(txn, worker.id)
            return beat_and_give_up(txn, worker)

        there, dead = await self._database.write(Placed(work, Turn.CREW))
        for one in dead:
            logger.warning("worker_given_up", worker=one.id, host=one.host, pid=one.pid)
        return there

    async def leave(self, worker: str) -> None:
        await self._database.write(Placed(lambda txn: leave(txn, worker), Turn.CREW))

    async def take_lease(self, name: str, worker: str) -> bool:
        return await self._database.write(Placed(lambda txn: take_lease(txn, name, worker), Turn.CREW, name))

    async def release_lease(self, name: str, worker: str) -> None:
        await self._database.write(Placed(lambda txn: release_lease(txn, name, worker), Turn.CREW, name))


def _take_turns(txn: Txn) -> None:
    """Keep other beats waiting until this transaction ends; SQLite has one writer anyway."""
    if is_shared(txn):
        txn.conn.execute(TAKE_TURNS, {"turn": TURN})


def _drop(txn: Txn, gone: Iterable[str]) -> None:
    for worker in gone:
        txn.conn.execute(delete(leases).where(leases.c.holder == worker))
        txn.conn.execute(delete(workers).where(workers.c.id == worker))


def _start_after(txn: Txn, *stays: Stay) -> int:
    """Return a start that no stay shares or follows, even where the ledger's clock was set back."""
    return max(txn.now_ms, *(stay.started_ms + 1 for stay in stays))


def _write(txn: Txn, worker: Worker, *, is_new: bool) -> None:
    said = {
        "seen_ms": worker.seen_ms,
        "knows": json.dumps([[stay.started_ms, stay.id] for stay in sorted(worker.knows)]),
        "standing": json.dumps({"lives_ms": worker.lives_ms, "mapp": _plain(worker.standing)}),
    }
    if is_new:
        who = {"id": worker.id, "kind": worker.kind, "host": worker.host, "pid": worker.pid}
        txn.conn.execute(insert(workers).values(**who, started_ms=worker.stay.started_ms, **said))
    else:
        txn.conn.execute(update(workers).where(workers.c.id == worker.id).values(**said))


def _plain(standing: Mapping[str, Standing]) -> dict[str, dict[str, Any]]:
    return {auth_id: asdict(one) for auth_id, one in standing.items()}


def _read(txn: Txn) -> list[Worker]:
    return [_worker(row) for row in txn.conn.execute(select(workers).order_by(*BY_ORDER))]


def _worker(row: Row[Any]) -> Worker:
    standing = json.loads(row.standing)
    return Worker(
        stay=Stay(row.started_ms, row.id),
        kind=row.kind,
        host=row.host,
        pid=row.pid,
        lives_ms=standing["lives_ms"],
        seen_ms=row.seen_ms,
        knows=frozenset(Stay(started_ms, worker) for started_ms, worker in json.loads(row.knows)),
        standing={auth_id: _standing(told) for auth_id, told in standing["mapp"].items()},
    )


def _standing(told: Mapping[str, Any]) -> Standing:
    """Read what a worker told; one of a newer version may tell more."""
    return Standing(**{name: value for name, value in told.items() if name in TOLD})


TOLD = {field.name for field in fields(Standing)}


def _is_there(txn: Txn, worker: str) -> bool:
    return txn.conn.execute(select(workers.c.id).where(workers.c.id == worker)).first() is not None


def _locked_holder(txn: Txn, name: str) -> str | None:
    found: str | None = txn.conn.execute(
        select(leases.c.holder).where(leases.c.name == name).with_for_update()  # SQLite's one writer needs no lock
    ).scalar()
    return found
