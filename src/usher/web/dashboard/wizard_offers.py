"""What the new-job pages offer to choose from; a vendor that does not answer leaves a sentence and a box to type in."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from usher.errors import InvalidInput, NotFound, RemoteError
from usher.jobs import choices
from usher.jobs.choices import AudienceChoice, FieldsOffered, GroupChoice
from usher.jobs.vendors import LYTICS, MAPP
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import Typed

PATIENCE_SECONDS = 10  # somebody waits for the page; what did not come by then can be typed
MOST_SHOWN = 500  # audiences; the search finds the others

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What there is to choose from.

    Args:
        audiences: those that the search finds, the chosen one among them; *hidden* more are not shown.
        audiences_unread, fields_unread, groups_unread: why there is nothing to choose from; "" where there is.
    """

    audiences: list[AudienceChoice]
    hidden: int
    audiences_unread: str
    fields: FieldsOffered
    fields_unread: str
    groups: list[GroupChoice]
    groups_unread: str


NOTHING = FieldsOffered([], None, "")


async def offer_for(visit: Visit, typed: Typed, *, search: str) -> Offer:
    """Ask both vendors what there is to choose from; never raises for what they do."""
    (audiences, audiences_unread), (fields, fields_unread), (groups, groups_unread) = await asyncio.gather(
        audiences_for(visit, typed), fields_for(visit, typed), groups_for(visit, typed)
    )
    found = [one for one in audiences if _matches(one, search) or is_chosen(one, typed)]
    shown = sorted(found, key=lambda one: (not is_chosen(one, typed), bool(one.problem)))[:MOST_SHOWN]
    return Offer(
        audiences=shown,
        hidden=len(found) - len(shown),
        audiences_unread=audiences_unread,
        fields=fields,
        fields_unread=fields_unread,
        groups=groups,
        groups_unread=groups_unread,
    )


async def audiences_for(visit: Visit, typed: Typed) -> tuple[list[AudienceChoice], str]:
    """Return every audience, or none and why."""
    return await patiently(choices.audiences(visit.desk, typed.text(LYTICS)), [], system="Lytics")


async def fields_for(visit: Visit, typed: Typed) -> tuple[FieldsOffered, str]:
    """Return the fields, and how well each names the chosen audience's people, or none and why."""
    audience = typed.text("segment_id") or None
    asking = choices.identifier_fields(visit.desk, typed.text(LYTICS), audience, may_see_people=visit.may_see_people)
    return await patiently(asking, NOTHING, system="Lytics")


async def groups_for(visit: Visit, typed: Typed) -> tuple[list[GroupChoice], str]:
    """Return Mapp's groups, or none and why."""
    return await patiently(choices.groups(visit.desk, typed.text(MAPP)), [], system="Mapp")


def is_chosen(audience: AudienceChoice, typed: Typed) -> bool:
    """Whether *audience* is what was chosen, by its id or its slug."""
    return typed.text("segment_id") in (audience.id, audience.slug or audience.id)


def usual_field(fields: FieldsOffered) -> str:
    """Return the field that most likely names people in Mapp: an identity field, e-mail before others."""
    ranked = sorted(fields.fields, key=lambda one: (not one.is_identifier, one.name != "email"))
    return ranked[0].name if ranked and ranked[0].is_identifier else ""


def _matches(audience: AudienceChoice, search: str) -> bool:
    return all(word in audience.searchable for word in search.casefold().split())


async def patiently(asking: Awaitable[T], nothing: T, *, system: str) -> tuple[T, str]:
    """Return what *asking* gives, or *nothing* and why there is no more: time was up, or a vendor refused."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asking, ""
    except TimeoutError:
        return nothing, f"{system} did not answer within {PATIENCE_SECONDS} seconds."
    except (RemoteError, InvalidInput, NotFound) as error:
        return nothing, error.message
