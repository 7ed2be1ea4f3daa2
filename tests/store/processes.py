"""Processes that share a PostgreSQL; tests wait for what happens between them by looking, never by sleeping."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import text

from usher.clock import LedgerClock, SystemClock
from usher.store.database import ThreadedDatabase, Txn, Work
from usher.store.postgres import PostgresTerms, postgres_engine

AN_HOUR_MS = 3_600_000
SOON = 10  # seconds; nothing here takes so long unless it waits for ever


class HourOff(SystemClock):
    """A machine's clock that is an hour ahead."""

    def now_ms(self) -> int:
        return super().now_ms() + AN_HOUR_MS


@dataclass
class Process:
    """What one process has of the database: a thread that writes, one that reads, and the ledger's clock."""

    url: str
    is_desk: bool = False
    clock: LedgerClock = field(default_factory=lambda: LedgerClock(HourOff()))
    pause: Callable[[float], None] = lambda _: None

    def __post_init__(self) -> None:
        terms = PostgresTerms(self.clock, pause=self.pause, is_desk=self.is_desk)
        reader = postgres_engine(self.url, is_reader=True)
        self.database = ThreadedDatabase(postgres_engine(self.url), reader, clock=self.clock, terms=terms)

    async def write(self, work: Work[Any]) -> Any:
        return await asyncio.wait_for(self.database.write(work), SOON)

    async def read(self, work: Work[Any]) -> Any:
        return await asyncio.wait_for(self.database.read(work), SOON)

    async def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = await self.read(lambda txn: list(map(tuple, txn.conn.execute(text(statement)))))
        return found


Start = Callable[..., Process]


@contextlib.asynccontextmanager
async def processes() -> AsyncIterator[Start]:
    """Start processes; they end on leaving."""
    started: list[Process] = []

    def start_one(url: str, **given: Any) -> Process:
        started.append(Process(url, **given))
        return started[-1]

    yield start_one
    for process in started:
        await process.database.close()


def put(name: str, value: str = "") -> Work[None]:
    return lambda txn: store_fact(txn, name, value)


def store_fact(txn: Txn, name: str, value: str) -> None:
    txn.conn.execute(text("INSERT INTO facts (name, value) VALUES (:name, :value)"), {"name": name, "value": value})


def facts(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [name for (name,) in conn.execute("SELECT name FROM facts ORDER BY name")]


def until(url: str, question: str) -> None:
    """Wait until the answer to *question* is yes, as a third party sees it."""
    clock = SystemClock()
    give_up_at = clock.monotonic() + SOON
    with psycopg.connect(url, autocommit=True) as conn:
        while not conn.execute(question.encode()).fetchone()[0]:  # type: ignore[index]  # it answers with one row
            assert clock.monotonic() < give_up_at, question


SOMEBODY_WAITS = (
    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
)
