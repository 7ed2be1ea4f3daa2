"""Looking which server it is goes on for as long as the process does, whatever goes wrong in between."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import structlog

from tests.clocks import ManualClock
from usher.errors import Unavailable
from usher.wiring import Service, _mind_server


class Troubled:
    """A database that fails in each of these ways, and then is asked in vain."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.is_asked_again = asyncio.Event()

    async def write(self, _work: Any) -> Any:
        if self._errors:
            raise self._errors.pop(0)
        self.is_asked_again.set()
        await asyncio.Event().wait()

    read = write


async def test_no_failure_ends_the_looking_and_one_that_is_not_the_databases_is_told() -> None:
    database, is_back = Troubled(OSError(), Unavailable()), asyncio.Event()
    desk = SimpleNamespace(database=database, timing=SimpleNamespace(hold_ms=1))
    engine = SimpleNamespace(refresh=lambda: None)
    service = SimpleNamespace(desk=desk, engine=engine, store=SimpleNamespace(clock=ManualClock()))
    is_back.set()
    with structlog.testing.capture_logs() as said:
        minding = asyncio.create_task(_mind_server(cast("Service", service), is_back))
        await asyncio.wait_for(database.is_asked_again.wait(), 10)
        minding.cancel()

    assert [line["event"] for line in said] == ["server_not_minded"]
