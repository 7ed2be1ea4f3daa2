"""One person over REST, in every job at once."""

from dataclasses import asdict

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_from_ms
from usher.jobs import finding
from usher.redact import mask_member
from usher.web.callers import Caller, may_see_people
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok
from usher.web.member_shape import MemberBody, member_body


class FoundInBody(BaseModel):
    """One job that knows the person."""

    job_id: str
    job_name: str
    status: str
    audience_name: str
    group_id: str
    attribute_key: str
    line: MemberBody


class ErasedBody(BaseModel):
    """When somebody was erased, and the receipt of it."""

    at: str
    receipt: str


class FoundBody(BaseModel):
    """Where somebody is known; *near* are identifiers that begin so, where nobody is. *erased* is null, or when."""

    asked: str
    rows: list[FoundInBody]
    near: list[str]
    erased: ErasedBody | None


async def find_member(request: Request, caller: Caller, member: str) -> Ok[FoundBody]:
    """Look one person up in every job, by the exact identifier."""
    may_see = may_see_people(caller)
    found = await finding.find_member(deps_of(request).desk, member, may_see_people=may_see)
    rows = [_row(row, may_see=may_see) for row in found.rows]
    asked = found.asked if may_see else mask_member(found.asked)
    return ok(request, FoundBody(asked=asked, rows=rows, near=found.near, erased=_erased(found)))


def _erased(found: finding.Found) -> ErasedBody | None:
    stone = found.erased
    return None if stone is None else ErasedBody(at=iso_from_ms(stone.at_ms), receipt=stone.receipt)


def _row(row: finding.FoundIn, *, may_see: bool) -> FoundInBody:
    fields = asdict(row) | {"line": member_body(row.line, may_see=may_see)}
    return FoundInBody.model_validate(fields)
