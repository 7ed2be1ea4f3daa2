"""Erasing one person over REST, and lifting that; for admins."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from usher.clock import iso_from_ms, iso_or_none
from usher.jobs import erasing
from usher.jobs.receipts import Receipt
from usher.store.erasure import Tombstone
from usher.web.callers import Caller
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok


class RemovedBody(BaseModel):
    """How much went of one table, for one job."""

    table: str
    job_id: str | None
    job_name: str
    count: int


class HeldBody(BaseModel):
    """
    What one attribute in Mapp still holds, as far as Usher was told.

    *under_way* is the value of a request that may still land until *lands_until*.
    """

    job_id: str
    job_name: str
    account: str
    group_id: str
    attribute: str
    value: str | None
    accepted_at: str | None
    under_way: str | None
    lands_until: str | None


class EarlierBody(BaseModel):
    """The first erasure of the same person."""

    receipt: str
    at: str


class ReceiptBody(BaseModel):
    """
    What an erasure did; names nobody. It is shown once and not kept.

    *unopened* are unreadable messages whose key is missing. *to_do* is what only people can do, in sentences.
    """

    receipt: str
    at: str
    actor: str
    hash: str
    removed: list[RemovedBody]
    held: list[HeldBody]
    unopened: list[str]
    erased_before: EarlierBody | None
    to_do: list[str]


class LiftedBody(BaseModel):
    """What kept somebody out until now."""

    receipt: str
    erased_at: str
    hash: str


async def erase_member(request: Request, caller: Caller, member: str) -> Ok[ReceiptBody]:
    """Remove one person from every job and record, and keep them out."""
    return ok(request, receipt_body(await erasing.erase_member(deps_of(request).desk, caller, member)))


async def lift_erasure(request: Request, caller: Caller, member: str) -> Ok[LiftedBody]:
    """Let somebody come back who was erased, with the next trigger or scan that names them."""
    return ok(request, _lifted_body(await erasing.lift_erasure(deps_of(request).desk, caller, member)))


def receipt_body(receipt: Receipt) -> ReceiptBody:
    """Return *receipt* as the API shows it."""
    return ReceiptBody(
        receipt=receipt.id,
        at=iso_from_ms(receipt.at_ms),
        actor=receipt.actor,
        hash=receipt.member_hash,
        removed=[RemovedBody(**asdict(one)) for one in receipt.removed],
        held=[HeldBody(**_held_fields(asdict(one))) for one in receipt.held],
        unopened=[str(entry) for entry in receipt.shut],
        erased_before=_earlier(receipt.before),
        to_do=receipt.to_do,
    )


def _held_fields(held: dict[str, Any]) -> dict[str, Any]:
    accepted_at, lands_until = iso_or_none(held.pop("accepted_ms")), iso_or_none(held.pop("lands_until_ms"))
    return held | {"accepted_at": accepted_at, "lands_until": lands_until}


def _earlier(before: tuple[str, int] | None) -> EarlierBody | None:
    return None if before is None else EarlierBody(receipt=before[0], at=iso_from_ms(before[1]))


def _lifted_body(stone: Tombstone) -> LiftedBody:
    shown = stone.member_hash[: erasing.SHOWN_DIGITS]
    return LiftedBody(receipt=stone.receipt, erased_at=iso_from_ms(stone.at_ms), hash=shown)
