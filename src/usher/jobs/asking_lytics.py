"""What Lytics is asked before a job may export an audience, and what its answers mean for the job."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from usher.domain.identifier import members_of
from usher.errors import (
    InvalidInput,
    NotFound,
    Problem,
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteUnknown,
    RemoteUnreachable,
)
from usher.jobs.desk import Desk
from usher.jobs.findings import Findings
from usher.lytics.audiences import Audience, Field
from usher.lytics.client import LyticsClient
from usher.lytics.redaction import looks_redacted
from usher.store.authorizations import Authorization

MEND_REDACTED = "Give the Lytics token the role PII View."


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The identifiers of an audience's first people.

    Args:
        profiles: how many people were looked at; *without* of them have none, *redacted* of the rest look masked.
        page_seconds: how long Lytics took for them.
    """

    profiles: int
    without: int
    redacted: int
    members: tuple[str, ...] = field(repr=False)
    page_seconds: float

    @property
    def is_redacted(self) -> bool:
        """Whether half of the values look masked: one odd value is nobody's mistake."""
        return bool(self.redacted) and self.redacted * 2 >= self.profiles - self.without


@dataclass(slots=True)
class LyticsSeen:
    """None stands for what Lytics did not show."""

    audience: Audience | None = None
    identifier: Field | None = None
    sample: Sample | None = None
    findings: Findings = field(default_factory=Findings)


async def ask_lytics(
    desk: Desk, auth: Authorization, *, segment_id: str, uid_field: str, needs_scan: bool, lowercase: bool = False
) -> LyticsSeen:
    """
    Look for the audience and the identifier field, and read a sample; "" asks for none.

    Args:
        needs_scan: the job reads whole audiences, so a token that may not is a problem.
        lowercase: the job names its members in lower case.

    Never raises for what a vendor does.
    """
    seen = LyticsSeen()
    try:
        client = await desk.vendors.lytics(auth.id)
        seen.identifier = _field(await client.fields(), uid_field, seen.findings)
        seen.audience = await _audience(client, segment_id, seen.findings)
        if seen.audience is not None and seen.identifier is not None:
            seen.sample = await _sample(desk, client, seen, needs_scan=needs_scan, lowercase=lowercase)
            _refuse_redacted(seen)
    except (RemoteError, InvalidInput, NotFound) as error:
        mend = f"Change the authorization {auth.label!r}."
        seen.findings.take_error(error, field="auth_ids", system="Lytics", mend=mend)
    return seen


def _field(fields: list[Field], name: str, findings: Findings) -> Field | None:
    found = next((one for one in fields if one.name == name), None)
    if found is None and name:
        near = get_close_matches(name, [one.name for one in fields], n=3)
        mend = f"Did you mean {' or '.join(near)}?" if near else "List them with `usher field list` and choose one."
        findings.problems.append(Problem("config.uid_field", f"Lytics' schema has no field {name!r}.", mend))
    return found


async def _audience(client: LyticsClient, segment_id: str, findings: Findings) -> Audience | None:
    if not segment_id:
        return None
    try:
        audience = await client.audience(segment_id)
    except RemoteMissing:
        mend = await _near_audiences(client, segment_id)
        problem = "Lytics has no audience by that id or slug."
        findings.problems.append(Problem("config.segment_id", problem, mend))
        return None
    if problem_and_mend := audience_problem(audience):
        findings.problems.append(Problem("config.segment_id", *problem_and_mend))
    return audience


async def _near_audiences(client: LyticsClient, typed: str) -> str:
    """Say which audiences *typed* may mean; a name is as good as a slug, which Lytics makes of it."""
    try:
        slugs = [audience.slug for audience in await client.audiences() if audience.slug]
    except RemoteError:
        slugs = []
    near = get_close_matches(typed.lower().replace(" ", "_"), slugs, n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "List them with `usher audience list` and choose one."


def audience_problem(audience: Audience) -> tuple[str, str] | None:
    """Return why *audience* cannot be exported, and the mend; None where it can."""
    if audience.is_deleted:
        return "The audience was deleted in Lytics.", "Choose another one."
    if not audience.is_valid:
        reason = audience.invalid_reason or "no reason given"
        return f"Lytics calls the audience invalid ({reason}).", "Mend it in Lytics, or choose another one."
    return None


async def _sample(
    desk: Desk, client: LyticsClient, seen: LyticsSeen, *, needs_scan: bool, lowercase: bool
) -> Sample | None:
    assert seen.audience is not None
    assert seen.identifier is not None
    began = desk.clock.monotonic()
    try:
        values = await client.identifier_sample(seen.audience.id, field=seen.identifier.name)
    except (RemoteUnreachable, RemoteUnknown):
        raise
    except RemoteError as error:
        _take_unreadable(error, seen.findings, needs_scan=needs_scan)
        return None
    return sample_of(values, page_seconds=desk.clock.monotonic() - began, lowercase=lowercase)


def _refuse_redacted(seen: LyticsSeen) -> None:
    if seen.sample is not None and seen.identifier is not None and seen.sample.is_redacted:
        problem = f"The values of {seen.identifier.name!r} look redacted, so nobody would be found in Mapp."
        seen.findings.problems.append(Problem("config.uid_field", problem, MEND_REDACTED))


def _take_unreadable(error: RemoteError, findings: Findings, *, needs_scan: bool) -> None:
    said = f"Lytics does not let this token read people: {error.message}"
    if needs_scan and isinstance(error, RemoteRefused):
        mend = "Give the token the roles to view audiences and profiles, or switch off Existing Users and reconcile."
        findings.problems.append(Problem("auth_ids", said, mend))
    else:
        findings.warnings.append(f"No sample of the identifiers could be read, so they were not checked. {said}")


def sample_of(values: list[Any], *, page_seconds: float, lowercase: bool = False) -> Sample:
    """Return what the identifier field's *values*, one a person, show; members in lower case if *lowercase*."""
    named = [(value, members_of(value, lowercase=lowercase)) for value in values]
    given = [(value, members) for value, members in named if members]
    return Sample(
        profiles=len(values),
        without=len(values) - len(given),
        redacted=sum(looks_redacted(value) for value, _ in given),
        members=tuple(dict.fromkeys(member for _, members in given for member in members)),
        page_seconds=page_seconds,
    )
