"""
Members and progress as the API shows them; shapes of ours, so an absent value is null.

Viewers see masked identifiers. A cursor names a member, so it leaves sealed and is opened when it comes back.
"""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from usher.clock import iso_or_none
from usher.errors import InvalidInput, Problem
from usher.jobs.explain import Explanation, MemberLine
from usher.jobs.offers import offer_words
from usher.jobs.preview import Preview
from usher.jobs.saying import sentence_of
from usher.jobs.standing import Standing
from usher.mapp.client import PreparedRequest
from usher.redact import mask_member, without_member
from usher.vault import Vault, VaultLocked

CURSOR_PLACE = "api/members-cursor"


class ToldBody(BaseModel):
    """A value and when."""

    value: str
    at: str | None


class AsideBody(BaseModel):
    """Why Mapp rejected it, and when."""

    reason: str
    at: str | None


class MomentBody(BaseModel):
    """Something out of the routine."""

    at: str
    kind: str
    value: str | None
    version: str | None
    note: str


class MemberBody(BaseModel):
    """One member of a job."""

    member: str
    state: str
    wanted: str | None
    version: str | None
    accepted: ToldBody | None
    confirmed: ToldBody | None
    set_aside: AsideBody | None
    due_at: str | None


class ExplanationBody(MemberBody):
    """One member, with what happened and what will; *history_from* is null, or since when that is known."""

    history: list[MomentBody]
    next: str
    why: list[str]
    history_from: str | None


class ScanBody(BaseModel):
    """
    The newest scan of a job; *held* are those whom it did not find and who wait for a decision.

    *without_identifier* counts profiles for which the identifier field names nobody.
    """

    kind: str
    state: str
    seen: int
    expected: int | None
    without_identifier: int
    held: int
    pages: int
    started: str
    finished: str | None
    eta_seconds: float | None


class MemberCountsBody(BaseModel):
    """
    How many members are in which state; *held* are those of *due* that wait for a person and are not sent before.

    waiting = due - held; in_step = total - due - set_aside.
    """

    total: int
    inside: int = Field(alias="in")
    out: int
    due: int
    set_aside: int
    held: int
    waiting: int
    in_step: int


class SentBody(BaseModel):
    """Requests to Mapp by what they meant; *requests* are all of them."""

    requests: int
    accepted: int
    retried: int
    rejected: int
    unknown: int


class TriggersBody(BaseModel):
    """received = applied + the sum of ignored + unreadable."""

    received: int
    applied: int
    ignored: dict[str, int]
    unreadable: int


class PaceBody(BaseModel):
    """*per_second* is null where nothing limits it."""

    per_second: float | None
    in_flight: int


class BackfillBody(BaseModel):
    """
    How far everybody who is owed at once has come: a backfill, or people who are told again.

    Of *expected* people, *read* came from Lytics and *accepted* reached Mapp. *left_seconds* is null where it cannot be
    said yet, or nothing is sent.
    """

    expected: int | None
    accepted: int
    read: int
    per_second: float
    left_seconds: float | None


class ProgressBody(BaseModel):
    """
    How far a job has come; *hold* names what waits at the removal brake, and is blank where nobody does.

    *sentence* says what the job does now and why, *since* when it came to stand still. *offers* are the steps that fit
    it now: start (resume, for one never started), pause, resume, bounce, decide (confirm-removals or discard-removals),
    reconcile, resend, retry, edit, clone (create it anew), kill, delete.
    """

    status: str
    reason: str
    scan: ScanBody | None
    members: MemberCountsBody
    sent: SentBody
    triggers: TriggersBody
    pace: PaceBody
    hold: str
    sentence: str
    since: str | None
    backfill: BackfillBody | None
    offers: list[str]


class ProblemBody(BaseModel):
    """One thing that stands in the way."""

    field: str
    problem: str
    mend: str


class RequestBody(BaseModel):
    """One request as it would be sent, its token masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


class PreviewBody(BaseModel):
    """What a job would do."""

    problems: list[ProblemBody]
    warnings: list[str]
    request: RequestBody | None
    people: int | None
    seconds: float | None
    attribute_key: str


def progress_body(now: Standing) -> ProgressBody:
    progress, backfill = now.progress, now.backfill
    figures = asdict(progress) | {
        "members": {**progress.members, "waiting": progress.waiting, "in_step": progress.in_step},
        "sent": {**progress.sent, "requests": progress.requests},
        "sentence": sentence_of(now),
        "since": iso_or_none(now.since_ms),
        "backfill": None if backfill is None else asdict(backfill),
        "offers": offer_words(now),
    }
    return ProgressBody.model_validate(figures)


def preview_body(preview: Preview) -> PreviewBody:
    request = preview.request
    return PreviewBody(
        problems=[ProblemBody(field=p.field, problem=p.problem, mend=p.mend) for p in preview.problems],
        warnings=preview.warnings,
        request=None if request is None else request_body(request),
        people=preview.people,
        seconds=preview.seconds,
        attribute_key=preview.attribute_key,
    )


def request_body(request: PreparedRequest) -> RequestBody:
    return RequestBody(method=request.method, url=request.url, headers=dict(request.headers), body=request.body)


def member_body(line: MemberLine, *, may_see: bool) -> MemberBody:
    return MemberBody.model_validate(_fields(line, may_see=may_see))


def explanation_body(found: Explanation, *, may_see: bool) -> ExplanationBody:
    return ExplanationBody.model_validate(_fields(found, may_see=may_see))


def _fields(line: MemberLine, *, may_see: bool) -> dict[str, Any]:
    fields = asdict(line)
    if may_see:
        return fields
    told = {name: _hidden(fields[name], line.member) for name in FREE_TEXTS if name in fields}
    return {**fields, **told, "member": mask_member(line.member)}


# Whose words may repeat the member; states, values and times are ours, and may happen to equal one.
FREE_TEXTS = ("set_aside", "history", "next", "why")
OURS = frozenset({"at", "kind", "value", "version"})


def _hidden(value: Any, member: str) -> Any:
    if isinstance(value, str):
        return without_member(value, member)
    if isinstance(value, list):
        return [_hidden(item, member) for item in value]
    if isinstance(value, dict):
        return {key: item if key in OURS else _hidden(item, member) for key, item in value.items()}
    return value


def sealed_cursor(cursor: str | None, *, vault: Vault) -> str | None:
    return None if cursor is None else vault.seal(cursor.encode(), place=CURSOR_PLACE)


def opened_cursor(sealed: str | None, *, vault: Vault) -> str | None:
    """
    Return the cursor that *sealed* holds.

    Raises:
        InvalidInput: it is none of ours; begin with the first page.
    """
    try:
        return vault.open(sealed, place=CURSOR_PLACE).decode() if sealed else None
    except VaultLocked:
        raise InvalidInput(Problem("cursor", "is not one of ours.", "Begin with the first page.")) from None
