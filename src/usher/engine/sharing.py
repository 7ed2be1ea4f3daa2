"""
What several workers share: each courier's part of the limits, and which of them looks after the house.

Beats once a second. A new share is in force before the next beat tells the others so.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from usher.clock import Clock
from usher.domain.breaker import Breaker
from usher.domain.crew import BEAT_SECONDS, Crew
from usher.domain.pace import Limits
from usher.domain.worker import Standing, Stay, Worker, down_until, found_by, scan_lease
from usher.engine.crew import CrewKeeper
from usher.engine.verdicts import Verdicts
from usher.errors import Unavailable

HOUSE = "house"  # the lease on what one worker does for all: sweeps, probes, pruning, reconciles, completion
NOT_SENDING = Limits(per_second=0.0, in_flight=0)

logger = structlog.get_logger("usher.engine")


class Sender(Protocol):
    """What sends for one Mapp authorization."""

    limits: Limits
    verdicts: Verdicts
    in_flight: int

    def ring(self) -> None: ...


class Sharing:
    """
    Gives each of *senders* its share, by Mapp authorization.

    Args:
        crew: this worker's place among the others.
        senders: those of this worker; looked at anew each time.
    """

    def __init__(self, crew: CrewKeeper, *, clock: Clock, senders: Mapping[str, Sender]) -> None:
        self._has_house = False
        self._crew = crew
        self._clock = clock
        self._senders = senders

    @property
    def may_claim(self) -> bool:
        return self._crew.may_claim

    @property
    def is_keeper(self) -> bool:
        """Whether this worker looks after the house; one that was stopped and goes on beats before it does."""
        return self._has_house and self._crew.may_claim

    def share(self, limits: Limits) -> Limits:
        """Return what of *limits* this worker may use now."""
        if not self._crew.crew.may_send:
            return NOT_SENDING
        return Limits(self._crew.rate_share(limits.per_second), self._crew.in_flight_share(limits.in_flight))

    async def keep(self) -> None:
        """Beat until cancelled."""
        while True:
            try:
                await self.beat()
            except Unavailable:
                logger.warning("database_unavailable")
            except Exception:
                logger.exception("beat_failed")
            await self._clock.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Tell the others how this worker stands, and take what share is left to it."""
        before = self._crew.crew
        crew = await self._crew.beat({auth_id: self._standing(sender) for auth_id, sender in self._senders.items()})
        self._apply(before, crew)
        self._has_house = await self._crew.take_lease(HOUSE)

    def _apply(self, before: Crew, crew: Crew) -> None:
        is_within, is_back = True, before.me is not None and crew.me != before.me
        for auth_id, sender in self._senders.items():
            if is_back:
                sender.verdicts.breaker = Breaker()  # an outage that it saw before it was taken for dead is an old one
            share, pace = self.share(sender.limits), sender.verdicts.pace
            could_send = pace.max_in_flight > 0 and pace.per_second != 0
            pace.limit_to(share)
            self._share_what_was_found(auth_id, sender, before, crew)
            is_within &= sender.in_flight <= share.in_flight
            if share.allow_some and not could_send:
                sender.ring()
        if is_within:
            self._crew.applied(crew)

    def _share_what_was_found(self, auth_id: str, sender: Sender, before: Crew, crew: Crew) -> None:
        if crew.size == 1:
            return
        pace = sender.verdicts.pace
        if before.size and crew.size != before.size:
            pace.scale(before.size / crew.size)
        now, silent_until = self._clock.monotonic(), self._crew.silent_until(auth_id)
        pace.learn(found=found_by(self._others(), auth_id), silent_until=silent_until, now=now)

    def _others(self) -> list[Worker]:
        return [worker for worker in self._crew.workers if worker.id != self._crew.id]

    def _standing(self, sender: Sender) -> Standing:
        now, verdicts = self._clock.monotonic(), sender.verdicts
        told = Standing(found_per_second=verdicts.pace.found(now), in_flight=sender.in_flight)
        if not self._crew.workers:
            return told
        silent, down = verdicts.pace.silent_until(now), verdicts.breaker.open_until if self.may_claim else None
        return replace(
            told,
            silent_until_ms=None if silent is None else self._crew.ledger_ms(silent),
            down_until_ms=None if down is None else self._crew.ledger_ms(down),
        )

    def down_until_ms(self, auth_id: str) -> int | None:
        """Return until when any worker takes Mapp for down, this one as it stands now."""
        told = down_until(self._others(), auth_id)
        sender = self._senders.get(auth_id)
        mine = None if sender is None else self._standing(sender).down_until_ms
        return max((moment for moment in (told, mine) if moment is not None), default=None)

    def pace_of(self, auth_id: str) -> tuple[float | None, int]:
        """Return the rate in force (None: unlimited) and the requests alive, of all workers together."""
        sender = self._senders.get(auth_id)
        theirs = [worker.standing[auth_id] for worker in self._others() if auth_id in worker.standing]
        if sender is None:
            return None, sum(standing.in_flight for standing in theirs)
        mine = self._standing(sender)
        alive = mine.in_flight + sum(standing.in_flight for standing in theirs)
        found = [rate for one in (mine, *theirs) if (rate := one.found_per_second) is not None]
        rates = [rate for rate in (sender.limits.per_second, sum(found) if found else None) if rate is not None]
        return min(rates, default=None), alive

    async def takes(self, name: str) -> bool:
        """Return whether this worker holds a lease now, taking it where nobody does."""
        return await self._crew.take_lease(name)

    async def take_scan(self, job: int) -> bool:
        """Return whether this worker may scan for *job* now."""
        return await self._crew.take_lease(scan_lease(job))

    @property
    def stay(self) -> Stay | None:
        """What leases that are taken now are held on."""
        return self._crew.crew.me

    def holds_since(self, stay: Stay | None) -> bool:
        """Return whether leases that were taken on *stay* are this worker's still, for certain."""
        return self._crew.may_claim and self.stay == stay

    async def release_scan(self, job: int) -> None:
        """Let another worker scan for *job*."""
        await self._crew.release_lease(scan_lease(job))

    async def leave(self) -> None:
        """Leave all to the others; call it when nothing is in flight."""
        self._has_house = False
        await self._crew.leave()
