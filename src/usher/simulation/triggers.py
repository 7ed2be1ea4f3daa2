"""
How Lytics tells of people who come and go: late, twice, out of order, or never.

What was not answered with 200 is told again, until it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from usher.clock import iso_from_ms
from usher.domain.observation import NS_PER_MS
from usher.simulation.draws import AUDIENCE
from usher.simulation.lytics import SLUG
from usher.simulation.stage import Stage
from usher.simulation.worker import OK, SimulatedWorker

ANSWER_SECONDS = 5.0  # that Lytics waits
AGAIN_SECONDS = 2.0
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Trigger:
    """
    One change as Lytics tells it.

    Args:
        at_ms: when it was, by Lytics' clock.
        claimed_ms: when Lytics says that it was, None where it does not say.
    """

    member: str
    is_in: bool
    at_ms: int
    claimed_ms: int | None

    @property
    def has_own_time(self) -> bool:
        return self.claimed_ms == self.at_ms

    def body(self) -> bytes:
        kind = "enter" if self.is_in else "exit"
        told = {"id": AUDIENCE, "slug": SLUG, "event": kind}
        if self.claimed_ms is not None:
            told[kind] = iso_from_ms(self.claimed_ms)
        return msgspec.json.encode({"id": "1", "data": {"email": self.member, "segment_events": [told]}, "meta": {}})

    def least_version(self, received_ms: int) -> int:
        """Return the least version that it may have been taken in as, when it was first sent at *received_ms*."""
        return (self.at_ms if self.has_own_time else received_ms) * NS_PER_MS


class Webhook:
    """
    Sends triggers to whichever worker is there.

    Args:
        acknowledged: called with each trigger that was answered 200, and the version it has at least.

    *waiting*: how many were not acknowledged yet; *busy*: whose next change has to wait for that.
    """

    def __init__(
        self,
        stage: Stage,
        workers: Callable[[], Sequence[SimulatedWorker]],
        acknowledged: Callable[[Trigger, int], None],
    ) -> None:
        self.waiting = 0
        self.busy: set[str] = set()
        self._open: dict[str, list[tuple[SimulatedWorker, asyncio.Task[int]]]] = {}
        self._stage = stage
        self._workers = workers
        self._acknowledged = acknowledged

    def tell(self, member: str, *, is_in: bool, at_ms: int) -> None:
        """Tell of one change, or lose it."""
        happens, rng = self._stage.happens, self._stage.rng
        if happens("trigger lost"):
            self._stage.note("Lytics", f"loses the trigger of {member.partition('@')[0]}")
            return
        claimed: int | None = at_ms
        if happens("trigger without time"):
            claimed = None
        elif happens("trigger from the future"):
            claimed = at_ms + DAY_MS
        trigger = Trigger(member, is_in, at_ms, claimed)
        if not trigger.has_own_time:  # nobody could order such triggers, so there is only one at a time
            self.busy.add(member)
            self._send(trigger, 0.0)
            return
        self._send(trigger, rng.uniform(0, 15) if happens("trigger late") else rng.uniform(0, 0.3))
        if happens("trigger doubled"):
            self._send(trigger, rng.uniform(0, 10))

    def _send(self, trigger: Trigger, seconds: float) -> None:
        self.waiting += 1
        self._stage.start(self._deliver(trigger, seconds))

    async def _deliver(self, trigger: Trigger, seconds: float) -> None:
        await asyncio.sleep(seconds)
        first_ms = self._stage.now_ms()
        while not await self._is_taken(trigger, first_ms):  # noqa: ASYNC110 - as Lytics asks again
            await asyncio.sleep(self._stage.rng.uniform(0.5, 1) * AGAIN_SECONDS)
        self.waiting -= 1
        if not trigger.has_own_time:
            await self._forgotten(trigger.member)

    async def _forgotten(self, member: str) -> None:
        """Wait until no worker can take in an earlier sending of it any more."""
        sent = self._open.pop(member, [])
        while not all(worker.is_gone or answering.done() for worker, answering in sent):  # noqa: ASYNC110 - as people do
            await asyncio.sleep(1)
        self.busy.discard(member)

    async def _is_taken(self, trigger: Trigger, first_ms: int) -> bool:
        there = [worker for worker in self._workers() if not worker.is_gone]
        if not there:
            return False
        worker = there[int(self._stage.rng.random() * len(there))]
        answering = worker.receive(trigger.body())
        self._open.setdefault(trigger.member, []).append((worker, answering))
        done, _ = await asyncio.wait({answering}, timeout=ANSWER_SECONDS)
        if not done or answering.result() != OK:
            return False
        self._stage.note(worker.name, f"acknowledges that {_named(trigger)}")
        self._acknowledged(trigger, trigger.least_version(first_ms))
        return not (trigger.has_own_time and self._stage.happens("answer to Lytics lost"))


def _named(trigger: Trigger) -> str:
    return f"{trigger.member.partition('@')[0]} {'entered' if trigger.is_in else 'left'}"
