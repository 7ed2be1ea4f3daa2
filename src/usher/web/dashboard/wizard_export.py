"""What should be exported: the third page, and the answers that it gets as fields are left."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from usher.errors import Problem
from usher.jobs.accounts import accounts
from usher.jobs.preview import Preview, preview_job
from usher.web.dashboard.rendering import html, render
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import ACCOUNTS, EXPORT_FIELDS, PROVIDERS, Typed, typed_by
from usher.web.dashboard.wizard_offers import Offer, audiences_for, fields_for, groups_for, offer_for, usual_field
from usher.web.dashboard.wizard_problems import Shown, field_of, shown_at_fields
from usher.web.dashboard.wizard_request import shown_request

NEEDED = ("segment_id", "uid_field", "group_id")
TRIED = "tried"  # sent by a form that was refused once: then blank fields are pointed out too
LOOKED_AT = "fields_of"  # the audience for which the identifier fields were shown


async def export_page(visit: Visit) -> Response:
    """Ask what to export; whoever comes without both authorizations chooses them first."""
    typed = typed_by(visit)
    if not await has_both_accounts(visit, typed):
        return visit.go(typed.address(ACCOUNTS), said="Choose the authorizations first.", mood="warn")
    return await show_export(visit, typed, problems=None)


async def has_both_accounts(visit: Visit, typed: Typed) -> bool:
    """Whether both authorizations are chosen, and still there."""
    known = {(one.auth.provider, one.auth.id) for one in await accounts(visit.desk)}
    return all((provider, typed.text(provider)) in known for provider in PROVIDERS)


async def show_export(visit: Visit, typed: Typed, *, problems: list[Problem] | None) -> Response:
    """
    Answer with the third page.

    Args:
        problems: what was found wrong with it; None where nobody has tried to go on yet.
    """
    sent = visit.form.get("q") or visit.query("q")
    offer = await offer_for(visit, typed, search=sent)
    is_filled = bool(typed.text("uid_field"))
    typed = _with_defaults(typed, offer)
    at_fields = shown_at_fields(problems or [], typed, groups=offer.groups, audiences=offer.audiences)
    context = {
        "typed": typed,
        "offer": offer,
        "search": sent,
        "is_filled": is_filled,
        "is_tried": problems is not None,
        "problems": at_fields,
        "own": EXPORT_FIELDS,
        **await _meaning(visit, typed, offer.groups),
    }
    return await visit.page("new-3-export.html", status=400 if problems else 200, **context)


def _with_defaults(typed: Typed, offer: Offer) -> Typed:
    """Fill in what is as good as sure: the identity field, and the only group there is."""
    only = offer.groups[0].id if len(offer.groups) == 1 else ""
    return typed.but(
        uid_field=typed.text("uid_field") or usual_field(offer.fields),
        group_id=typed.text("group_id") or only,
    )


async def check_export(visit: Visit) -> Response:
    """Answer a page that says what is typed by now: what it means, and what is wrong with it; nothing is saved."""
    typed = typed_by(visit)
    is_other_audience = visit.form.get(LOOKED_AT) != typed.text("segment_id")
    (groups, groups_unread), offered, meaning = await asyncio.gather(
        groups_for(visit, typed),
        fields_for(visit, typed) if is_other_audience else _nothing(),
        _meaning(visit, typed, None),
    )
    audiences = (await audiences_for(visit, typed))[0] if _is_unknown_audience(meaning["preview"]) else []
    found = meaning["preview"].problems if meaning["preview"] is not None else _offline_problems(typed)
    at_fields = shown_at_fields(found, typed, groups=groups, audiences=audiences)
    context = {
        "visit": visit,
        "typed": typed,
        "problems": at_fields if visit.form.has(TRIED) else _of_filled(at_fields, typed),
        "own": EXPORT_FIELDS,
        "offered": offered,
        "groups": groups,
        "groups_unread": groups_unread,
        **meaning,
        "group_name": name_of_group(typed, groups),
    }
    return html(visit.request, render("new-3-check.html", context))
