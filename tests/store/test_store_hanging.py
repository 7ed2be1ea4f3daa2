"""A database that neither answers nor goes away: whoever asks hears so in time, and the process can end."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from tests.clocks import ManualClock
from usher.errors import Unavailable
from usher.store import database
from usher.store.database import CommitInDoubt, Terms, ThreadedDatabase, Txn
from usher.store.opening import FILE_NAME
from usher.store.postgres import PATIENCE_SECONDS, PostgresTerms
from usher.store.sqlite import reader_engine, writer_engine

SOON = 10  # seconds
MOMENT = 0.02  # seconds; what hangs here hangs until the test lets it go on


class Hanging:
    """A database whose works hang until *go_on*."""

    def __init__(self, folder: Path, terms: Terms) -> None:
        path = folder / FILE_NAME
        self._engines = writer_engine(path), reader_engine(path)
        before = set(threading.enumerate())
        self._terms = terms
        self.database = ThreadedDatabase(*self._engines, clock=ManualClock(), terms=terms)
        self.threads = set(threading.enumerate()) - before
        self.is_in = threading.Event()
        self.go_on = threading.Event()

    def hang(self, _: Txn) -> bool:
        self.is_in.set()
        return self.go_on.wait(SOON)

    async def hang_up(self) -> asyncio.Future[bool]:
        """Begin a write that hangs."""
        writing = asyncio.ensure_future(self.database.write(self.hang))
        assert await asyncio.to_thread(self.is_in.wait, SOON)
        return writing

    def lose_patience(self) -> None:
        """Whoever asks from now on waits a moment only."""
        self._terms.longest_wait_seconds = MOMENT

    def end(self) -> None:
        self.go_on.set()
        for thread in self.threads:
            thread.join(SOON)
        for engine in self._engines:
            engine.dispose()


@pytest.fixture
def hanging(folder: Path) -> Iterator[Hanging]:
    """A database, and its end."""
    made = Hanging(folder, Terms(ManualClock()))
    yield made
    made.end()


async def test_a_write_that_nobody_answers_is_in_doubt_and_a_read_is_not(hanging: Hanging) -> None:
    hanging.lose_patience()
    with pytest.raises(CommitInDoubt):
        await hanging.database.write(hanging.hang)
    with pytest.raises(Unavailable) as caught:
        await hanging.database.read(hanging.hang)
    assert not isinstance(caught.value, CommitInDoubt)
    hanging.go_on.set()
    await hanging.database.close()


async def test_what_nobody_waits_for_any_more_is_not_begun(hanging: Hanging) -> None:
    done: list[str] = []
    writing = await hanging.hang_up()
    hanging.lose_patience()
    with pytest.raises(CommitInDoubt):
        await hanging.database.write(lambda _: done.append("late"))
    hanging.go_on.set()
    assert await writing
    await hanging.database.close()

    assert done == []


async def test_a_timeout_of_the_works_own_is_passed_on(hanging: Hanging) -> None:
    def give_up(_: Txn) -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await hanging.database.write(give_up)
    await hanging.database.close()


async def test_no_more_waits_for_a_hanging_database_than_memory_has_room_for(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MOST_WAITING", 3)
    writing = await hanging.hang_up()
    hanging.lose_patience()
    answers = await asyncio.gather(*(hanging.database.write(hanging.hang) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [CommitInDoubt] * 3 + [Unavailable] * 2
    hanging.go_on.set()
    assert await writing
    await hanging.database.close()


def test_on_postgresql_an_answer_is_waited_for_longer_than_patience_lasts() -> None:
    limit = PostgresTerms.longest_wait_seconds
    assert limit is not None
    assert PATIENCE_SECONDS < limit < 2 * PATIENCE_SECONDS
    assert Terms.longest_wait_seconds is None, "a file has no server that could hang"


async def test_whoever_does_not_wait_for_a_close_leaves_nothing_that_keeps_the_process(folder: Path) -> None:
    hanging = Hanging(folder, Terms(ManualClock()))
    writing = await hanging.hang_up()
    lasting = lasting_threads()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await hanging.database.close()

    assert lasting_threads() == lasting
    with pytest.raises(Unavailable, match="stopping"):
        await hanging.database.write(hanging.hang)
    hanging.end()
    assert await writing, "what was asked before is answered all the same"
    assert not any(thread.is_alive() for thread in hanging.threads)


def lasting_threads() -> set[threading.Thread]:
    """The threads that the end of the process waits for."""
    return {thread for thread in threading.enumerate() if not thread.daemon}


class Patient(Terms):
    """Always ready to try again, as soon as the test says so."""

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self.is_asked = threading.Event()
        self.answer = threading.Event()
        self.left = 3

    def may_try_again(self, _error: DBAPIError, _began: float) -> bool:
        self.is_asked.set()
        self.left -= 1
        return self.answer.wait(SOON) and self.left > 0


async def test_nothing_is_tried_again_once_it_closes(folder: Path) -> None:
    terms, tries = Patient(), []
    hanging = Hanging(folder, terms)

    def fail(_: Txn) -> None:
        tries.append(1)
        raise DBAPIError("", {}, Exception())

    writing = asyncio.ensure_future(hanging.database.write(fail))
    assert await asyncio.to_thread(terms.is_asked.wait, SOON)
    closing = asyncio.ensure_future(hanging.database.close())
    await asyncio.sleep(0)
    terms.answer.set()
    with contextlib.suppress(Unavailable):
        await writing
    await closing

    assert len(tries) == 2, "the try that was promised, and none after it"
