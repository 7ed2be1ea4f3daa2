"""
The ledger of one run: the real statements over SQLite in memory, and each worker's way there.

The database's clock is the true one. Asking takes a while; an answer may be lost on the way, the commit kept or not.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Hashable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event

from usher.clock import Clock, LedgerClock
from usher.domain.job import Job
from usher.domain.scan import Scan
from usher.errors import Unavailable
from usher.simulation.loop import PROCESS
from usher.simulation.network import stop_for_a_while
from usher.simulation.stage import Stage
from usher.store.database import IN_DOUBT, CommitInDoubt, InlineDatabase, T, Terms, Txn, Work
from usher.store.tables import metadata

WATCHED = ("ledger", "counters", "jobs", "scans", "sweeps")


class Ledger:
    """
    One database, with nobody in it.

    Args:
        changed: called after each commit that changed what is watched.
        owed: called after each commit by which more is owed.
    """

    def __init__(self, stage: Stage, *, changed: Callable[[str], None], owed: Callable[[], None]) -> None:
        self.engine, self.raw = _engine()
        self.stage = stage
        self.owed = owed
        self._changed = changed
        self._touched = False
        self._known: dict[Any, Any] = {}
        _empty(self.raw)
        self.raw.create_function("touched", 0, self._touch)
        for table in WATCHED:
            for change in ("INSERT", "UPDATE", "DELETE"):
                self.raw.execute(
                    f"CREATE TEMP TRIGGER {table}_{change} AFTER {change} ON main.{table} BEGIN SELECT touched(); END"
                )

    def _touch(self) -> int:
        self._touched = True
        self._known.clear()
        return 0

    async def read(self, work: Work[T], really: Callable[[Work[T]], Awaitable[T]]) -> T:
        """Read, unless the very same was read since anything but beats was committed: most looks find nothing new."""
        cells = getattr(work, "__closure__", None) or ()
        asked = (getattr(work, "__code__", work), *(cell.cell_contents for cell in cells))
        if not all(isinstance(one, Hashable) for one in asked) or any(isinstance(one, Job | Scan) for one in asked):
            return await really(work)
        if asked not in self._known:
            self._known[asked] = await really(work)
        found: T = self._known[asked]
        return found

    def committed(self, who: str) -> None:
        """Have what was changed looked at."""
        if self._touched:
            self._touched = False
            self._changed(who)


class LedgerTerms(Terms):
    """The terms of a database that has its own clock, as PostgreSQL's; *asked*: when it was asked, on *clock*."""

    clock: LedgerClock

    def __init__(self, clock: LedgerClock, ledger: Ledger) -> None:
        super().__init__(clock)
        self.asked = 0.0
        self._ledger = ledger

    def now_ms(self, _conn: Connection) -> int:
        now_ms = self._ledger.stage.now_ms()
        self.clock.hear(now_ms, asked=self.asked)
        return now_ms

    def end(self, txn: Txn) -> None:
        if txn.owes_more:
            self._ledger.owed()


class RemoteDatabase(InlineDatabase):
    """The ledger as one of several workers reaches it. *is_cut_off*: nothing gets through for now."""

    def __init__(self, ledger: Ledger, *, clock: LedgerClock) -> None:
        self._its_terms = LedgerTerms(clock, ledger)
        super().__init__(ledger.engine, clock=clock, terms=self._its_terms)
        self.is_cut_off = False
        self._ledger = ledger
        self._stage = ledger.stage

    async def write(self, work: Work[T]) -> T:
        await self._go()
        if self._stage.happens("commit in doubt"):
            return await self._in_doubt(work)
        self._its_terms.asked = self._its_terms.clock.monotonic()
        result = await super().write(work)
        self._ledger.committed(_caller())
        await self._come_back(CommitInDoubt(IN_DOUBT))
        return result

    async def read(self, work: Work[T]) -> T:
        await self._go()
        self._its_terms.asked = self._its_terms.clock.monotonic()
        result = await self._ledger.read(work, super().read)
        await self._come_back(Unavailable("The database is away."))
        return result

    async def _in_doubt(self, work: Work[T]) -> T:
        is_kept = self._stage.rng.random() < 0.5
        self._stage.note(_caller(), f"is told nothing of a commit that is {'kept' if is_kept else 'lost'}")
        if is_kept:
            await super().write(work)
            self._ledger.committed(_caller())
        raise CommitInDoubt(IN_DOUBT)

    async def _go(self) -> None:
        await asyncio.sleep(self._stage.rng.random() * self._stage.draw.travel)
        if self.is_cut_off or self._stage.happens("ledger away"):
            raise Unavailable("The database is away.")
        await _stop_perhaps(self._stage)

    async def _come_back(self, lost: Unavailable) -> None:
        await asyncio.sleep(self._stage.rng.random() * self._stage.draw.travel)
        if self.is_cut_off:
            raise lost
        await _stop_perhaps(self._stage)


class OwnDatabase(InlineDatabase):
    """The ledger as its only owner reaches it: through a thread, and a disk that may be full."""

    is_cut_off = False

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        super().__init__(ledger.engine, clock=clock)
        self._ledger = ledger
        self._stage = ledger.stage

    async def write(self, work: Work[T]) -> T:
        await self._hand_over()
        result = await super().write(work)
        self._ledger.committed(_caller())
        await self._hand_over()
        return result

    async def read(self, work: Work[T]) -> T:
        await self._hand_over()
        return await self._ledger.read(work, super().read)

    async def _hand_over(self) -> None:
        await asyncio.sleep(self._stage.rng.random() * 0.002)
        if self.is_cut_off:
            raise Unavailable("The disk is full.")
        await _stop_perhaps(self._stage)


async def _stop_perhaps(stage: Stage) -> None:
    process = PROCESS.get()
    if process is not None and stage.happens("stopped at the ledger"):
        stage.note(process.name, "is stopped on its way to or from the ledger")
        stop_for_a_while(stage, process.stop, process.go_on)
        await asyncio.sleep(0)


def _caller() -> str:
    process = PROCESS.get()
    return process.name if process is not None else "outside"


@lru_cache(maxsize=1)
def _engine() -> tuple[Engine, sqlite3.Connection]:
    """Return the one engine of this process: what SQLAlchemy compiled for it serves every run."""
    raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    event.listen(engine, "begin", lambda _conn: raw.execute("BEGIN"))
    metadata.create_all(engine)
    return engine, raw


@lru_cache(maxsize=1)
def _template() -> sqlite3.Connection:
    """Return a copy of the database as it is before the first run."""
    copy = sqlite3.connect(":memory:")
    _engine()[1].backup(copy)
    return copy


def _empty(raw: sqlite3.Connection) -> None:
    template = _template()
    for (name,) in raw.execute("SELECT name FROM temp.sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER temp.{name}")
    template.backup(raw)


def rows_of(raw: sqlite3.Connection, statement: str) -> list[Any]:
    """Look at what is committed, outside of every worker."""
    return raw.execute(statement).fetchall()
