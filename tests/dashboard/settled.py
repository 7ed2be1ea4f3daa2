"""What Mapp would have said to a job's people, put into the ledger without asking it."""

from typing import Any

from tests.dashboard.visiting import House
from usher.domain.claim import Claim, Settlement
from usher.domain.notes import LogEntry
from usher.domain.outcome import Outcome
from usher.store import delivery, ledger
from usher.store.database import Txn
from usher.store.jobs import change_job, job_by_id
from usher.store.notes import add_log


async def settle(house: House, job_id: str, outcome: Outcome) -> int:
    """Settle everybody who is due with *outcome*; return how many were."""
    desk = house.running.deps.desk

    def work(txn: Txn) -> int:
        job = job_by_id(txn, job_id)
        claims: list[Claim] = [
            claim
            for lane in (0, 1)
            for claim in ledger.claim(txn, desk.statements, job.key, lane=lane, limit=500, hold_ms=60_000)
        ]
        delivery.settle(txn, desk.statements, [Settlement(claim, outcome) for claim in claims])
        return len(claims)

    return int(await desk.database.write(work))


async def put(
    house: House, job_id: str, *, said: str = "", code: str = "", level: str = "info", **columns: Any
) -> None:
    """Bring a job into a state as the engine would, with what its log says of it."""
    desk = house.running.deps.desk

    def work(txn: Txn) -> None:
        key = job_by_id(txn, job_id).key
        if columns:
            change_job(txn, key, **columns)
        if said:
            add_log(txn, LogEntry(key, level, said, code))

    await desk.database.write(work)
