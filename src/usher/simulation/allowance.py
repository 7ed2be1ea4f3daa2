"""Whether all workers together keep to what a person allows for the account: how many at once, how many a second."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from usher.simulation.loop import PROCESS, Process, State
from usher.simulation.stage import Stage


class Sender(Protocol):
    """One worker, with how many requests it waits for."""

    process: Process

    @property
    def in_flight(self) -> int: ...


class Allowance:
    """
    Counts requests as they are sent.

    Requests of workers that are dead or stopped are left out, and so are those of one that has just gone on: when
    they are sent is no longer theirs to say, and their expiry bounds it.
    """

    def __init__(self, stage: Stage, senders: Callable[[], Sequence[Sender]]) -> None:
        self._stage = stage
        self._senders = senders
        self._sent: deque[float] = deque()
        self._last: Process | None = None

    def sent(self) -> None:
        """Count one request that goes out now."""
        draw = self._stage.draw
        at_once = sum(one.in_flight for one in self._senders() if self._counts(one.process))
        if at_once > draw.in_flight:
            self._stage.breaks("no more requests are alive than allowed", f"{at_once} of {draw.in_flight}")
        if draw.limit_per_second is not None:
            self._mind_rate(draw.limit_per_second)

    def _counts(self, process: Process) -> bool:
        since = self._stage.loop.time() - self._stage.draw.timing.request_timeout_seconds
        return process.state is State.RUNNING and process.went_on_at < since

    def _mind_rate(self, per_second: float) -> None:
        now, window = self._stage.loop.time(), max(1.0, 1 / per_second)
        process = PROCESS.get()
        if process is None or now - process.went_on_at < 2 * window:
            return
        if self._stage.draw.is_alone and process is not self._last:
            self._sent.clear()  # an owner that begins anew does not know what was sent in the last moment before it
        self._last = process
        self._sent.append(now)
        while self._sent[0] <= now - window:
            self._sent.popleft()
        most = max(1, int(per_second))
        if len(self._sent) > most:
            seen = f"{len(self._sent)} in {window:g} s, where {most} are allowed"
            self._stage.breaks("no more requests a second than allowed", seen)
