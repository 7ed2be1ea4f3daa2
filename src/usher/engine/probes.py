"""Asks, from time to time, whether a vendor that refused an authorization takes it again."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from usher.clock import Clock
from usher.domain.breaker import probe_wait_seconds
from usher.domain.job import Cause, Event, Job, Status
from usher.domain.notes import LogCode
from usher.engine.ports import JobStore, ScanStore, Vendors
from usher.engine.standing import log
from usher.errors import RemoteError, RemoteRefused, RemoteUnreachable, UsherError

MAPP = frozenset({Cause.MAPP_CREDENTIALS, Cause.MAPP_INTEGRATION})
LYTICS = frozenset({Cause.LYTICS_CREDENTIALS})
CALM_SECONDS = 600.0  # without a refusal, after which the next one counts as the first
WITHHELD = (
    "Lytics takes the token, but refuses it the people in the audience {name!r}: it lacks a permission for them."
    " Let the token read people, or change the authorization; the job goes on by itself once Lytics shows them."
)


@dataclass(frozen=True, slots=True)
class Probe:
    """When to ask next, and what the authorization was when it was last asked."""

    next_at: float
    revision: int
    tries: int = 0


class Probes:
    """
    Probes the authorizations of jobs that were stopped for their credentials.

    At once, since they may have changed meanwhile; after 30 s, then ever more rarely, up to every 15 minutes;
    and whenever the authorization changes.
    """

    def __init__(self, *, vendors: Vendors, store: JobStore, scans: ScanStore, clock: Clock, rng: Random) -> None:
        self._vendors = vendors
        self._store = store
        self._scans = scans
        self._clock = clock
        self._rng = rng
        self._probes: dict[str, Probe] = {}

    async def due(self, jobs: Iterable[Job]) -> list[tuple[str, list[Job]]]:
        """Return the authorizations that it is time to ask about, each with the jobs that were stopped for it."""
        waiting: dict[str, list[Job]] = {}
        for job in jobs:
            if job.status is Status.FAULT and job.cause in MAPP | LYTICS:
                waiting.setdefault(job.mapp_auth if job.cause in MAPP else job.lytics_auth, []).append(job)
        self._forget_but(waiting)
        return [(auth_id, stopped) for auth_id, stopped in waiting.items() if await self._is_due(auth_id)]

    def _forget_but(self, waiting: Iterable[str]) -> None:
        """Keep what was asked lately: where a ping is taken and events are not, asking must still grow rarer."""
        now, stopped = self._clock.monotonic(), set(waiting)
        self._probes = {
            auth_id: probe
            for auth_id, probe in self._probes.items()
            if auth_id in stopped or now < probe.next_at + CALM_SECONDS
        }

    async def _is_due(self, auth_id: str) -> bool:
        now, revision = self._clock.monotonic(), await self._vendors.revision(auth_id)
        probe = self._probes.setdefault(auth_id, Probe(next_at=now, revision=revision))
        if now < probe.next_at and revision == probe.revision:
            return False
        tries = probe.tries if revision == probe.revision else 0
        wait = probe_wait_seconds(tries, rng=self._rng)
        self._probes[auth_id] = Probe(next_at=now + wait, revision=revision, tries=tries + 1)
        return True

    async def ask(self, auth_id: str, jobs: list[Job]) -> bool:
        """Ask, and where the authorization is taken again, let *jobs* go on that can; return whether any does."""
        try:
            if jobs[0].cause in MAPP:
                await (await self._vendors.mapp(auth_id)).ping()
            else:
                await (await self._vendors.lytics(auth_id)).fields()
        except RemoteUnreachable:
            return False  # that says nothing of the credentials
        except UsherError as error:
            await self._store.note_health(auth_id, is_healthy=False, note=error.message)
            return False
        await self._store.note_health(auth_id, is_healthy=True, note="")
        mended = [await self._mend(job) for job in jobs]
        return any(mended)

    async def _mend(self, job: Job) -> bool:
        """Let *job* go on, unless Lytics withholds what its scan asks; return whether it does."""
        reason = await self._why_withheld(job) if job.cause in LYTICS else ""
        if not reason:
            entry = log(job, "info", "The authorization is taken again; going on.", LogCode.MENDED)
            await self._store.apply(job, Event.MEND, log=entry)
        elif reason != job.reason:
            entry = log(job, "error", reason, LogCode.FAULT)
            await self._store.apply(job, Event.FAULT, cause=job.cause, reason=reason, log=entry)
        return not reason

    async def _why_withheld(self, job: Job) -> str:
        """Ask what the scan of *job* asks, page included; "" where nothing that it is told is about the credentials."""
        scan = await self._scans.running_scan(job.key)
        lytics = await self._vendors.lytics(job.lytics_auth)
        try:
            cursor = "" if scan is None else scan.cursor
            await lytics.scan_page(job.config.segment_id, field=job.config.uid_field, cursor=cursor)
            await lytics.audience(job.config.segment_id)
        except RemoteRefused:
            return WITHHELD.format(name=job.audience_name)
        except RemoteUnreachable:
            return job.reason  # still nothing: it stays as it is
        except RemoteError:
            return ""  # the scan says what that means
        return ""
