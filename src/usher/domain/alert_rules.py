"""
Which conditions hold, from what is known of the jobs and the authorizations. Pure.

One trouble is one condition: jobs that stopped because an authorization is refused are told as that authorization, and
a job at the removal brake is told as the brake, never as a job that stopped too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from usher.domain.alert import Condition, Kind, Level, Thresholds
from usher.domain.attention import STOPPED, is_at_brake
from usher.domain.job import SENDING, Cause, Job, Status

SET_ASIDE_PEOPLE = 20  # fewer are looked at one by one
STAYS_OPEN = 0.8  # of a threshold: what is open ends below this, so that a figure at the threshold does not flap
MS_PER_MINUTE = 60_000
OF_MAPP = frozenset({Cause.MAPP_CREDENTIALS, Cause.MAPP_INTEGRATION})
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class JobFacts:
    """
    What is known of one job.

    Args:
        is_held: its triggered exits, or those whom its newest scan did not find, wait for a decision.
        oldest_ms: since when its oldest live change that is owed has been true in Lytics; None where none is owed.
        resumed_ms: when a person last let it go on; 0 where none did lately.
        gap: what is wrong with its triggers, in a sentence; "" where they come.
    """

    job: Job
    is_held: bool = False
    members: int = 0
    set_aside: int = 0
    oldest_ms: int | None = None
    resumed_ms: int = 0
    gap: str = ""

    @property
    def waits_since_ms(self) -> int | None:
        """Since when its oldest change waits; the time for which a person paused the job is not counted."""
        return None if self.oldest_ms is None else max(self.oldest_ms, self.resumed_ms)


@dataclass(frozen=True, slots=True)
class AuthFacts:
    """
    What is known of one authorization.

    Args:
        is_refused: the last call with its credentials was refused.
        unreadable: messages for it that made no sense, within the last quarter of an hour.
        is_too_large: one was refused for its size within that time.
    """

    id: str
    label: str
    provider: str
    is_refused: bool = False
    unreadable: int = 0
    is_too_large: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that conditions are read from, at one moment of the ledger's clock."""

    now_ms: int
    jobs: Collection[JobFacts] = ()
    authorizations: Collection[AuthFacts] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)


def conditions(facts: Facts, *, are_open: Collection[str] = ()) -> list[Condition]:
    """
    Return what is so now, at most one condition for each slot.

    Args:
        are_open: slots of the conditions that held before; a figure must fall clearly below its threshold to end one.
    """
    found = [*_of_authorizations(facts)]
    for one in facts.jobs:
        found += _of_job(one, facts, are_open)
    return found


def _of_authorizations(facts: Facts) -> Iterator[Condition]:
    stopped = _stopped_by(one.job for one in facts.jobs)
    for auth in facts.authorizations:
        count = stopped.get(auth.id, 0)
        if count or auth.is_refused:
            yield _refused(auth, count)
        if auth.unreadable:
            yield _unreadable(auth)
        if auth.is_too_large:
            yield _too_large(auth)


def _stopped_by(jobs: Iterable[Job]) -> Mapping[str, int]:
    """Return how many jobs each authorization has stopped."""
    found: dict[str, int] = {}
    for job in jobs:
        if (auth_id := refused_auth(job)) is not None:
            found[auth_id] = found.get(auth_id, 0) + 1
    return found


def refused_auth(job: Job) -> str | None:
    """Return the authorization that stopped *job*, or None where something else did or it goes on."""
    if job.status is not Status.FAULT:
        return None
    if job.cause in OF_MAPP:
        return job.mapp_auth
    return job.lytics_auth if job.cause is Cause.LYTICS_CREDENTIALS else None


def _of_job(one: JobFacts, facts: Facts, are_open: Collection[str]) -> Iterator[Condition]:
    if is_at_brake(one.job.status, is_held=one.is_held) or one.job.cause is Cause.REMOVALS:
        yield _at_brake(one.job)
    elif one.job.status in STOPPED and refused_auth(one.job) is None:
        yield _stopped(one.job)
    if not one.job.is_live:
        return
    if one.gap:
        yield _gap(one)
    if _is_much_aside(one, facts.thresholds, is_open=f"{Kind.SET_ASIDE}/{one.job.id}" in are_open):
        yield _much_aside(one)
    if _waits_too_long(one, facts):
        yield _waiting(one, facts)


def _is_much_aside(one: JobFacts, limits: Thresholds, *, is_open: bool) -> bool:
    share = STAYS_OPEN if is_open else 1.0
    is_share = one.members > 0 and 100 * one.set_aside >= share * limits.set_aside_percent * one.members
    return is_share and one.set_aside >= share * SET_ASIDE_PEOPLE


def _waits_too_long(one: JobFacts, facts: Facts) -> bool:
    """A job that a person or a fault has stopped is not late: that is another condition, or somebody's wish."""
    if one.waits_since_ms is None or one.job.status not in SENDING:
        return False
    return facts.now_ms - one.waits_since_ms >= facts.thresholds.waiting_minutes * MS_PER_MINUTE


def _refused(auth: AuthFacts, jobs: int) -> Condition:
    whose = "Lytics" if auth.provider == "lytics" else "Mapp"
    stopped = f" {jobs:,} {'job has' if jobs == 1 else 'jobs have'} stopped." if jobs else ""
    why = "does not accept the credentials"
    if not auth.is_refused:
        why = "refuses something that is asked with the credentials; the job's page says what"
    text = f"{whose} {why}.{stopped} Change the authorization; jobs go on by themselves."
    title = f"{whose} refuses the authorization {_named(auth.label)}"
    return Condition(Kind.CREDENTIALS, auth.id, Level.CRITICAL, title, text, f"/authorizations/{auth.id}")


def _unreadable(auth: AuthFacts) -> Condition:
    title = f"Messages for {_named(auth.label)} make no sense"
    text = (
        f"{auth.unreadable:,} within the last 15 minutes. They are kept: look at one in the settings, under Health"
        " and retention, and compare the webhook's Export Fields with what the job's page says."
    )
    return Condition(Kind.UNREADABLE, auth.id, Level.WARNING, title, text, "/settings/about")


def _too_large(auth: AuthFacts) -> Condition:
    title = f"Messages for {_named(auth.label)} are too large and were lost"
    text = (
        "Usher takes messages of up to 16 MiB, and Lytics does not send a larger one again. Lower the webhook's batch"
        " size to 10 and its Export Fields to the identifier, then reconcile the jobs of this authorization."
    )
    return Condition(Kind.TOO_LARGE, auth.id, Level.CRITICAL, title, text, f"/authorizations/{auth.id}")


def _at_brake(job: Job) -> Condition:
    title = f"{_named(job.name)} waits for a decision about people who left"
    text = (
        "More people left at once than the removal brake lets pass. Confirm that they left, or keep them as they are."
    )
    return Condition(Kind.BRAKE, job.id, Level.WARNING, title, text, f"/jobs/{job.id}/removals")


def _stopped(job: Job) -> Condition:
    word = "has failed" if job.status is Status.FAILED else "needs attention"
    text = job.reason or "The job's page says what would mend it."
    return Condition(Kind.ATTENTION, job.id, Level.CRITICAL, f"{_named(job.name)} {word}", text, f"/jobs/{job.id}")


def _gap(one: JobFacts) -> Condition:
    title = f"Triggers of {_named(one.job.name)} do not come"
    return Condition(Kind.TRIGGER_GAP, one.job.id, Level.WARNING, title, one.gap, f"/jobs/{one.job.id}")


def _much_aside(one: JobFacts) -> Condition:
    percent = int(100 * one.set_aside / one.members)
    title = f"{_named(one.job.name)}: many people are set aside"
    text = (
        f"Mapp rejected {one.set_aside:,} of {one.members:,} people ({percent} %)."
        " Look at the reasons on the job's page, mend them, then retry."
    )
    return Condition(Kind.SET_ASIDE, one.job.id, Level.WARNING, title, text, f"/jobs/{one.job.id}/people")


def _waiting(one: JobFacts, facts: Facts) -> Condition:
    minutes = (facts.now_ms - (one.waits_since_ms or 0)) // MS_PER_MINUTE
    why = f" {one.job.reason}" if one.job.status is Status.SLEEPING and one.job.reason else ""
    title = f"A change of {_named(one.job.name)} has waited for {minutes:,} min"
    text = f"It should have reached Mapp within seconds. Nothing is lost.{why} The job's page shows what is owed."
    return Condition(Kind.WAITING, one.job.id, Level.CRITICAL, title, text, f"/jobs/{one.job.id}")


def _named(name: str) -> str:
    """Return what a person called something, as one line of bounded length: it becomes part of a subject."""
    tidy = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return f"\N{LEFT DOUBLE QUOTATION MARK}{tidy[:LONGEST_NAME]}\N{RIGHT DOUBLE QUOTATION MARK}"
