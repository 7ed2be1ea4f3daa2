"""Everything that can be found out about a job before it starts, asked at once."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from usher.domain.configuration import read_config
from usher.domain.job import JobConfig
from usher.errors import InvalidInput, Problem
from usher.jobs.asking_lytics import LyticsSeen, Sample, ask_lytics
from usher.jobs.asking_mapp import MappSeen, ReadBack, ask_mapp, read_back
from usher.jobs.choosing import Chosen, choose
from usher.jobs.collisions import collision, place_of
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.findings import Findings
from usher.jobs.reach import why_unreached
from usher.jobs.warnings import Known, advice_about, warnings_about
from usher.lytics.audiences import Audience
from usher.mapp.client import MappClient
from usher.mapp.wire import attribute_key, is_reserved
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.jobs import live_jobs


@dataclass(frozen=True, slots=True)
class Examined:
    """
    What was found out; None stands for what could not be.

    Args:
        config: with the audience's id in place of its slug.
        key: the attribute's key on the wire; "" where it is not known.
        advice: what holds for most jobs; the warnings among the findings are of this one.
    """

    findings: Findings
    config: JobConfig | None = None
    mapp_auth: Authorization | None = None
    lytics_auth: Authorization | None = None
    audience: Audience | None = None
    sample: Sample | None = field(default=None, repr=False)
    client: MappClient | None = None
    ping_seconds: float | None = None
    key: str = ""
    advice: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """Everything that should be known, this job's own first."""
        return [*self.findings.warnings, *self.advice]


async def examine(desk: Desk, draft: JobDraft, *, job_id: str = "") -> Examined:
    """
    Check *draft* against itself, both vendors and the live jobs; never raises for what is wrong with it.

    Args:
        job_id: the job that would become so, where there is one; it does not stand in its own way.
    """
    findings = Findings(list(draft.problems))
    if not draft.name and not any(problem.field == "name" for problem in draft.problems):
        findings.problems.append(Problem("name", "is required.", "Give the job a label."))
    config = _config(draft, findings)
    chosen = choose(draft.auth_ids, among=await desk.database.read(all_authorizations))
    findings.problems += chosen.problems
    mapp, lytics = await _ask(desk, chosen, draft.config or {}, lowercase=config is not None and config.is_lowercasing)
    findings.add(mapp.findings)
    findings.add(lytics.findings)
    seen = Examined(
        findings,
        config=_resolved(config, lytics.audience),
        mapp_auth=chosen.mapp,
        lytics_auth=chosen.lytics,
        audience=lytics.audience,
        sample=lytics.sample,
        client=mapp.client,
        ping_seconds=mapp.ping_seconds,
    )
    seen = replace(seen, key=await _check_attribute(desk, seen, job_id=job_id))
    findings.warnings += await _same_name(desk, draft, job_id=job_id)
    return await _warned(desk, seen, lytics)


def _config(draft: JobDraft, findings: Findings) -> JobConfig | None:
    if draft.config is None:
        if not any(problem.field == "config" for problem in draft.problems):
            findings.problems.append(Problem("config", "is required.", "Send the job's configuration as an object."))
        return None
    try:
        return read_config(draft.config)
    except InvalidInput as error:
        findings.problems += error.problems
        return None


def _resolved(config: JobConfig | None, audience: Audience | None) -> JobConfig | None:
    return config if config is None or audience is None else replace(config, segment_id=audience.id)


async def _ask(desk: Desk, chosen: Chosen, raw: dict[str, Any], *, lowercase: bool) -> tuple[MappSeen, LyticsSeen]:
    """Ask both vendors at once, by what was typed: a mistake in one field hides none in another."""
    asking_lytics = _ask_lytics(desk, chosen.lytics, raw, lowercase=lowercase)
    return await asyncio.gather(_ask_mapp(desk, chosen.mapp, raw), asking_lytics)


async def _ask_mapp(desk: Desk, auth: Authorization | None, raw: dict[str, Any]) -> MappSeen:
    if auth is None:
        return MappSeen()
    may_be_unlisted = raw.get("allow_unlisted_group") is True
    return await ask_mapp(desk, auth, group_id=_typed(raw, "group_id"), may_be_unlisted=may_be_unlisted)


async def _ask_lytics(desk: Desk, auth: Authorization | None, raw: dict[str, Any], *, lowercase: bool) -> LyticsSeen:
    if auth is None:
        return LyticsSeen()
    needs_scan = raw.get("withbackfill") is True or bool(raw.get("reconcile_hours"))
    segment_id, uid_field = _typed(raw, "segment_id"), _typed(raw, "uid_field")
    return await ask_lytics(
        desk, auth, segment_id=segment_id, uid_field=uid_field, needs_scan=needs_scan, lowercase=lowercase
    )


def _typed(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    return value.strip() if isinstance(value, str) and value.isprintable() else ""


async def _check_attribute(desk: Desk, seen: Examined, *, job_id: str) -> str:
    """Return the attribute's key on the wire, having noted what speaks against it."""
    config, audience, findings = seen.config, seen.audience, seen.findings
    if config is None or audience is None:
        return ""
    if not (config.mapp_attribute_name or audience.slug):
        mend = "Enter a Mapp Attribute Name."
        findings.problems.append(Problem("config.mapp_attribute_name", "is blank, and the audience has no slug.", mend))
        return ""
    target = config.target(audience_slug=audience.slug)
    key = attribute_key(target)
    if is_reserved(key):
        problem = f"makes the attribute {key!r}, which is a word that Mapp obeys."
        findings.problems.append(Problem("config.mapp_attribute_name", problem, "Choose another name."))
    if seen.mapp_auth is not None:
        place = place_of(seen.mapp_auth, target)
        if found := await desk.database.read(
            lambda txn: collision(txn, place, hold_ms=desk.timing.hold_ms, but=job_id)
        ):
            findings.conflicts.append(found)
    return key


async def _same_name(desk: Desk, draft: JobDraft, *, job_id: str) -> list[str]:
    jobs = await desk.database.read(live_jobs)
    if not any(job.name == draft.name and job.id != job_id for job in jobs):
        return []
    return [f"Another live job is called {draft.name!r} too. Rename one, so that people can tell them apart."]


async def _warned(desk: Desk, seen: Examined, lytics: LyticsSeen) -> Examined:
    config, audience = seen.config, seen.audience
    if config is None or audience is None or lytics.identifier is None or not seen.key:
        return seen
    held = ReadBack()
    if seen.client is not None and seen.sample is not None:
        held = await read_back(seen.client, config, slug=audience.slug, members=seen.sample.members)
    known = Known(
        config=config,
        target=config.target(audience_slug=audience.slug),
        key=seen.key,
        audience=audience,
        identifier=lytics.identifier,
        sample=seen.sample,
        read_back=held,
        unreached=why_unreached(desk),
    )
    seen.findings.warnings += warnings_about(known)
    return replace(seen, advice=tuple(advice_about(known)))
