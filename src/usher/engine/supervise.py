"""
Keeps every part that a job needs running: couriers, scans, probes, sweeps; moves jobs from state to state.

It looks once a second, and at once when told that something changed. All that it needs to go on after a restart
is in the store.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import structlog

from usher.clock import Clock
from usher.domain.job import NO_SCAN, SENDING, Event, Job
from usher.domain.notes import LogCode
from usher.domain.outcome import StopCause, StopJob
from usher.domain.pace import Limits, Pace
from usher.engine.courier import Courier
from usher.engine.crew import CrewKeeper
from usher.engine.ports import DeliveryStore, JobStore, ScanStore, Vendors
from usher.engine.probes import Probes
from usher.engine.scanner import ClocksDiffer, JobAtFault, Scanner
from usher.engine.sharing import Sharing
from usher.engine.standing import log, show_clocks, show_lytics, show_outage, show_refusal, show_standing
from usher.engine.telemetry import Telemetry
from usher.errors import Superseded, Unavailable, UsherError
from usher.settings import Timing

LOOK_SECONDS = 1.0
PRUNE_SECONDS = 60.0
PRUNE_REST = 4.0  # times as long as a piece took: the rest belongs to triggers and claims
SCAN_AGAIN_SECONDS = 10.0  # between a scan that had to stop and the next, so that it cannot spin
LONGEST_SCAN_WAIT_SECONDS = 900.0
MS_PER_HOUR = 3_600_000
SHARE_OF_SENDS = 0.92  # of the time to stop in; the rest is for writing down what they meant

logger = structlog.get_logger("usher.engine")


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything the engine keeps things in."""

    jobs: JobStore
    delivery: DeliveryStore
    scans: ScanStore


class Engine:
    """
    Runs every job until stopped.

    Args:
        crew: this worker's place among those that share the ledger.
        guard_seconds: G of design rule 1.
    """

    def __init__(
        self,
        stores: Stores,
        vendors: Vendors,
        *,
        crew: CrewKeeper,
        clock: Clock,
        rng: Random,
        timing: Timing,
        guard_seconds: float,
        telemetry: Telemetry,
    ) -> None:
        self._stores = stores
        self._vendors = vendors
        self._clock = clock
        self._rng = rng
        self._timing = timing
        self._guard_seconds = guard_seconds
        self._telemetry = telemetry
        self._probes = Probes(vendors=vendors, store=stores.jobs, scans=stores.scans, clock=clock, rng=rng)
        self._couriers: dict[str, Courier] = {}
        self._sharing = Sharing(crew, clock=clock, senders=self._couriers)
        self._revisions: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._scan_not_before: dict[int, float] = {}
        self._scan_failures: dict[int, int] = {}
        self._changed = asyncio.Event()
        self._prune_at = 0.0
        self._told_ms = 0

    def ring(self) -> None:
        """New changes may be owed."""
        for courier in self._couriers.values():
            courier.ring()

    def refresh(self) -> None:
        """Jobs or authorizations changed: look now."""
        self._changed.set()
        self.ring()

    def pace_of(self, auth_id: str) -> tuple[float | None, int]:
        """Return the rate in force (None: unlimited) and how many requests are alive, for one Mapp authorization."""
        return self._sharing.pace_of(auth_id)

    @property
    def is_keeper(self) -> bool:
        """Whether this worker does what one of them does for all."""
        return self._sharing.is_keeper

    async def takes(self, name: str) -> bool:
        """Return whether this worker holds the lease *name* now, taking it where nobody does."""
        return await self._sharing.takes(name)

    async def run(self) -> None:
        """Look after every job until cancelled."""
        await self._first_beat()
        self._start("beat", self._sharing.keep())
        while True:
            self._changed.clear()
            try:
                await self.look()
            except Unavailable:
                logger.warning("database_unavailable")
            except Exception:
                logger.exception("supervisor_failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS)

    async def _first_beat(self) -> None:
        """Join before anything is looked at; where the database is away, the next beat joins."""
        with contextlib.suppress(Unavailable):
            await self._sharing.beat()

    async def stop(self, *, within_seconds: float = 20) -> None:
        """
        Send nothing more, wait for what is in flight, end every task, and leave.

        Raises:
            TimeoutError: the store let it wait too long; what was sent and not settled becomes due by itself.
        """
        sends_within = within_seconds * SHARE_OF_SENDS
        try:
            async with asyncio.timeout(within_seconds):
                await asyncio.gather(*(c.stop(within_seconds=sends_within) for c in self._couriers.values()))
                for name, task in self._tasks.items():
                    if not name.startswith("courier"):
                        task.cancel()
                # Shielded, because a gather that is cancelled waits for what it gathers.
                await asyncio.gather(*map(asyncio.shield, self._tasks.values()), return_exceptions=True)
                with contextlib.suppress(Unavailable):
                    await self._sharing.leave()
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def look(self) -> None:
        """Do once whatever each job needs now."""
        self._reap()
        looked_ms = self._clock.now_ms()
        jobs = await self._stores.jobs.live_jobs()
        await self._serve(jobs)
        self._told_ms = looked_ms
        self._stop_scans_but(jobs)
        for job in jobs:
            await self._show(job)
            await self._see_to_scans(job)
        if self.is_keeper:
            for auth_id, stopped in await self._probes.due(jobs):
                self._start_once(f"probe {auth_id}", self._probe(auth_id, stopped))
            self._keep_house()

    async def _show(self, job: Job) -> None:
        courier, is_keeper = self._couriers.get(job.mapp_auth), self.is_keeper
        if courier is None:
            return
        await show_standing(courier, job, store=self._stores.jobs, now=self._clock.monotonic(), is_keeper=is_keeper)
        if is_keeper and courier.verdicts.stopped is None and job.key not in courier.verdicts.trials:
            await show_outage(job, self._sharing.down_until_ms(job.mapp_auth), store=self._stores.jobs)

    async def _probe(self, auth_id: str, jobs: list[Job]) -> None:
        if await self._probes.ask(auth_id, jobs):
            if (courier := self._couriers.get(auth_id)) is not None:
                courier.resume()
            self._changed.set()

    async def _serve(self, jobs: list[Job]) -> None:
        by_auth: dict[str, list[Job]] = {}
        for job in jobs:
            by_auth.setdefault(job.mapp_auth, []).append(job)
        for auth_id in set(self._couriers) - set(by_auth):
            courier = self._couriers.pop(auth_id)
            self._start(f"farewell {auth_id}", courier.stop(within_seconds=self._timing.request_timeout_seconds))
        for auth_id, theirs in by_auth.items():
            try:
                await self._serve_one(auth_id, theirs)
            except Unavailable:
                raise
            except UsherError as error:
                stop = StopJob(StopCause.CREDENTIALS, error.message)
                for job in theirs:
                    await show_refusal(job, stop, store=self._stores.jobs)

    async def _serve_one(self, auth_id: str, jobs: list[Job]) -> None:
        revision = await self._vendors.revision(auth_id)
        courier = self._couriers.get(auth_id)
        if courier is None:
            courier = await self._new_courier(auth_id)
            self._start(f"courier {auth_id}", courier.run())
        elif revision != self._revisions[auth_id]:
            limits = await self._limits(auth_id)
            courier.use(await self._vendors.mapp(auth_id), limits, self._sharing.share(limits))
        self._revisions[auth_id] = revision
        if courier.verdicts.stopped is not None:
            await self._mind_refusal(courier, courier.verdicts.stopped, jobs)
        courier.serve(jobs)

    async def _mind_refusal(self, courier: Courier, stop: StopJob, jobs: list[Job]) -> None:
        """Write a refusal down once; afterwards a job that runs again was restarted by a person, so let Mapp say."""
        if not courier.verdicts.is_stop_known:
            courier.verdicts.is_stop_known = True
            await self._stores.jobs.note_health(courier.auth_id, is_healthy=False, note=stop.reason)
            for job in jobs:
                await show_refusal(job, stop, store=self._stores.jobs)
        elif any(job.status in SENDING for job in jobs):
            courier.resume()

    async def _new_courier(self, auth_id: str) -> Courier:
        limits = await self._limits(auth_id)
        courier = Courier(
            auth_id,
            mapp=await self._vendors.mapp(auth_id),
            limits=limits,
            pace=self._pace(limits),
            may_claim=lambda: self._sharing.may_claim,
            store=self._stores.delivery,
            clock=self._clock,
            rng=self._rng,
            timing=self._timing,
            telemetry=self._telemetry,
            notify=self._changed.set,
        )
        self._couriers[auth_id] = courier
        return courier

    async def _limits(self, auth_id: str) -> Limits:
        per_second, in_flight = await self._vendors.limits(auth_id)
        return Limits(per_second, in_flight)

    def _pace(self, limits: Limits) -> Pace:
        share = self._sharing.share(limits)
        return Pace(requests_per_second=share.per_second, max_in_flight=share.in_flight)

    async def _see_to_scans(self, job: Job) -> None:
        name = f"scan {job.key}"
        is_scanning = name in self._tasks
        if job.status not in SENDING:
            if is_scanning:
                self._tasks[name].cancel()
            return
        if is_scanning:
            return
        running = await self._stores.scans.running_scan(job.key)
        if running is not None or job.scan_wanted:
            is_time = self._clock.monotonic() >= self._scan_not_before.get(job.key, 0.0)
            if is_time and await self._sharing.take_scan(job.key):
                self._scan_not_before[job.key] = self._clock.monotonic() + self._scan_wait(job.key)
                self._start(name, self._scan(job))
            return
        if self.is_keeper:
            await self._see_to_end_of_scan(job)

    async def _see_to_end_of_scan(self, job: Job) -> None:
        if job.cause in NO_SCAN:
            await show_lytics(job, None, store=self._stores.jobs)  # the scan that slept has ended
        await self._schedule_reconcile(job)
        if job.config.backfill_only and job.is_baselined and not await self._stores.jobs.is_owing_of_scan(job.key):
            message = "Everybody who was in the audience has been told to Mapp."
            entry = log(job, "info", message, LogCode.COMPLETED)
            await self._stores.jobs.apply(job, Event.COMPLETE, reason=message, log=entry)

    def _scan_wait(self, key: int) -> float:
        """How long after the beginning of a scan the next may begin; longer after each that came to nothing."""
        return min(LONGEST_SCAN_WAIT_SECONDS, SCAN_AGAIN_SECONDS * 2.0 ** min(self._scan_failures.get(key, 0), 10))

    def _stop_scans_but(self, jobs: list[Job]) -> None:
        """End the scans of jobs that were ended."""
        alive = {f"scan {job.key}" for job in jobs}
        for name, task in self._tasks.items():
            if name.startswith("scan") and name not in alive:
                task.cancel()

    async def _schedule_reconcile(self, job: Job) -> None:
        hours, now_ms = job.config.reconcile_hours, self._clock.now_ms()
        if job.config.backfill_only or (not hours and job.next_reconcile_ms is None):
            return
        if job.next_reconcile_ms is None:
            await self._stores.jobs.change(job.key, next_reconcile_ms=now_ms + round(hours * MS_PER_HOUR))
        elif now_ms >= job.next_reconcile_ms:
            await self._stores.jobs.change(job.key, scan_wanted="reconcile", next_reconcile_ms=None)
            self._scan_not_before.pop(job.key, None)
            self._changed.set()

    async def _scan(self, job: Job) -> None:
        has_ended, stay = False, self._sharing.stay
        try:
            scanner = Scanner(
                await self._vendors.lytics(job.lytics_auth),
                store=self._stores.scans,
                clock=self._clock,
                rng=self._rng,
                guard_seconds=self._guard_seconds,
                telemetry=self._telemetry,
                ring=self.ring,
                tell=partial(self._tell_of_lytics, job.key),
            )
            has_ended = await scanner.scan(job)
        except Superseded:
            logger.info("scan_taken_over", job=job.id)
        except ClocksDiffer as error:
            if (now := await self._live_job(job.key)) is not None:
                await show_clocks(now, error.message, store=self._stores.jobs)
        except JobAtFault as error:
            if self._sharing.holds_since(stay):  # another that goes on with the scan may have been told otherwise
                entry = log(job, "error", error.message, LogCode.FAULT)
                await self._stores.jobs.apply(job, Event.FAULT, cause=error.cause, reason=error.message, log=entry)
        self._scan_failures[job.key] = 0 if has_ended else self._scan_failures.get(job.key, 0) + 1
        self.refresh()

    async def _tell_of_lytics(self, key: int, trouble: str | None) -> None:
        """Let the job sleep while Lytics does not answer its scan; it goes on by itself."""
        if (job := await self._live_job(key)) is not None:
            await show_lytics(job, trouble, store=self._stores.jobs)

    async def _live_job(self, key: int) -> Job | None:
        return next((job for job in await self._stores.jobs.live_jobs() if job.key == key), None)

    def _keep_house(self) -> None:
        self._start_once("sweep", self._sweep())
        if self._clock.monotonic() >= self._prune_at and "prune" not in self._tasks:
            self._prune_at = self._clock.monotonic() + PRUNE_SECONDS
            self._start("prune", self._prune())

    async def _sweep(self) -> None:
        while await self._stores.jobs.sweep_some(begun_before_ms=self._told_ms):
            self.ring()

    async def _prune(self) -> None:
        is_done = False
        while not is_done:
            began = self._clock.monotonic()
            is_done = not await self._stores.jobs.prune_some()
            await self._clock.sleep(PRUNE_REST * (self._clock.monotonic() - began))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    def _start_once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start *work* unless it is under way already."""
        if name in self._tasks:
            work.close()
        else:
            self._start(name, work)

    def _reap(self) -> None:
        """Forget tasks that ended, and say why where one failed; what it did is taken up again."""
        for name, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[name]
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("task_failed", task=name.split()[0], error=type(error).__name__, exc_info=error)
            kind, _, whose = name.partition(" ")
            if kind == "courier":
                self._couriers.pop(whose, None)
            elif kind == "scan":
                self._start(f"release {whose}", self._sharing.release_scan(int(whose)))
