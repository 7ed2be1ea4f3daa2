"""What a person does to the job: pauses it, has people told again, renames the attribute, decides at the brake."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from usher.domain.job import Cause, Event, Job, Status
from usher.jobs.removals import confirm
from usher.simulation.ledger import Ledger, rows_of
from usher.simulation.removals import DECIDES
from usher.simulation.stage import Stage
from usher.store import brake, jobs, scans
from usher.store.database import InlineDatabase, Terms, Txn

OWED = "SELECT member FROM ledger WHERE due_at IS NOT NULL OR aside IS NOT NULL"
Does = Callable[[], Coroutine[Any, Any, None]]


class TrueClock:
    """The true time, for whoever is at the ledger itself."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def now_ms(self) -> int:
        return self._stage.now_ms()

    def monotonic(self) -> float:
        return self._stage.loop.time()

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class Person:
    """
    Changes the job at the ledger itself.

    Args:
        refresh: tells every worker that the job was changed.
    """

    def __init__(self, stage: Stage, ledger: Ledger, job: Job, *, refresh: Callable[[], None]) -> None:
        self.attribute = job.target.attribute_name
        self._stage = stage
        self._ledger = ledger
        self._key = job.key
        self._refresh = refresh
        clock = TrueClock(stage)
        self.database = InlineDatabase(ledger.engine, clock=clock, terms=Terms(clock))
        self.kinds: dict[str, Does] = {
            "paused by a person": self._pause,
            "told again by a person": lambda: self._sweep("resend"),
            "retried by a person": lambda: self._sweep("retry"),
            "compared by a person": self.compare,
            "attribute renamed": self._rename,
        }

    async def job(self) -> Job:
        return await self.database.read(lambda txn: jobs.job_by_key(txn, self._key))

    async def see_to_it(self) -> None:
        """Decide what waits for a person, and restart what only a person restarts."""
        job = await self.job()
        is_last_word = job.cause in {Cause.AUDIENCE, Cause.FIELD}
        if job.status is Status.FAULT and (is_last_word or self._has_nobody_to_try(job)):
            await self._do("restarts the job", lambda txn: _move(txn, self._key, Event.BOUNCE))
        if await self.database.read(lambda txn: brake.waiting_said(txn, jobs.job_by_key(txn, self._key))):
            await self._do("has them set to false", self._confirm, who=DECIDES)

    def _has_nobody_to_try(self, job: Job) -> bool:
        """Nothing is owed but to people whom Mapp will never know: no trial can show that the job may go on."""
        unknown = {f"p{number:02}@example.com" for number in self._stage.draw.unknown}
        owed = {member for (member,) in rows_of(self._ledger.raw, OWED)}
        return job.cause is Cause.REJECTIONS and owed <= unknown

    async def _pause(self) -> None:
        await self._do("pauses the job", lambda txn: _move(txn, self._key, Event.PAUSE))
        self._stage.later(self._stage.rng.uniform(1, 20), lambda: self._stage.start(self._resume()))

    async def _resume(self) -> None:
        await self._do("resumes the job", lambda txn: _move(txn, self._key, Event.RESUME))

    async def _sweep(self, kind: str) -> None:
        await self._do(f"has the job {kind}", lambda txn: scans.add_sweep(txn, self._key, kind=kind))

    async def compare(self) -> None:
        """Want one more scan."""
        await self._do("has the audience compared", lambda txn: _want_scan(txn, self._key))

    async def _rename(self) -> None:
        self.attribute += "x"

        def work(txn: Txn) -> None:
            config = replace(jobs.job_by_key(txn, self._key).config, mapp_attribute_name=self.attribute)
            jobs.change_job(txn, self._key, config=config)
            scans.add_sweep(txn, self._key, kind="resend")

        await self._do(f"renames the attribute to {self.attribute}", work)

    def _confirm(self, txn: Txn) -> None:
        job = jobs.job_by_key(txn, self._key)
        confirm(txn, job.id, by="person", guard_seconds=self._stage.draw.guard_seconds)

    async def _do(self, what: str, work: Callable[[Txn], None], *, who: str = "person") -> None:
        self._stage.note("person", what)
        await self.database.write(work)
        self._ledger.committed(who)
        self._refresh()


def _move(txn: Txn, key: int, event: Event) -> None:
    job = jobs.job_by_key(txn, key)
    to = {Event.PAUSE: Status.PAUSED, Event.RESUME: Status.RUNNABLE, Event.BOUNCE: Status.RUNNABLE}[event]
    if event is Event.RESUME and job.status is not Status.PAUSED:
        return
    jobs.change_job(txn, key, status=to, cause=Cause.NONE, reason="", sleep_until_ms=None)


def _want_scan(txn: Txn, key: int) -> None:
    if not jobs.job_by_key(txn, key).scan_wanted:
        jobs.change_job(txn, key, scan_wanted="reconcile")
