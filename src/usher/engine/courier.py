"""
Sends what the jobs of one Mapp authorization owe: claim, send within the room, settle.

One courier serves one authorization, so that its pace, its breaker and its faults are its own.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from random import Random

import structlog

from usher.clock import Clock
from usher.domain.attribute import Target
from usher.domain.claim import Settlement
from usher.domain.job import SENDING, Cause, Job, Status
from usher.domain.outcome import Accepted, Late, Outcome, StopJob, Unknown
from usher.domain.pace import Limits, Pace
from usher.engine.buffer import Buffer, Held
from usher.engine.ports import DeliveryStore, Mapp
from usher.engine.telemetry import Telemetry
from usher.engine.verdicts import Verdicts
from usher.errors import Unavailable
from usher.settings import Timing

LIVE, BULK = 0, 1
LANES = (LIVE, BULK)
BUFFER_SECONDS = 0.25  # of sending, held ahead so that claims never keep the wire waiting
MOST_BUFFERED = 1_000
MOST_SETTLED_AT_ONCE = 500
GATHER_SECONDS = 0.005
EXPIRY_GRAIN_SECONDS = 1.0  # a request's expiry is in whole seconds, so the last one of the room cannot be used
LOOK_AGAIN_SECONDS = 5.0
UNTOLD_SECONDS = 0.05  # a job ended or moved, and this courier is about to be told
LEAST_WAIT_SECONDS = 0.001  # a shorter wait may round to none, and spin
NS_PER_SECOND = 1_000_000_000

logger = structlog.get_logger("usher.engine")


class Courier:
    """
    Serves one authorization until stopped.

    Args:
        mapp: the account, with its newest credentials.
        limits: what a person allows for it, of which *pace* is this worker's share.
        pace: how fast this worker may speak to it.
        may_claim: whether this worker may take rows now.
        notify: called when a job of it must change its state: a refusal, an outage, the end of either.
    """

    def __init__(
        self,
        auth_id: str,
        *,
        mapp: Mapp,
        limits: Limits,
        pace: Pace,
        may_claim: Callable[[], bool],
        store: DeliveryStore,
        clock: Clock,
        rng: Random,
        timing: Timing,
        telemetry: Telemetry,
        notify: Callable[[], None],
    ) -> None:
        self.auth_id = auth_id
        self.limits = limits
        self.verdicts = Verdicts(pace, rng=rng)
        self.in_flight = 0
        self._mapp = mapp
        self._may_claim = may_claim
        self._store = store
        self._clock = clock
        self._timing = timing
        self._telemetry = telemetry
        self._notify = notify
        self._jobs: dict[int, Job] = {}
        self._targets: dict[int, Target] = {}
        self._buffer = Buffer()
        self._look_at: dict[tuple[int, int], float] = {}
        self._owing_nothing: set[int] = set()
        self._turn = 0
        self._done: list[Settlement] = []
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._is_stopping = False
        self._sends: set[asyncio.Task[None]] = set()

    def use(self, mapp: Mapp, limits: Limits, share: Limits) -> None:
        """Go on with new credentials or limits; what the old ones were refused for is forgotten, the pace is not."""
        self._mapp, self.limits = mapp, limits
        self.verdicts.pace.limit_to(share)
        self.resume()

    def resume(self) -> None:
        """Send again after the authorization was refused."""
        self.verdicts.stopped, self.verdicts.is_stop_known = None, False
        self.ring()

    def serve(self, jobs: Iterable[Job]) -> None:
        """Serve these jobs from now on; those not named are sent nothing more."""
        self._jobs = {job.key: job for job in jobs}
        self._targets = {key: job.target for key, job in self._jobs.items()}
        self.verdicts.keep_only(self._jobs)
        self._look_at = {look: at for look, at in self._look_at.items() if look[0] in self._jobs}
        self._wake.set()

    def ring(self) -> None:
        """Something may be owed at once: look again."""
        self._look_at.clear()
        self._owing_nothing.clear()
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled or stopped."""
        settler = asyncio.create_task(self._settle_until_stopped())
        try:
            while not self._is_stopping:
                self._wake.clear()
                try:
                    await self._top_up()
                except Unavailable:
                    await self._clock.sleep(1)
                if not self._is_stopping:
                    await self._wait_for_work(self._send_what_may_go())
        finally:
            self._is_stopping = True
            self._give_back(self._buffer.drain(), "Usher is stopping.")
            await settler

    async def stop(self, *, within_seconds: float) -> None:
        """Send nothing more, give back what was not sent, and wait for what is in flight."""
        self._is_stopping = True
        self._wake.set()
        self._give_back(self._buffer.drain(), "Usher is stopping.")
        if self._sends:
            _, late = await asyncio.wait(self._sends, timeout=within_seconds)
            for send in late:
                send.cancel()
        self._settled.set()

    @property
    def _has_share(self) -> bool:
        """Whether other workers leave anything to this one, and know of it."""
        pace = self.verdicts.pace
        return self._may_claim() and pace.max_in_flight > 0 and pace.per_second != 0

    async def _top_up(self) -> None:
        for lane in LANES if self._has_share else ():
            size, held = self._buffer_size(), self._buffer.held(lane)
            wanted = size - held if held <= size // 2 else 0  # few large claims cost less than many small ones
            keys = self._keys_to_look_at(lane) if wanted > 0 else []
            for key in keys:
                await self._claim(key, lane, limit=self._claim_limit(key, -(-wanted // len(keys))))
        self._forget_outage_if_idle()

    def _forget_outage_if_idle(self) -> None:
        """Where nothing is owed that could show whether Mapp answers again, let the next change show it."""
        now, breaker = self._clock.monotonic(), self.verdicts.breaker
        if breaker.open_until is None or now < breaker.open_until or self.in_flight or len(self._buffer):
            return
        if {key for key in self._jobs if self._may_send(key)} <= self._owing_nothing:
            self.verdicts.breaker = breaker.succeeded()
            self._notify()

    async def _claim(self, key: int, lane: int, *, limit: int) -> None:
        job = self._jobs.get(key)
        if limit <= 0 or job is None or not self._has_share:
            return
        room = self._timing.send_room_seconds
        send_by = self._clock.monotonic() + room - EXPIRY_GRAIN_SECONDS
        claims = await self._store.claim(job, lane=lane, limit=limit, hold_ms=self._timing.hold_ms)
        if claims is None:
            self._look_at[key, lane] = self._clock.monotonic() + UNTOLD_SECONDS
            return
        after_room_ms = self._timing.hold_ms - round(room * 1000)  # so the end is by the ledger's clock, not this one's
        self._buffer.add(lane, [Held(claim, send_by, claim.token - after_room_ms) for claim in claims])
        if (trial := self.verdicts.trials.get(key)) is not None and lane == BULK and not self._buffer.holds(key):
            trial.has_nothing_to_try = True
            self._notify()
        if len(claims) < limit:
            self._look_at[key, lane] = self._clock.monotonic() + await self._seconds_until_due(key)

    async def _seconds_until_due(self, key: int) -> float:
        due_ms = await self._store.next_due_ms(key)
        if due_ms is None:
            self._owing_nothing.add(key)
            return LOOK_AGAIN_SECONDS
        self._owing_nothing.discard(key)
        return min(LOOK_AGAIN_SECONDS, max(0.001, (due_ms - self._clock.now_ms()) / 1000))

    def _keys_to_look_at(self, lane: int) -> list[int]:
        """Jobs that may owe something now, a different one first each time, so that all are served alike."""
        now = self._clock.monotonic()
        keys = [key for key in self._jobs if self._may_send(key) and self._look_at.get((key, lane), now) <= now]
        self._turn += 1
        start = self._turn % len(keys) if keys else 0
        return keys[start:] + keys[:start]

    def _may_send(self, key: int) -> bool:
        if self.verdicts.stopped is not None or key not in self._jobs:
            return False
        job, trial = self._jobs[key], self.verdicts.trials.get(key)
        if trial is None:
            return job.status in SENDING
        may_try = job.status in SENDING or (job.status is Status.FAULT and job.cause is Cause.REJECTIONS)
        return may_try and not (trial.is_running or trial.is_over) and self._clock.monotonic() >= trial.next_at

    def _buffer_size(self) -> int:
        pace = self.verdicts.pace
        if not self.verdicts.breaker.is_closed:
            return int(self.verdicts.breaker.allows(self._clock.monotonic(), in_flight=self.in_flight))
        ahead = max(2 * pace.max_in_flight, int(pace.answered_per_second * BUFFER_SECONDS))
        return min(MOST_BUFFERED, ahead, pace.room_for(self._timing.send_room_seconds))

    def _claim_limit(self, key: int, share: int) -> int:
        """A trial sends one row; of all that is held, no more may be claimed than the pace can send in its room."""
        if key in self.verdicts.trials:
            return int(not self._buffer.holds(key))
        room = self.verdicts.pace.room_for(self._timing.send_room_seconds) - len(self._buffer)
        return min(share, room)

    def _send_what_may_go(self) -> float | None:
        """Start what may be sent now; return how long until more may be, or None where only a wake can tell."""
        while len(self._buffer):
            now = self._clock.monotonic()
            pace, breaker = self.verdicts.pace, self.verdicts.breaker
            if self.in_flight >= pace.max_in_flight or not breaker.allows(now, in_flight=self.in_flight):
                return None if self.in_flight else (breaker.open_until or now) - now
            if (wait := pace.wait_seconds(now)) > 0:
                return wait
            self._start(self._buffer.pop(), now)
        return None

    def _start(self, held: Held, now: float) -> None:
        key = held.claim.job
        if now >= held.send_by:
            self._give_back([held], "The room to send it in had ended.")
        elif not self._may_send(key):
            self._give_back([held], "The job stopped sending.")
        else:
            if (trial := self.verdicts.trials.get(key)) is not None:
                trial.is_running = True
            self.verdicts.pace.sent(now)
            self.in_flight += 1
            task = asyncio.create_task(self._send(held, self._targets[key]))
            self._sends.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sends.discard(task)
        self.in_flight -= 1
        self._settled.set()
        self._wake.set()
        if not self._is_stopping:
            self._send_what_may_go()  # a free place need not wait for a claim that is under way

    async def _send(self, held: Held, target: Target) -> None:
        claim, began = held.claim, self._clock.monotonic()
        outcome = await self._outcome(held, target)
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        before = self._standing(claim.job)
        self._done.append(self.verdicts.settle(claim, outcome, now=now, now_ms=now_ms, sent_at=began))
        self._telemetry.attempted(outcome, seconds=now - began)
        if isinstance(outcome, Accepted) and claim.lane == LIVE:
            self._telemetry.accepted_live(seconds=now_ms / 1000 - claim.version / NS_PER_SECOND)
        if isinstance(outcome, StopJob):
            self._give_back(self._buffer.drain(), "The authorization was refused.")
        if self._standing(claim.job) != before:
            self._notify()

    async def _outcome(self, held: Held, target: Target) -> Outcome:
        claim, mapp = held.claim, self._mapp
        try:
            outcome = await mapp.send(target, claim.member, is_in=claim.is_in, expires_at_ms=held.expires_at_ms)
        except Exception as error:
            logger.exception("send_failed")
            return Unknown(f"Usher failed while it was sending ({type(error).__name__}).")
        if isinstance(outcome, StopJob) and mapp is not self._mapp:
            return Late("It was sent with credentials that have been replaced since.")
        return outcome

    def _standing(self, job: int) -> tuple[bool, float | None, bool, bool]:
        """What of this authorization shows in the state of its jobs."""
        trial = self.verdicts.trials.get(job)
        stopped = self.verdicts.stopped is not None
        return stopped, self.verdicts.breaker.open_until, trial is not None, trial is not None and trial.is_over

    def _give_back(self, held: Sequence[Held], why: str) -> None:
        """Owe again at once what was certainly not sent."""
        self._done += [Settlement(item.claim, Late(why), was_sent=False) for item in held]
        self._settled.set()

    async def _settle_until_stopped(self) -> None:
        while not (self._is_stopping and not self._sends and not self._done):
            await self._settled.wait()
            await self._gather_more()
            self._settled.clear()
            while self._done:
                batch, self._done = self._done[:MOST_SETTLED_AT_ONCE], self._done[MOST_SETTLED_AT_ONCE:]
                await self._settle(batch)
            self._note_retries()

    async def _gather_more(self) -> None:
        """A commit costs the same for one row as for fifty; what is already answered can wait for its neighbours."""
        if not self._is_stopping and len(self._done) < MOST_SETTLED_AT_ONCE:
            await self._clock.sleep(GATHER_SECONDS)

    async def _settle(self, batch: list[Settlement]) -> None:
        try:
            self._look_again_at(await self._store.settle(batch))
        except Unavailable:
            logger.warning("settlements_not_kept", rows=len(batch))
        except Exception:
            logger.exception("settlements_not_kept", rows=len(batch))
        # Never run again: its commit is in doubt, and the rows become due by themselves.

    def _look_again_at(self, keys: set[int]) -> None:
        for key in keys:
            for lane in LANES:
                self._look_at.pop((key, lane), None)
        if keys:
            self._wake.set()

    def _note_retries(self) -> None:
        self._telemetry.pace(self.auth_id, in_flight=self.in_flight, per_second=self.verdicts.pace.per_second)

    async def _wait_for_work(self, wait: float | None) -> None:
        seconds = LOOK_AGAIN_SECONDS if wait is None else wait
        if wait is None and not len(self._buffer):
            seconds = min(seconds, self._seconds_until_look())
        await _wait(self._wake, seconds=max(LEAST_WAIT_SECONDS, seconds), clock=self._clock)

    def _seconds_until_look(self) -> float:
        """How long until claiming could bring something; what may not be sent must not keep the loop awake."""
        now, breaker = self._clock.monotonic(), self.verdicts.breaker
        if not self._has_share or (self.in_flight and not breaker.is_closed):
            return LOOK_AGAIN_SECONDS
        if breaker.open_until is not None and breaker.open_until > now:
            return breaker.open_until - now
        looks = [at - now for (key, _), at in self._look_at.items() if self._may_send(key)]
        trials = [t.next_at - now for t in self.verdicts.trials.values() if t.next_at > now]
        return min([LOOK_AGAIN_SECONDS, *looks, *trials])


async def _wait(event: asyncio.Event, *, seconds: float, clock: Clock) -> None:
    """Return when *event* is set, or after *seconds*."""
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({sleeper, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeper.cancel()
        waiter.cancel()
