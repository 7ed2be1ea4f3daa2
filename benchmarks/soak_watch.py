"""
What is noted while the soak runs: memory, processor time and sizes every ten seconds, and what Mapp accepted when.

Acceptances are the pretend Mapp's own word with the time on its own clock, so that nothing of Usher's is trusted here.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import psycopg

from benchmarks.soak_processes import Running
from usher.cli.api import Api

SAMPLE_SECONDS, ACCEPTANCES_SECONDS = 10.0, 3.0


class Storage(Protocol):
    """Where the ledger is kept."""

    def bytes_used(self) -> tuple[int, int]:
        """Return the bytes of the database and of its log."""


@dataclass(frozen=True, slots=True)
class SqliteStorage:
    folder: Path

    def bytes_used(self) -> tuple[int, int]:
        files = [path for path in self.folder.glob("*.db*") if path.is_file()]
        logs = sum(path.stat().st_size for path in files if path.name.endswith("-wal"))
        return sum(path.stat().st_size for path in files) - logs, logs


@dataclass(frozen=True, slots=True)
class PostgresStorage:
    url: str

    def bytes_used(self) -> tuple[int, int]:
        asked = "SELECT pg_database_size(current_database()), (SELECT SUM(size) FROM pg_ls_waldir())::bigint"
        with psycopg.connect(self.url) as conn:
            row = conn.execute(asked).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment; *at* is seconds since 1970, *cpu* processor seconds so far by process."""

    at: float
    resident: int
    database: int
    wal: int
    cpu: dict[str, float]
    due: int
    is_scanning: bool


@dataclass(slots=True)
class Watch:
    """
    Notes samples, says each in a line, and writes acceptances to *accepted*, one a line: at_ms, value, member.

    Args:
        served: the process whose memory is watched; *others* are watched for their processor time only.
        backfilled_at: when the backfill was seen to be over: nothing more to read, and nothing owed of it.
    """

    api: Api
    http: aiohttp.ClientSession
    sandbox: str
    job_id: str
    served: Running
    others: Sequence[Running]
    storage: Storage
    accepted: Path
    say: Callable[[str], None]
    samples: list[Sample] = field(default_factory=list)
    backfilled_at: float | None = None
    _number: int = 0
    _sampling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._sampling = group.create_task(self._sample_on())
            group.create_task(self._collect_on())

    def end_samples(self) -> None:
        """Take no more samples; acceptances are noted on."""
        if self._sampling is not None:
            self._sampling.cancel()

    async def progress(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.api.get(f"/v2/job/{self.job_id}/progress")
        return found

    async def collect(self) -> None:
        """Fetch what was accepted since the last time."""
        query = {"after": str(self._number)}
        async with self.http.get(f"{self.sandbox}/control/mapp/acceptances", params=query) as answer:
            answer.raise_for_status()
            rows = await answer.json()
        if not rows:
            return
        if rows[-1][0] != self._number + 1:
            raise RuntimeError("acceptances were lost between two looks")
        self._number = rows[0][0]
        with self.accepted.open("a", encoding="utf-8") as file:
            file.writelines(f"{at_ms}\t{value}\t{member}\n" for _, at_ms, member, _, value in reversed(rows))

    async def sample(self) -> None:
        progress = await self.progress()
        scan, due = progress["scan"] or {}, progress["members"]["due"]
        is_scanning = scan.get("state") != "completed"
        database, wal = self.storage.bytes_used()
        cpu = {one.name: one.cpu_seconds() for one in (self.served, *self.others)}
        found = Sample(time.time(), self.served.resident_bytes(), database, wal, cpu, due, is_scanning)
        self._mark_backfilled(found, progress["sent"]["accepted"], scan.get("seen") or 0)
        self.samples.append(found)
        self.say(
            f"{found.at - self.samples[0].at:6.0f} s  resident {found.resident / 2**20:6.1f} MB"
            f"  database {database / 2**20:7.1f} MB  WAL {wal / 2**20:5.1f} MB  due {due:>9,}"
            f"  accepted {progress['sent']['accepted']:>9,}  {progress['status']}"
        )

    def _mark_backfilled(self, found: Sample, accepted: int, seen: int) -> None:
        few = max(1_000, seen // 1_000)  # those who move are owed all the time, and faults keep some waiting
        if self.backfilled_at is None and not found.is_scanning and found.due <= few and accepted:
            self.backfilled_at = found.at

    async def _sample_on(self) -> None:
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _collect_on(self) -> None:
        while True:
            await self.collect()
            await asyncio.sleep(ACCEPTANCES_SECONDS)
