"""What a job would do, shown before it is started: nothing is saved, nobody is sent."""

import math
from dataclasses import dataclass, field

from usher.domain.configuration import LONGEST_TEXT, read_config
from usher.domain.job import JobConfig
from usher.errors import InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.examining import Examined, examine
from usher.lytics.scan import PAGE_SIZE
from usher.mapp.client import PreparedRequest
from usher.redact import mask_member
from usher.store.jobs import live_jobs

SAMPLES = {
    "email": "someone@example.com",
    "userID": "user-1234",
    "mobileNumber": "4915112345678",
    "externalID": "external-1234",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What a job would do.

    Args:
        problems: everything that stands in the way; such a job would be refused.
        warnings: what should be known, this job's own first; each with the next step.
        advice: those of the warnings that hold for most jobs.
        request: what would be sent for one person who is inside, its token masked; None where it is not known.
        people: how many are sent at once when the job starts; 0 without Existing Users, None where Lytics did not say.
        seconds: how long that takes at the present pace; None where that is not known.
        attribute_key: the attribute as it goes to Mapp; "" where it is not known.
        usual_label: what it may be called if nobody says: the audience's name, with the attribute where another live
            job is called so; "" where that is not known.
        config: None where something is wrong with it.
    """

    problems: list[Problem]
    warnings: list[str]
    request: PreparedRequest | None = field(repr=False)
    people: int | None
    seconds: float | None
    attribute_key: str
    advice: tuple[str, ...] = ()
    usual_label: str = ""
    config: JobConfig | None = None
    audience_slug: str = ""


async def preview_job(desk: Desk, draft: JobDraft, *, may_see_people: bool, job_id: str = "") -> Preview:
    """
    Show what *draft* would do. Never raises for a bad draft, nor for what a vendor does.

    Args:
        may_see_people: whether the sample member is shown in full.
        job_id: the job that would become so, where there is one.
    """
    seen = await examine(desk, draft, job_id=job_id)
    people = _people(seen)
    return Preview(
        problems=seen.findings.as_problems(),
        warnings=seen.warnings,
        request=_request(seen, may_see_people=may_see_people),
        people=people,
        seconds=await _seconds(desk, seen, people),
        attribute_key=seen.key,
        advice=seen.advice,
        usual_label=await _usual_label(desk, seen),
        config=seen.config,
        audience_slug="" if seen.audience is None else seen.audience.slug,
    )


def unanswered(draft: JobDraft, problem: Problem) -> Preview:
    """Return what is known of *draft* where the vendors have not answered in time, which *problem* says."""
    try:
        config = read_config(draft.config or {})
    except InvalidInput as error:
        return Preview([*draft.problems, *error.problems, problem], [], None, None, None, "")
    return Preview([*draft.problems, problem], [], None, None, None, "", config=config)


async def _usual_label(desk: Desk, seen: Examined) -> str:
    if seen.audience is None:
        return ""
    name = seen.audience.name
    is_taken = any(job.name == name for job in await desk.database.read(live_jobs))
    return _with_attribute(name, seen.key) if is_taken and seen.key else name[:LONGEST_TEXT]


def _with_attribute(name: str, key: str) -> str:
    """Cut the name rather than the attribute: it is what tells them apart."""
    end = f" → {key}"[:LONGEST_TEXT]
    return name[: LONGEST_TEXT - len(end)] + end


def _people(seen: Examined) -> int | None:
    if seen.config is None or seen.audience is None:
        return None
    return seen.audience.size if seen.config.withbackfill else 0


def _request(seen: Examined, *, may_see_people: bool) -> PreparedRequest | None:
    if seen.client is None or seen.config is None or seen.audience is None or not seen.key:
        return None
    found = seen.sample.members[:1] if seen.sample is not None else ()
    member = found[0] if found else SAMPLES[seen.config.identifier_type]
    shown = member if may_see_people or not found else mask_member(member)
    try:
        return seen.client.preview(seen.config.target(audience_slug=seen.audience.slug), shown, is_in=True)
    except InvalidInput:
        return None


async def _seconds(desk: Desk, seen: Examined, people: int | None) -> float | None:
    """Lytics is read while Mapp is told, so the slower of the two decides."""
    if people is None or seen.mapp_auth is None:
        return None
    if people == 0:
        return 0.0
    per_second = await _per_second(desk, seen)
    if per_second is None:
        return None
    reading = math.ceil(people / PAGE_SIZE) * (seen.sample.page_seconds if seen.sample is not None else 0.0)
    return max(people / per_second, reading)


async def _per_second(desk: Desk, seen: Examined) -> float | None:
    """Return the rate in force, or else what as many requests at once as are allowed would reach."""
    assert seen.mapp_auth is not None
    limit, in_flight = await desk.vendors.limits(seen.mapp_auth.id)
    now, _ = desk.pace_of(seen.mapp_auth.id)
    tried = in_flight / seen.ping_seconds if seen.ping_seconds else None
    rates = [rate for rate in (limit, now, tried) if rate]
    return min(rates) if rates else None
