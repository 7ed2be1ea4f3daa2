"""Reads one job's whole audience, page by page, and says what it found."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from usher.clock import Clock
from usher.domain.absence import Doubt, ScanEnd, doubt_about_absence, is_endless
from usher.domain.clocks import Moment, do_differ, was_set, why_no_scan
from usher.domain.job import Cause, Job
from usher.domain.observation import Source, version_of_scan
from usher.domain.retry import backoff_seconds
from usher.domain.scan import Scan
from usher.engine.ports import Lytics, ScanStore
from usher.engine.telemetry import Telemetry
from usher.errors import (
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteUnknown,
    RemoteUnreachable,
    Unavailable,
    UsherError,
)
from usher.lytics.audiences import Audience
from usher.lytics.scan import PAGE_SIZE, CursorExpired, Page, PageSightings, observations_of_page
from usher.lytics.usability import why_unlisted, why_unusable

T = TypeVar("T")
SOURCE_OF = {"backfill": Source.BACKFILL, "baseline": Source.BASELINE, "reconcile": Source.RECONCILE}
FAILURES_BEFORE_SAYING_SO = 3  # a few seconds of silence are nobody's business


class JobAtFault(UsherError):
    """The scan cannot go on until something outside the job changes; stop the job and say so."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


class ClocksDiffer(UsherError):
    """Our clock and Lytics' differ by too much; let the job sleep, say so, and look again later."""


class Scanner:
    """
    Reads audiences for one Lytics authorization.

    Args:
        guard_seconds: how far a scan may lag behind triggers (G of design rule 1).
        ring: called after each page: something may be owed.
        tell: called with a sentence once Lytics has not answered for some time, and with None once it does again.
    """

    def __init__(
        self,
        lytics: Lytics,
        *,
        store: ScanStore,
        clock: Clock,
        rng: Random,
        guard_seconds: float,
        telemetry: Telemetry,
        ring: Callable[[], None],
        tell: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._lytics = lytics
        self._store = store
        self._clock = clock
        self._rng = rng
        self._guard_seconds = guard_seconds
        self._telemetry = telemetry
        self._ring = ring
        self._tell = tell
        self._is_in_trouble = False

    async def scan(self, job: Job) -> bool:
        """
        Go on with the scan that is running, or begin one; return whether it came to its end.

        Returns:
            False: it was interrupted, or Lytics would not answer it; wait a while before the next.

        Raises:
            JobAtFault: the audience or its identifier field is gone, or Lytics refuses the credentials.
            ClocksDiffer: nothing was read.

        Idempotent: yes; pages read twice change nothing the second time.
        """
        self._is_in_trouble = job.cause is Cause.LYTICS_OUTAGE  # perhaps said by a process before this one
        await self._check_clocks(job)
        scan = await self._kept(lambda: self._store.running_scan(job.key))
        if scan is None:
            try:
                await self._check_field(job)
                audience = await self._usable_audience(job)
            except _Stopped as error:
                await self._tell(error.message)
                return False
            scan = await self._kept(
                lambda: self._store.begin_scan(job.key, definition=audience.definition, expected=audience.size)
            )
        try:
            scan, has_end_marker = await self._read_pages(job, scan)
            await self._finish(job, scan, has_end_marker=has_end_marker)
        except CursorExpired:
            await self._interrupt(scan, Doubt.CURSOR_EXPIRED)
        except _Stopped as error:
            await self._interrupt(scan, error.message)
        else:
            return True
        return False

    async def _interrupt(self, scan: Scan, reason: str) -> None:
        await self._kept(lambda: self._store.interrupt_scan(scan, reason=reason, starts_again=True))

    async def _finish(self, job: Job, scan: Scan, *, has_end_marker: bool) -> None:
        after = await self._asked(lambda: self._audience_or_none(job))
        end = ScanEnd(
            profiles=scan.profiles,
            announced=scan.expected,
            has_end_marker=has_end_marker,
            definition_before=scan.definition,
            definition_after=after.definition if after is not None else "",
            is_gone=after is None or after.is_deleted or not after.is_valid,
            unnamed=scan.without_identifier,
            share_unnamed_before=await self._kept(lambda: self._store.share_unnamed_before(job.key)),
            is_clock_wrong=self._clock.now_ms() < scan.started_ms or self._differ(await self._difference()),
        )
        version = version_of_scan(scan.started_ms, guard_seconds=self._guard_seconds)
        doubt = doubt_about_absence(end)
        await self._kept(lambda: self._store.finish_scan(scan, doubt=doubt, version=version))

    async def _read_pages(self, job: Job, scan: Scan) -> tuple[Scan, bool]:
        field, source = job.config.uid_field, SOURCE_OF[scan.kind]
        began = self._moment()
        while True:
            asked = self._moment()
            if was_set(began, asked, guard_seconds=self._guard_seconds):
                raise _Stopped(Doubt.CLOCK)
            page = await self._page(job, scan)
            version = version_of_scan(asked.now_ms, guard_seconds=self._guard_seconds)
            sightings = observations_of_page(
                page, field=field, version=version, source=source, lowercase=job.config.is_lowercasing
            )
            self._telemetry.read_page()
            if page.next_cursor and page.next_cursor == scan.cursor:
                raise _Stopped(Doubt.CURSOR_REPEATED)
            if is_endless(scan.pages + 1, announced=page.total or scan.expected, page_size=PAGE_SIZE):
                raise _Stopped(Doubt.ENDLESS)
            scan = await self._record(scan, page, sightings, source)
            self._ring()
            if not page.next_cursor:
                return scan, page.has_end_marker

    async def _record(self, scan: Scan, page: Page, sightings: PageSightings, source: Source) -> Scan:
        return await self._kept(
            lambda: self._store.record_page(
                scan,
                sightings.observations,
                source=source,
                profiles=len(page.profiles),
                without_identifier=sightings.without_identifier,
                cursor=page.next_cursor,
                expected=page.total,
            )
        )

    async def _page(self, job: Job, scan: Scan) -> Page:
        segment, field = job.config.segment_id, job.config.uid_field
        return await self._asked(
            lambda: self._lytics.scan_page(segment, field=field, cursor=scan.cursor, expected=scan.expected)
        )

    async def _usable_audience(self, job: Job) -> Audience:
        audience = await self._asked(lambda: self._audience_or_none(job))
        reason = why_unusable(audience, name=job.audience_name)
        if audience is None or reason is not None:
            raise JobAtFault(Cause.AUDIENCE, reason or "")
        return audience

    async def _audience_or_none(self, job: Job) -> Audience | None:
        try:
            return await self._lytics.audience(job.config.segment_id)
        except RemoteMissing:
            return None

    async def _check_field(self, job: Job) -> None:
        fields = await self._asked(self._lytics.fields)
        if job.config.uid_field not in {field.name for field in fields}:
            raise JobAtFault(Cause.FIELD, why_unlisted(job.config.uid_field))

    async def _check_clocks(self, job: Job) -> None:
        difference = await self._difference()
        if difference is not None and self._differ(difference):
            raise ClocksDiffer(why_no_scan(difference, guard_seconds=self._guard_seconds))
        if job.cause is Cause.CLOCKS:
            await self._tell(None)

    async def _difference(self) -> float | None:
        return await self._asked(lambda: self._lytics.clock_difference_seconds(clock=self._clock))

    def _differ(self, difference: float | None) -> bool:
        return do_differ(difference, guard_seconds=self._guard_seconds)

    def _moment(self) -> Moment:
        return Moment(self._clock.now_ms(), self._clock.monotonic())

    async def _kept(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do *work* on the store until it takes it."""
        attempts = 0
        while True:
            try:
                return await work()
            except Unavailable as error:
                attempts += 1
                await self._clock.sleep(max(error.retry_after_seconds, backoff_seconds(attempts, rng=self._rng)))

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask Lytics until it answers; waits between, and names what waiting cannot mend."""
        attempts = 0
        while True:
            try:
                answer = await ask()
            except (RemoteUnreachable, RemoteUnknown) as error:
                attempts += 1
                await self._note_failure(attempts, error)
                wait = backoff_seconds(attempts, rng=self._rng)
                await self._clock.sleep(max(error.retry_after_seconds or 0.0, wait))
            except RemoteRefused as error:
                raise JobAtFault(Cause.LYTICS_CREDENTIALS, error.message) from error
            except CursorExpired:
                raise
            except RemoteMissing as error:
                raise JobAtFault(Cause.AUDIENCE, error.message) from error
            except RemoteError as error:
                raise _Stopped(error.message) from error
            else:
                await self._note_answer()
                return answer

    async def _note_failure(self, attempts: int, error: RemoteError) -> None:
        if attempts == FAILURES_BEFORE_SAYING_SO and not self._is_in_trouble:
            self._is_in_trouble = True
            await self._tell(error.message)

    async def _note_answer(self) -> None:
        if self._is_in_trouble:
            self._is_in_trouble = False
            await self._tell(None)


class _Stopped(UsherError):
    """The scan cannot go on; a new one may. Never leaves this module."""
