"""
Keeps a worker in the crew: beats, remembers who else is there, and says what this worker may use now.

A beat that fails changes nothing; what was known stays in force until it is too old to claim by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from usher.clock import Clock
from usher.domain.crew import Crew, Seat, lives_ms
from usher.domain.worker import Standing, Stay, Worker, silent_until
from usher.errors import Unavailable

logger = structlog.get_logger("usher.engine")


class CrewStore(Protocol):
    """Keeps who works on the ledger, and who holds which lease."""

    async def beat(self, worker: Worker) -> list[Worker]:
        """
        Write down that *worker* is there and return all that are, itself on the stay that holds now. Safe to repeat.

        Raises:
            Unavailable: perhaps nothing was written; beat again.
        """

    async def leave(self, worker: str) -> None:
        """Drop the worker with this id, and its leases. Safe to repeat."""

    async def take_lease(self, name: str, worker: str) -> bool:
        """Take a lease that nobody alive holds; return whether the worker holds it now. Safe to repeat."""

    async def release_lease(self, name: str, worker: str) -> None:
        """Let go of a lease, if the worker holds it. Safe to repeat."""


class Alone:
    """A CrewStore for who owns the ledger alone: nobody else could be there, so nothing is written down."""

    async def beat(self, worker: Worker) -> list[Worker]:
        return [worker]

    async def leave(self, worker: str) -> None:
        """Nobody is told."""

    async def take_lease(self, name: str, worker: str) -> bool:
        return True

    async def release_lease(self, name: str, worker: str) -> None:
        """Nobody waits for it."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the last beat that was answered told: everybody, and the ledger's time at a moment of ours."""

    workers: tuple[Worker, ...] = ()
    began: float = 0.0
    ended: float = 0.0
    ledger_ms: int = 0


class CrewKeeper:
    """
    This worker's place in the crew.

    Whoever owns it, about once a second: beats, uses the shares that hold now, and once no more requests are alive
    than the crew's share allows, says so by *applied*. Until then, a worker that joined waits.

    Args:
        identity: who this is; its stay, what it knows and how it stands are filled in here.
        is_alone: nobody else can work on this data, so there is nobody to wait for.
    """

    def __init__(
        self, store: CrewStore, *, identity: Worker, clock: Clock, send_room_seconds: float, is_alone: bool = False
    ) -> None:
        self._store = store
        self._clock = clock
        self._identity = replace(identity, lives_ms=lives_ms(send_room_seconds=send_room_seconds))
        self._seat = Seat(identity.id, is_alone=is_alone)
        self._heard = _Heard()

    @property
    def id(self) -> str:
        return self._identity.id

    @property
    def crew(self) -> Crew:
        """The crew as the last beat that was answered showed it."""
        return self._seat.crew

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Everybody, as they stood then; this worker too."""
        return self._heard.workers

    @property
    def may_claim(self) -> bool:
        """Whether anything may be claimed now; what is claimed may be sent until its room ends."""
        return self._seat.may_claim(self._clock.monotonic())

    def rate_share(self, per_second: float | None) -> float | None:
        """Return how much of a rate this worker may use now: 0 none, None as much as it likes. Ask again each beat."""
        return self._seat.rate_share(per_second, self._clock.monotonic())

    def in_flight_share(self, limit: int) -> int:
        """Return how many of *limit* requests this worker may have alive."""
        return self.crew.share_of(limit)

    async def beat(self, standing: Mapping[str, Standing]) -> Crew:
        """
        Tell the others how this worker stands, and return who is there; the last known where the store is away.

        Args:
            standing: by Mapp authorization; moments in it are the ledger's (*ledger_ms*).
        """
        began = self._clock.monotonic()
        said = replace(self._identity, knows=self._seat.adopted, standing=standing)
        try:
            workers = await self._store.beat(said)
        except Unavailable:
            logger.warning("beat_not_kept")
            return self.crew
        self._take_in(workers, began=began)
        return self.crew

    def applied(self, crew: Crew) -> None:
        """Let the next beat say that *crew* is known: nothing of this worker uses more than its shares any more."""
        self._seat = self._seat.adopt(crew)

    async def leave(self) -> None:
        """Go, when nothing is in flight and nothing will be sent any more."""
        self._seat = Seat(self.id, is_alone=self._seat.is_alone)
        await self._store.leave(self.id)

    async def take_lease(self, name: str) -> bool:
        """Take a lease that nobody alive holds; return whether this worker holds it now."""
        return await self._store.take_lease(name, self.id)

    async def release_lease(self, name: str) -> None:
        """Let go of a lease, if this worker holds it."""
        await self._store.release_lease(name, self.id)

    def ledger_ms(self, moment: float) -> int:
        """Return a monotonic moment by the ledger's clock, not too early; only after a beat that was answered."""
        return self._heard.ledger_ms + round((moment - self._heard.began) * 1000)

    def silent_until(self, auth_id: str) -> float | None:
        """Return until when (monotonic, not too early) a Mapp authorization is left alone, as anybody was told."""
        until_ms = silent_until(self._heard.workers, auth_id)
        return None if until_ms is None else self._heard.ended + (until_ms - self._heard.ledger_ms) / 1000

    def _take_in(self, workers: list[Worker], *, began: float) -> None:
        now = self._clock.monotonic()
        mine = next(worker for worker in workers if worker.id == self.id)
        self._note_stay(mine.stay)
        self._identity = replace(self._identity, stay=mine.stay)
        self._seat = self._seat.show(workers, begun=began, now=now)
        self._heard = _Heard(tuple(workers), began=began, ended=now, ledger_ms=mine.seen_ms)

    def _note_stay(self, stay: Stay) -> None:
        former = self.crew.me
        if former is not None and stay != former:
            logger.warning("was_taken_for_dead", worker=self.id)


def alone(clock: Clock, *, send_room_seconds: float) -> CrewKeeper:
    """Return the place of a worker that owns its ledger."""
    me = Worker(Stay(0, "alone"), kind="serve", host="", pid=0, lives_ms=0)
    return CrewKeeper(Alone(), identity=me, clock=clock, send_room_seconds=send_room_seconds, is_alone=True)
