"""How what a courier found out shows in the state of its jobs."""

from usher.domain.job import NO_SCAN, Cause, Event, Job, Status
from usher.domain.notes import LogCode, LogEntry
from usher.domain.outcome import StopCause, StopJob
from usher.engine.courier import Courier
from usher.engine.ports import JobStore

CAUSES = {StopCause.CREDENTIALS: Cause.MAPP_CREDENTIALS, StopCause.INTEGRATION: Cause.MAPP_INTEGRATION}
SAME_MOMENT_MS = 1_000
REJECTED = (
    "At least half of the last 20 people were rejected by Mapp, so the fault is taken to be the job's."
    " Look at who is set aside and why; one person is tried again from time to time, and the job goes on when Mapp"
    " takes one. Restart it (bounce) to go on at once."
)


def log(job: Job, level: str, message: str, code: LogCode) -> LogEntry:
    return LogEntry(job=job.key, level=level, message=message, code=code)


async def show_standing(courier: Courier, job: Job, *, store: JobStore, now: float, is_keeper: bool) -> None:
    """
    Move *job* on if its courier gave up on its rows, or takes them again.

    Args:
        is_keeper: this worker tries, where the one that gave up may be gone.
    """
    if courier.verdicts.stopped is not None:
        return  # shown to every job of the authorization at once
    if job.key in courier.verdicts.trials:
        await _show_trial(courier, job, store=store)
    elif is_keeper and job.status is Status.FAULT and job.cause is Cause.REJECTIONS:
        courier.verdicts.start_trials(job.key, now=now, since_ms=None)  # this process did not see them
        courier.verdicts.trials[job.key].is_known = True


async def show_refusal(job: Job, stop: StopJob, *, store: JobStore) -> None:
    """Stop *job* because Mapp refuses its authorization."""
    if job.status in {Status.RUNNABLE, Status.SLEEPING}:
        reason = f"{stop.reason} Change the authorization; the job goes on by itself once Mapp takes it."
        entry = log(job, "error", reason, LogCode.FAULT)
        await store.apply(job, Event.FAULT, cause=CAUSES[stop.cause], reason=reason, log=entry)


async def _show_trial(courier: Courier, job: Job, *, store: JobStore) -> None:
    trial = courier.verdicts.trials[job.key]
    if trial.has_nothing_to_try:
        trial.has_nothing_to_try = False
        trial.is_over = not await store.owe_one_set_aside(job.key)
        courier.ring()
    elif trial.is_over:
        courier.verdicts.end_trials(job.key)
        since_ms = job.sleep_until_ms if trial.since_ms is None else trial.since_ms
        if since_ms is not None:
            await store.owe_set_aside_since(job.key, since_ms=since_ms)
        entry = log(job, "info", "Mapp takes people again; going on.", LogCode.MENDED)
        await store.apply(job, Event.MEND, log=entry)
        courier.ring()
    elif trial.is_known and job.status is Status.RUNNABLE:
        courier.verdicts.end_trials(job.key)
        courier.ring()
    elif not trial.is_known and job.status in {Status.RUNNABLE, Status.SLEEPING}:
        entry = log(job, "error", REJECTED, LogCode.FAULT)
        trial.is_known = await store.apply(
            job, Event.FAULT, cause=Cause.REJECTIONS, reason=REJECTED, log=entry, sleep_until_ms=trial.since_ms
        )


async def show_lytics(job: Job, trouble: str | None, *, store: JobStore) -> None:
    """Let *job* sleep because Lytics does not answer its scan, or wake because a scan can be read again."""
    if trouble is not None and job.status is Status.RUNNABLE:
        reason = f"Lytics does not answer a scan of the audience ({trouble}). Usher asks again by itself."
        entry = log(job, "warn", reason, LogCode.ASLEEP)
        await store.apply(job, Event.SLEEP, cause=Cause.LYTICS_OUTAGE, reason=reason, log=entry)
    elif trouble is None and job.cause in NO_SCAN:
        over = "Lytics answers again" if job.cause is Cause.LYTICS_OUTAGE else "The clocks agree again"
        await store.apply(job, Event.WAKE, log=log(job, "info", f"{over}; going on.", LogCode.AWAKE))


async def show_clocks(job: Job, reason: str, *, store: JobStore) -> None:
    """Let *job* sleep because no scan may begin while our clock and Lytics' differ; it sends what it knows of."""
    if job.status is Status.RUNNABLE:
        entry = log(job, "warn", reason, LogCode.ASLEEP)
        await store.apply(job, Event.SLEEP, cause=Cause.CLOCKS, reason=reason, log=entry)


async def show_outage(job: Job, down_until_ms: int | None, *, store: JobStore) -> None:
    """Let *job* sleep because Mapp is down for any worker, or wake because it is up for all."""
    is_asleep = job.status is Status.SLEEPING and job.cause not in NO_SCAN
    if down_until_ms is None and is_asleep:
        await store.apply(job, Event.WAKE, log=log(job, "info", "Mapp answers again; going on.", LogCode.AWAKE))
    elif down_until_ms is not None and (is_asleep or job.status is Status.RUNNABLE):
        reason = "Mapp does not answer, or answers with errors. Usher tries again by itself; nothing is lost."
        if is_asleep and abs(down_until_ms - (job.sleep_until_ms or 0)) < SAME_MOMENT_MS:
            return
        entry = None if is_asleep else log(job, "warn", reason, LogCode.ASLEEP)
        await store.apply(job, Event.SLEEP, cause=Cause.OUTAGE, reason=reason, sleep_until_ms=down_until_ms, log=entry)
