"""
Stops a job whose source cannot be trusted, and lets it go on once Lytics has that again; nothing is guessed meanwhile.

A source is an audience, its definition, and the field that names its members.
"""

from dataclasses import dataclass, replace

from usher.domain.job import SENDING, Cause, Event, Job, Status, next_status
from usher.domain.notes import LogCode, LogEntry
from usher.domain.trigger_gap import GapKind
from usher.domain.unnamed import Triggers, have_lost_identifier
from usher.errors import RemoteMissing, RemoteRefused
from usher.jobs.desk import Desk
from usher.jobs.trigger_gaps import compare_emptied, open_gap, want_comparison
from usher.lytics.audiences import Audience
from usher.lytics.client import LyticsClient
from usher.lytics.usability import why_unlisted, why_unusable, why_withheld
from usher.store import brake, jobs, notes, scans
from usher.store.database import Txn
from usher.store.source_facts import SourceFacts, keep_source_facts, source_facts

MENDS_ITSELF = frozenset({Cause.AUDIENCE, Cause.FIELD})
BACK = "Lytics has what this job needs again; going on. A comparison finds what changed meanwhile."
UNNAMED = (
    "More than a fifth of the last triggers carry no {field!r}, so Usher cannot tell whom they are about."
    " Look in Lytics whether the field is still filled, and whether the webhook's Export Fields hold it."
    " The job goes on by itself once triggers carry it; or restart it if that is as it should be."
)
OVERRULED = "Many triggers carry no {field!r}, as before the job was restarted; that is taken to be usual from here on."
REMAKE = " Stop the webhook in Lytics and make it anew, as Lytics advises after such a change."


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What Lytics says of a job's source.

    Args:
        definition: what the audience's definition hashes to; blank where that cannot be told.
        cause: what is wrong with it, or NONE; *reason* says what would mend it.
        size: how many Lytics says are inside; 0 where it does not say.
    """

    definition: str = ""
    cause: Cause = Cause.NONE
    reason: str = ""
    size: int = 0

    @property
    def is_there(self) -> bool:
        """Whether the audience can be read, whatever its fields."""
        return self.cause is not Cause.AUDIENCE


async def look_at(lytics: LyticsClient, job: Job, *, fields: frozenset[str]) -> Seen:
    """
    Ask Lytics about the source of *job*.

    Args:
        fields: what the schema lists; none of them: it did not say.

    Raises:
        RemoteError: Lytics did not say; look again later.
    """
    try:
        audience = await _audience_or_none(lytics, job)
    except RemoteRefused:
        if not fields:
            raise
        return Seen(cause=Cause.AUDIENCE, reason=why_withheld(job.audience_name))
    if (reason := why_unusable(audience, name=job.audience_name)) is not None or audience is None:
        return Seen(cause=Cause.AUDIENCE, reason=reason or "")
    if fields and job.config.uid_field not in fields:
        return Seen(audience.definition, Cause.FIELD, why_unlisted(job.config.uid_field))
    if job.cause is Cause.AUDIENCE and (reason := await _why_unread(lytics, job)):
        return Seen(audience.definition, Cause.AUDIENCE, reason)
    return Seen(audience.definition, size=audience.size or 0)


async def _why_unread(lytics: LyticsClient, job: Job) -> str:
    """Return why nobody in the audience can be read, or "": a scan may have stopped the job for that alone."""
    try:
        await lytics.identifier_sample(job.config.segment_id, field=job.config.uid_field, limit=1)
    except RemoteMissing as error:
        return error.message
    except RemoteRefused:
        return why_withheld(job.audience_name)
    return ""


async def _audience_or_none(lytics: LyticsClient, job: Job) -> Audience | None:
    try:
        return await lytics.audience(job.config.segment_id)
    except RemoteMissing:
        return None


async def keep_seen(desk: Desk, job: Job, seen: Seen) -> bool:
    """Stop *job*, let it go on, or have it compared, as what was *seen* asks; return whether it was redefined."""

    def work(txn: Txn) -> bool:
        now = jobs.job_by_key(txn, job.key)
        if not now.is_live:
            return False
        before = source_facts(txn, job.key)
        known = before or SourceFacts(definition=_definition_of_last_scan(txn, job.key))
        known, seen_now = _judged(txn, now, known, seen)
        _stop_or_mend(txn, now, seen_now, is_unnamed=known.is_unnamed)
        is_redefined = bool(seen.definition and known.definition and seen.definition != known.definition)
        if is_redefined:
            _say_redefined(txn, jobs.job_by_key(txn, job.key))
        elif seen.size:
            compare_emptied(txn, jobs.job_by_key(txn, job.key))
        known = replace(known, definition=seen.definition or known.definition)
        if known != before:
            keep_source_facts(txn, job.key, known)
        return is_redefined

    is_redefined = await desk.database.write(work)
    if is_redefined or seen.cause or job.cause in MENDS_ITSELF:
        desk.refresh()
    return is_redefined


def _definition_of_last_scan(txn: Txn, job: int) -> str:
    scan = scans.last_scan(txn, job)
    return scan.definition if scan is not None else ""


def _stop_or_mend(txn: Txn, job: Job, seen: Seen, *, is_unnamed: bool) -> None:
    is_to_mend = job.status is Status.FAULT and job.cause in MENDS_ITSELF and not seen.cause
    if seen.cause and job.status in SENDING:
        status = next_status(job.status, Event.FAULT)
        changes = {"status": status, "cause": seen.cause, "reason": seen.reason, "sleep_until_ms": None}
        if jobs.change_job_if(txn, job.key, expected=job.status, **changes):
            notes.add_log(txn, LogEntry(job.key, "error", seen.reason, LogCode.FAULT))
    elif is_to_mend and not (is_unnamed and job.cause is Cause.FIELD):
        _mend(txn, job)


def _mend(txn: Txn, job: Job) -> None:
    """Go on, but into the brake's fault where a scan waits: that Lytics is back decides about nobody."""
    said = brake.waiting_said(txn, job)
    status = job.status if brake.held_scan(txn, job.key) is not None else next_status(job.status, Event.MEND)
    cause = Cause.REMOVALS if said else Cause.NONE
    if jobs.change_job_if(txn, job.key, expected=job.status, status=status, cause=cause, reason=said):
        notes.add_log(txn, LogEntry(job.key, "info", BACK, LogCode.MENDED))
        want_comparison(txn, job)


def _say_redefined(txn: Txn, job: Job) -> None:
    note = "" if job.webhook.state == "made" else REMAKE
    open_gap(txn, job, GapKind.REDEFINED, since_ms=txn.now_ms, note=note)


def _judged(txn: Txn, job: Job, known: SourceFacts, seen: Seen) -> tuple[SourceFacts, Seen]:
    """Return what is known, and seen, once the identifiers of newer triggers are judged."""
    if known.is_unnamed and job.status in SENDING:  # a person restarted it
        known = replace(known, is_unnamed=False, is_overruled=True)
    counted = scans.counters_of(txn, job.key)
    now = Triggers(counted.get("triggers.received", 0), counted.get("triggers.ignored.no_identifier", 0))
    lately = now.since(Triggers(known.received, known.unnamed))
    usual = max(known.usual, scans.share_unnamed(txn, job.key) or 0.0)
    is_lost = have_lost_identifier(lately, usual=usual)
    if is_lost is None:
        return known, seen
    known = replace(known, received=now.received, unnamed=now.unnamed)
    if is_lost and known.is_overruled:
        message = OVERRULED.format(field=job.config.uid_field)
        notes.add_log(txn, LogEntry(job.key, "warn", message, LogCode.NO_IDENTIFIER))
        return replace(known, is_overruled=False, usual=lately.share), seen
    known = replace(known, is_unnamed=is_lost, is_overruled=False)
    if not is_lost or seen.cause:
        return known, seen
    return known, replace(seen, cause=Cause.FIELD, reason=UNNAMED.format(field=job.config.uid_field))
