"""What should be exported: the third page, and the answers that it gets as fields are left."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from usher.domain import removal_brake
from usher.errors import Problem
from usher.jobs.accounts import accounts
from usher.jobs.asking_mapp import UNLISTED_GROUP
from usher.jobs.choices import FieldsOffered, GroupChoice
from usher.web.dashboard.job_settings import IDENTIFIER_TYPES
from usher.web.dashboard.rendering import html, render
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import ACCOUNTS, EXPORT_FIELDS, PROVIDERS, Typed, typed_by
from usher.web.dashboard.wizard_offers import Offer, fields_for, groups_for, offer_for, usual_field
from usher.web.dashboard.wizard_preview import preview_for
from usher.web.dashboard.wizard_problems import Shown, shown_at_fields
from usher.web.dashboard.wizard_request import shown_request

TRIED = "tried"  # sent by a form that was refused once: from then on blank fields are pointed out too
LOOKED_AT = "looked_at"  # the audience for whose people the identifier fields were looked at


async def export_page(visit: Visit) -> Response:
    """Ask what to export; whoever comes without both authorizations chooses them first."""
    typed = typed_by(visit)
    if not await has_both_accounts(visit, typed):
        return visit.go(typed.address(ACCOUNTS), said="Choose the authorizations first.", mood="warn")
    return await show_export(visit, typed)


async def has_both_accounts(visit: Visit, typed: Typed) -> bool:
    """Whether both authorizations are chosen, and still there."""
    known = {(one.auth.provider, one.auth.id) for one in await accounts(visit.desk)}
    return all((provider, typed.text(provider)) in known for provider in PROVIDERS)


async def show_export(visit: Visit, typed: Typed, problems: Sequence[Problem] = ()) -> Response:
    """
    Answer with the third page.

    Args:
        problems: what kept somebody from going on from it.
    """
    search = visit.form.get("q") or visit.query("q")
    offering, is_filled = offer_for(visit, typed, search=search), bool(typed.text("uid_field"))
    if is_filled and typed.text("group_id"):
        offer, meaning = await asyncio.gather(offering, _meaning(visit, typed))
    else:
        offer = await offering
        typed = _with_defaults(typed, offer)
        meaning = await _meaning(visit, typed)
    context = {
        "offer": offer,
        "search": search,
        "is_filled": is_filled,
        "is_tried": bool(problems),
        "problems": shown_at_fields(problems, typed, groups=offer.groups),
        **_parts(typed, offer.fields, offer.groups, problems),
        **meaning,
    }
    return await visit.page("new-3-export.html", status=400 if problems else 200, **context)


async def check_export(visit: Visit) -> Response:
    """Tell the page what is typed by now: what it means, and what is wrong with it. Nothing is saved."""
    typed = typed_by(visit)
    is_other = visit.form.get(LOOKED_AT) != typed.text("segment_id")
    (groups, _), (fields, _), meaning = await asyncio.gather(
        groups_for(visit, typed), fields_for(visit, typed), _examined(visit, typed)
    )
    found = meaning["preview"].problems
    at_fields = shown_at_fields(found, typed, groups=groups)
    context = {
        "visit": visit,
        "is_other_audience": is_other,
        "problems": at_fields if visit.form.has(TRIED) else _of_filled(at_fields, typed),
        **_parts(typed, fields, groups, found),
        **meaning,
    }
    return html(visit.request, render("new-3-check.html", context))


def _with_defaults(typed: Typed, offer: Offer) -> Typed:
    """Fill in what is as good as sure: the identity field, and the only group there is."""
    only = offer.groups[0].id if len(offer.groups) == 1 else ""
    return typed.but(
        uid_field=typed.text("uid_field") or usual_field(offer.fields), group_id=typed.text("group_id") or only
    )


def _of_filled(problems: Mapping[str, Shown], typed: Typed) -> dict[str, Shown]:
    """Leave out what is blank only because nobody has come to it yet."""
    return {name: one for name, one in problems.items() if typed.text(name) or typed.is_on(name)}


def _parts(
    typed: Typed, fields: FieldsOffered, groups: Sequence[GroupChoice], problems: Sequence[Problem]
) -> dict[str, Any]:
    """Return what the page and its answers both show."""
    names = {group.id: group.name for group in groups}
    is_unlisted = any(one.code == UNLISTED_GROUP for one in problems)
    return {
        "typed": typed,
        "own": EXPORT_FIELDS,
        "fields": fields,
        "group_name": names.get(typed.text("group_id"), ""),
        "is_unlisted": is_unlisted or typed.is_on("allow_unlisted_group"),
        "identifier_types": IDENTIFIER_TYPES,
        "brake": removal_brake,
    }


async def _meaning(visit: Visit, typed: Typed) -> dict[str, Any]:
    """Return what the job would do as it stands; nothing before there is anything to say."""
    if not any(typed.text(name) for name in ("segment_id", "group_id")):
        return {"preview": None, "request": None}
    return await _examined(visit, typed)


async def _examined(visit: Visit, typed: Typed) -> dict[str, Any]:
    seen = await preview_for(visit, typed)
    return {"preview": seen, "request": shown_request(seen.request, attribute_key=seen.attribute_key)}
