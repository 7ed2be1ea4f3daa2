"""One whole run: the world that a seed draws, with faults for a while, then calm, until everything is right."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random

from usher.clock import Clock
from usher.domain.job import Cause, Job, Status, Webhook
from usher.simulation.accounts import Credentials, SimulatedVendors
from usher.simulation.allowance import Allowance
from usher.simulation.draws import Draw
from usher.simulation.ledger import Ledger, rows_of
from usher.simulation.lytics import SLUG, SimulatedLytics
from usher.simulation.mapp import SimulatedMapp
from usher.simulation.network import Wire
from usher.simulation.people import People
from usher.simulation.person import Person, TrueClock
from usher.simulation.stage import EPOCH_MS, Stage
from usher.simulation.trace import Trace
from usher.simulation.triggers import Webhook as TriggerWebhook
from usher.simulation.trouble import Trouble
from usher.simulation.watch import Watch
from usher.simulation.worker import Parts, SimulatedWorker
from usher.store.database import InlineDatabase
from usher.store.jobs import add_job

HOUR_MS = 3_600_000
CALM_SECONDS = 1_200.0  # within which everything must be right; scans that failed often wait for 15 minutes
LOOK_SECONDS = 1.0
LAST_SCAN = "SELECT state, reason, id FROM scans ORDER BY id DESC LIMIT 1"


class World:
    """Everything, wired. Build it, run it once, close it."""

    def __init__(self, draw: Draw, rng: Random, trace: Trace) -> None:
        self.stage = stage = Stage(draw, rng, trace)
        self.people = People([f"p{number:02}@example.com" for number in range(draw.people)])
        self.mapp = SimulatedMapp(stage)
        self.lytics = SimulatedLytics(stage, self.people)
        self.credentials = Credentials()
        self.workers: list[SimulatedWorker] = []
        self.watch = Watch(stage, self.people, self.mapp, attribute=lambda: self.person.attribute)
        self.ledger = Ledger(stage, changed=self.watch.changed, owed=self._ring)
        self.watch.look_at(self.ledger)
        self.webhook = TriggerWebhook(stage, self.present, self.watch.acknowledged)
        self.trouble = Trouble(stage, self, mapp=self.mapp, lytics=self.lytics, credentials=self.credentials)
        self._compared_after = 0  # the scan that a person had another made after
        self.allowance = Allowance(stage, lambda: self.workers)
        self.person: Person

    def run(self) -> None:
        """Run to the end, or until a promise is broken."""
        try:
            self.stage.loop.run_until_complete(self._story())
        finally:
            self.stage.loop.close()

    def present(self) -> list[SimulatedWorker]:
        """Return the workers that are neither dead nor stopped."""
        return [worker for worker in self.workers if worker.is_running]

    def join(self) -> None:
        """Let one more worker begin, on a machine whose clock may be wrong."""
        wrong = 0 if self.stage.draw.is_alone else self.stage.rng.choice([0, 0, -HOUR_MS, 5 * HOUR_MS, 700])
        wire = Wire(self.stage, f"w{len(self.workers)}", mapp=self.mapp, lytics=self.lytics, sent=self.allowance.sent)
        parts = Parts(self.stage, self.ledger, wire, self._vendors)
        self.workers.append(SimulatedWorker(parts, f"w{len(self.workers)}", wall_ahead_ms=wrong))

    def _vendors(self, wire: Wire, clock: Clock) -> SimulatedVendors:
        return SimulatedVendors(self.stage.draw, wire, clock, self.credentials)

    def _ring(self) -> None:
        for worker in self._hearing():
            worker.ring()

    def _refresh(self) -> None:
        for worker in self._hearing():
            worker.refresh()

    def _hearing(self) -> list[SimulatedWorker]:
        """Return who hears a word that goes to all; those who do not find out by themselves."""
        return [worker for worker in self.workers if not worker.is_gone and not self.stage.happens("bell lost")]

    async def _story(self) -> None:
        draw, rng = self.stage.draw, self.stage.rng
        for name in self.people.names:
            if rng.random() < 0.5:
                self.people.move(name, is_in=True, at_ms=self.lytics.now_ms() - HOUR_MS)
        self.person = Person(self.stage, self.ledger, await self._add_job(), refresh=self._refresh)
        for _ in range(draw.workers):
            self.join()
        self._plan()
        self.stage.start(self._come_and_go())
        await asyncio.sleep(draw.seconds)
        self._calm()
        await self._until_right()

    async def _add_job(self) -> Job:
        clock, config = TrueClock(self.stage), self.stage.draw.config
        job = Job(
            key=0, id="0" * 32, name="job", description="", mapp_auth="m", lytics_auth="l", config=config,
            audience_slug=SLUG, audience_name="VIP", status=Status.RUNNABLE, cause=Cause.NONE, reason="",
            sleep_until_ms=None, is_baselined=False, scan_wanted="backfill" if config.withbackfill else "baseline",
            next_reconcile_ms=None, exits_held=False, webhook=Webhook(), first_trigger_ms=None, last_trigger_ms=None,
            created_ms=clock.now_ms(), updated_ms=clock.now_ms(),
        )  # fmt: skip
        return await InlineDatabase(self.ledger.engine, clock=clock).write(lambda txn: add_job(txn, job))

    def _plan(self) -> None:
        """Draw when each trouble comes."""
        rng, seconds = self.stage.rng, self.stage.draw.seconds
        for name, times in self.stage.draw.times.items():
            for _ in range(times):
                self.stage.later(rng.uniform(0, seconds), self._doing(name))

    def _doing(self, name: str) -> Callable[[], None]:
        if name in self.trouble.kinds:
            return self.trouble.kinds[name]
        if name == "many leave":
            return self._leave_at_once
        does = self.person.kinds[name]
        return lambda: self.stage.start(does())

    def _leave_at_once(self) -> None:
        for name in self.people.names:
            if self.people.is_in(name) and self.stage.rng.random() < 0.7:
                self._move(name)

    async def _come_and_go(self) -> None:
        rng = self.stage.rng
        while not self.stage.is_calm:
            await asyncio.sleep(rng.expovariate(1 / self.stage.draw.pause_between_changes))
            if not self.stage.is_calm:
                self._move(self.people.names[int(rng.random() * len(self.people.names))])

    def _move(self, name: str) -> None:
        """Let somebody enter or leave, and Lytics tell of it, unless its last word of them still hangs in the air."""
        if name in self.webhook.busy:
            return
        is_in = not self.people.is_in(name)
        at_ms = self.people.move(name, is_in=is_in, at_ms=self.lytics.now_ms())
        self.stage.note(
            "Lytics",
            f"sees {name.partition('@')[0]} {'enter' if is_in else 'leave'} at {(at_ms - EPOCH_MS) / 1000:.3f}",
        )
        self.webhook.tell(name, is_in=is_in, at_ms=at_ms)

    def _calm(self) -> None:
        self.stage.note("world", "is calm from here on")
        self.stage.is_calm = True
        for worker in self.workers:
            worker.process.trap_at = -1

    def _keep_somebody_inside(self) -> None:
        """Let one person enter an audience that is empty: its scans say nothing, since they may be a fault."""
        free = [name for name in self.people.names if name not in self.webhook.busy]
        if free and not any(map(self.people.is_in, self.people.names)):
            self._move(free[0])

    async def _compare_where_doubted(self) -> None:
        """
        Have the audience compared, as a person would, once the last scan turns out not to be of all of it.

        And once where triggers came without a time: one that is taken for later than it was may hide the next.
        """
        state, reason, number = (rows_of(self.ledger.raw, LAST_SCAN) or [("", "", 0)])[0]
        is_untimed = "trigger without time" in self.stage.draw.chances and not self._compared_after
        is_doubted = state in {"completed", "interrupted"} and (reason or is_untimed)
        if is_doubted and not self.stage.draw.config.reconcile_hours and number != self._compared_after:
            self._compared_after = number
            await self.person.compare()

    async def _until_right(self) -> None:
        """Wait until everything is as it should be; a person looks in now and then."""
        began = self.stage.loop.time()
        while (wrong := await self._wrong()) and self.stage.loop.time() < began + CALM_SECONDS:
            self._keep_somebody_inside()
            await asyncio.sleep(LOOK_SECONDS)
            await self.person.see_to_it()
            await self._compare_where_doubted()
        if wrong:
            self.stage.breaks("when faults stop, everything comes right", wrong)

    async def _wrong(self) -> str:
        """Return the first thing that is not right yet, or nothing."""
        if self.webhook.waiting:
            return f"{self.webhook.waiting} triggers are not acknowledged"
        job = await self.person.job()
        if job.status is not Status.RUNNABLE:
            return f"the job is {job.status}: {job.reason}"
        if rows_of(self.ledger.raw, "SELECT 1 FROM sweeps") or job.scan_wanted or not job.is_baselined:
            return "a scan or a sweep is not done"
        return next(self._disagreements(), "")

    def _disagreements(self) -> Iterator[str]:
        """Name whoever is not as Lytics has them."""
        for number, name in enumerate(self.people.names):
            row = self.watch.rows.get(name)
            if row is None:
                if self.people.is_in(name):
                    yield f"{name} is not known"
                continue
            if bool(row.is_in) is not self.people.is_in(name):
                yield f"the ledger is wrong: {row}"
            elif row.due_at is not None:
                yield f"something is owed: {row}"
            elif number in self.stage.draw.unknown or (row.is_silent and not self.stage.draw.config.withbackfill):
                continue
            elif self.mapp.held.get(("1", self.person.attribute, name)) is not self.people.is_in(name):
                yield f"Mapp is wrong: {row}"
