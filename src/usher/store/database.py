"""
One database, one writing connection, and how many small writes become one durable commit.

Works are functions of a transaction that keep nothing else. Those that are waiting together run in one transaction;
where one of them fails, each runs in one of its own, so that it takes nothing with it. All are answered after the
commit.
"""

import contextlib
import queue
import threading
from asyncio import AbstractEventLoop, Future, gather, get_running_loop, timeout
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from usher.clock import Clock
from usher.errors import Unavailable, UsherError
from usher.store.direct import run, run_for_each
from usher.store.joint import do_all
from usher.store.turns import place_of

T = TypeVar("T")
MINUTE, HOUR = 60, 3600  # the steps of activity, in seconds
MOST_WORKS_A_COMMIT = 256  # bounds how long one commit keeps others waiting
END_SECONDS = 1.0
MOST_WAITING = 20_000  # works, while a database hangs; those that nobody waits for any more count too
IN_DOUBT = "The database went away while it was told to keep this. Look whether it did before you do it again."
BUSY = "The database cannot take this right now; ask again in a moment."


@dataclass(slots=True)
class Txn:
    """
    An open transaction. *now_ms* is the ledger's clock; what *tally* counts is stored with the same commit.

    Tally keys are (job key, counter name); job 0 holds what belongs to no job. What *activity* counts is stored too, in
    the minute and the hour of the commit; its keys are (job key, name). *owes_more*: whoever sends should look again.
    *steady*: what this machine's monotonic clock showed when the ledger's was read.
    """

    conn: Connection
    now_ms: int
    steady: float = 0.0
    tally: Counter[tuple[int, str]] = field(default_factory=Counter)
    activity: Counter[tuple[int, str]] = field(default_factory=Counter)
    owes_more: bool = False


Work = Callable[[Txn], T]


class Database(Protocol):
    """Runs works. Safe to call from any task of the event loop it is used in."""

    async def write(self, work: Work[T]) -> T:
        """
        Run *work* and return its result once it is durable.

        Raises:
            Unavailable: nothing of it is kept; ask again. Whatever *work* itself raised is passed on, and undone.
            CommitInDoubt: it is kept, or it is not; look before you do again what is not safe to repeat.
        """

    async def read(self, work: Work[T]) -> T:
        """Run *work* against a snapshot; what it writes is thrown away."""

    async def close(self) -> None:
        """Finish what is waiting, then let go of the database."""


def add_to_counters(txn: Txn) -> None:
    """Store what was counted, in the transaction that did what it counts."""
    for (job, name), value in sorted(txn.tally.items()):  # in one order, so that two writers cannot wait on each other
        if value:
            run(txn.conn, ADD_TO_COUNTER, {"job": job, "name": name, "value": value})
    txn.tally.clear()


ADD_TO_COUNTER = text(
    "INSERT INTO counters (job, name, value) VALUES (:job, :name, :value)"
    " ON CONFLICT (job, name) DO UPDATE SET value = counters.value + excluded.value"
)


def add_to_activity(txn: Txn) -> None:
    """Store what happened, in the transaction in which it did: one statement, whatever its rows."""
    second = txn.now_ms // 1000
    rows = [
        {"job": job, "step": step, "at": second - second % step, "name": name, "value": value}
        for (job, name), value in sorted(txn.activity.items())
        for step in (MINUTE, HOUR)
    ]
    run_for_each(txn.conn, ADD_TO_ACTIVITY, rows)
    txn.activity.clear()


ADD_TO_ACTIVITY = text(
    "INSERT INTO activity (job, step, at, name, value) VALUES (:job, :step, :at, :name, :value)"
    " ON CONFLICT (job, step, at, name) DO UPDATE SET value = activity.value + excluded.value"
)


class Terms:
    """
    The terms on which a database takes transactions: whose clock, what begins and ends each, which failures pass.

    These are SQLite's: the machine's clock, and nothing else.
    """

    longest_wait_seconds: float | None = None  # for an answer; None: however long it takes

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_closing = False  # then nothing is tried again

    def now_ms(self, _conn: Connection) -> int:
        """Return the ledger's time."""
        return self.clock.now_ms()

    def begin(self, conn: Connection) -> int:
        """Do what comes before the first work that writes; return the ledger's time in ms."""
        return self.now_ms(conn)

    def end(self, _txn: Txn) -> None:
        """Do what comes after the last work, before the commit."""

    def may_try_again(self, _error: DBAPIError, _began: float) -> bool:
        """
        Return, after waiting where that helps, whether what failed for certain should be done again.

        Args:
            began: monotonic seconds when it was first tried.
        """
        return False

    def is_away(self, _error: Exception) -> bool:
        """Return whether there was no connection to be had, so that no other work would do better."""
        return False


class CommitInDoubt(Unavailable):
    """Nobody knows whether this was kept; look before you do it again."""


def run_together(engine: Engine, terms: Terms, works: Sequence[Work[Any]]) -> list[Any]:
    """
    Run *works* in one transaction and return their results in order; a failed one's result is its exception.

    Raises:
        CommitInDoubt: all of them are kept, or none.
        DBAPIError: none of them is kept.
    """
    try:
        return _patiently(terms, lambda: _in_one_transaction(engine, terms, works))
    except CommitInDoubt:
        raise
    except Exception as error:
        if len(works) == 1 or terms.is_away(error):
            raise
    return [_alone(engine, terms, work) for work in works]


def _alone(engine: Engine, terms: Terms, work: Work[Any]) -> Any:
    try:
        return run_together(engine, terms, [work])[0]
    except Exception as error:  # noqa: BLE001 - it is that work's result
        return error


def _in_one_transaction(engine: Engine, terms: Terms, works: Sequence[Work[Any]]) -> list[Any]:
    with engine.connect() as conn:
        transaction = conn.begin()
        txn = Txn(conn, terms.begin(conn), terms.clock.monotonic())
        results = do_all(txn, works)
        add_to_counters(txn)
        add_to_activity(txn)
        terms.end(txn)
        try:
            transaction.commit()
        except DBAPIError as error:
            raise CommitInDoubt(IN_DOUBT) from error
        return results


def read_only(engine: Engine, terms: Terms, work: Work[T]) -> T:
    def read() -> T:
        with engine.connect() as conn, conn.begin() as transaction:
            try:
                return work(Txn(conn, terms.now_ms(conn)))
            finally:
                transaction.rollback()

    return _patiently(terms, read)


def _patiently(terms: Terms, attempt: Callable[[], T]) -> T:
    began = terms.clock.monotonic()
    while True:
        try:
            return attempt()
        except DBAPIError as error:
            if terms.is_closing or not terms.may_try_again(error, began):
                raise


def as_ours(error: BaseException) -> BaseException:
    """Name a driver's failure by what the caller must do: nothing was kept, ask again."""
    if isinstance(error, DBAPIError) and not isinstance(error, UsherError):
        ours = Unavailable(BUSY)
        ours.__cause__ = error
        return ours
    return error


class InlineDatabase:
    """Runs each work at once, in the caller's thread: for virtual time, tests and short commands."""

    def __init__(self, engine: Engine, *, clock: Clock, terms: Terms | None = None) -> None:
        self._engine = engine
        self._terms = terms or Terms(clock)

    async def write(self, work: Work[T]) -> T:
        try:
            result: T = run_together(self._engine, self._terms, [work])[0]
        except DBAPIError as error:
            raise as_ours(error) from error
        return result

    async def read(self, work: Work[T]) -> T:
        try:
            return read_only(self._engine, self._terms, work)
        except DBAPIError as error:
            raise as_ours(error) from error

    async def close(self) -> None:
        self._engine.dispose()


@dataclass(slots=True)
class _Waiting:
    work: Work[Any]
    future: Future[Any]
    loop: AbstractEventLoop


def _nothing(_: Txn) -> None:
    """What is left of a work that nobody waits for any more."""


def _end(_: Txn) -> None:
    """The last work of a thread; it is not run."""


_Queue = queue.SimpleQueue[_Waiting]


class ThreadedDatabase:
    """
    One thread writes for everybody and commits in groups; each further connection reads in a thread of its own.

    Its own reads go through the first of *readers*; those that would keep them waiting go *through* another.
    """

    def __init__(self, writer: Engine, *readers: Engine, clock: Clock, terms: Terms | None = None) -> None:
        self._terms = terms or Terms(clock)
        self._engines = (writer, *readers)
        self._writes: _Queue = queue.SimpleQueue()
        self._reads: list[_Queue] = [queue.SimpleQueue() for _ in readers]
        loops = [(self._read_loop, lane) for lane in zip(readers, self._reads, strict=True)]
        self._threads = [
            threading.Thread(target=self._write_loop, name="usher-writer", daemon=True),
            *(threading.Thread(target=loop, args=lane, name="usher-reader", daemon=True) for loop, lane in loops),
        ]
        self._is_closed = False
        for thread in self._threads:
            thread.start()

    async def write(self, work: Work[T]) -> T:
        return await self._ask(self._writes, work)

    async def read(self, work: Work[T]) -> T:
        return await self._ask(self._reads[0], work)

    def through(self, reader: int) -> Database:
        """Return this database for those who read through another connection; a write is seen by all at once."""
        return _Through(self, lambda work: self._ask(self._reads[reader], work))

    async def close(self) -> None:
        """See *Database*; cancel it to leave threads behind that a hanging database keeps, and the process may end."""
        if self._is_closed:
            return
        self._is_closed = self._terms.is_closing = True
        loop = get_running_loop()
        ends = [_Waiting(_end, loop.create_future(), loop) for _ in self._engines]
        for waiting, end in zip((self._writes, *self._reads), ends, strict=True):
            waiting.put(end)
        await gather(*(end.future for end in ends))
        for thread in self._threads:
            thread.join(END_SECONDS)  # it has nothing left to do
        for engine in self._engines:
            engine.dispose()

    async def _ask(self, waiting: _Queue, work: Work[T]) -> T:
        if self._is_closed:
            raise Unavailable("Usher is stopping; ask again when it is back.")
        if waiting.qsize() >= MOST_WAITING:
            raise Unavailable(BUSY)
        loop = get_running_loop()
        item = _Waiting(work, loop.create_future(), loop)
        waiting.put(item)
        try:
            async with timeout(self._terms.longest_wait_seconds) as patience:
                found: T = await item.future
                return found
        except TimeoutError:
            if not patience.expired():
                raise
            item.work = _nothing
            raise CommitInDoubt(IN_DOUBT) if waiting is self._writes else Unavailable(BUSY) from None

    def _write_loop(self) -> None:
        end = None
        while end is None:
            batch, end = self._next_batch()
            batch.sort(key=lambda item: place_of(item.work))
            if batch:
                self._write(batch)
        _answer([end], [None])

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            results = run_together(self._engines[0], self._terms, [item.work for item in batch])
        except Exception as error:  # noqa: BLE001 - a loop's top: the error goes to those who wait
            results = [error] * len(batch)
        _answer(batch, results)

    def _next_batch(self) -> tuple[list[_Waiting], _Waiting | None]:
        """Return what waits, and the end where nothing follows it."""
        item = self._writes.get()
        batch: list[_Waiting] = []
        while item.work is not _end:
            batch.append(item)
            if len(batch) == MOST_WORKS_A_COMMIT:
                return batch, None
            try:
                item = self._writes.get_nowait()
            except queue.Empty:
                return batch, None
        return batch, item

    def _read_loop(self, reader: Engine, reads: _Queue) -> None:
        while (item := reads.get()).work is not _end:
            try:
                result = read_only(reader, self._terms, item.work)
            except Exception as error:  # noqa: BLE001 - a loop's top: the error goes to the one who waits
                _answer([item], [error])
            else:
                _answer([item], [result])
        _answer([item], [None])


@dataclass(frozen=True, slots=True)
class _Through:
    """Implements Database over another one, all but how it reads."""

    whole: Database
    ask: Callable[[Work[Any]], Awaitable[Any]]

    async def write(self, work: Work[T]) -> T:
        return await self.whole.write(work)

    async def read(self, work: Work[T]) -> T:
        found: T = await self.ask(work)
        return found

    async def close(self) -> None:
        await self.whole.close()


def _answer(batch: list[_Waiting], results: list[Any]) -> None:
    def tell() -> None:
        for item, result in zip(batch, results, strict=True):
            if item.future.done():
                continue
            if isinstance(result, BaseException):
                item.future.set_exception(as_ours(result))
            else:
                item.future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
        batch[0].loop.call_soon_threadsafe(tell)
