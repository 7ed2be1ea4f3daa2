"""The last look before a job starts: exactly what is sent, to how many, how long it takes, and what is doubtful."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from usher.errors import InvalidInput, Problem, UsherError
from usher.jobs.accounts import accounts
from usher.jobs.preview import Preview
from usher.jobs.reach import why_unreached
from usher.jobs.saying import plain
from usher.jobs.trial import Trial, send_one
from usher.web.dashboard.job_settings import Setting, settings_of
from usher.web.dashboard.rendering import html, render
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_accounts import show_accounts
from usher.web.dashboard.wizard_export import has_both_accounts, show_export
from usher.web.dashboard.wizard_fields import ACCOUNTS, EXPORT_FIELDS, PROVIDERS, Typed, typed_by
from usher.web.dashboard.wizard_offers import audiences_for, groups_for, is_chosen
from usher.web.dashboard.wizard_preview import SILENCE, preview_for
from usher.web.dashboard.wizard_problems import field_of, in_words
from usher.web.dashboard.wizard_request import shown_request
from usher.web.failures import status_of

MOODS = {"accepted": "ok", "rejected": "bad", "stop_job": "bad"}
LABELLED = ("name", "description")


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of sending one person: *trial*, or in *refused* why nobody was sent."""

    trial: Trial | None
    refused: str = ""

    @property
    def mood(self) -> str:
        return "bad" if self.trial is None else MOODS.get(self.trial.outcome, "warn")


async def review_page(visit: Visit) -> Response:
    """Show what the job would do; what is wrong with it leads back to its field."""
    return await show_review(visit, typed_by(visit))


async def show_review(
    visit: Visit, typed: Typed, *, error: UsherError | None = None, tried: Tried | None = None
) -> Response:
    """
    Answer with the last page, or with the earlier one that something is wrong on.

    Args:
        error: what kept the job from being made, where that was tried.
        tried: what came of sending one person, where that was tried.
    """
    if not await has_both_accounts(visit, typed):
        return visit.go(typed.address(ACCOUNTS), said="Choose the authorizations first.", mood="warn")
    names, seen = await asyncio.gather(_names(visit, typed), preview_for(visit, typed))
    found = [*seen.problems, *(error.problems if isinstance(error, InvalidInput) else ())]
    if not typed.text("name"):
        typed = typed.but(name=seen.usual_label or names["audience"])
        found = [one for one in found if field_of(one) != "name"]
    if earlier := await _earlier_page(visit, typed, found):
        return earlier
    context = {
        "typed": typed,
        "names": names,
        "settings": _settings(seen),
        "seen": seen,
        "warnings": [plain(text) for text in seen.warnings if text not in seen.advice],
        "advice": [plain(text) for text in seen.advice],
        "request": shown_request(seen.request, attribute_key=seen.attribute_key),
        "stops": _stops(found, error, silent=names["silent"]),
        "unreached": why_unreached(visit.desk),
        "tried": tried,
    }
    return await visit.page("new-4-review.html", status=200 if error is None else status_of(error), **context)


async def _earlier_page(visit: Visit, typed: Typed, found: Sequence[Problem]) -> Response | None:
    """Return the first page that has something wrong on it; a blank label will be the audience's name."""
    if labelled := [one for one in found if field_of(one) in LABELLED and typed.text(field_of(one))]:
        return await show_accounts(visit, typed, labelled)
    if exported := [one for one in found if field_of(one) in EXPORT_FIELDS]:
        return await show_export(visit, typed, exported)
    return None


async def _names(visit: Visit, typed: Typed) -> dict[str, Any]:
    """Return how people call what the job names by ids; an id stands for itself where the vendor is silent."""
    (audiences, no_audiences), (groups, no_groups), known = await asyncio.gather(
        audiences_for(visit, typed), groups_for(visit, typed), accounts(visit.desk)
    )
    chosen = next((one for one in audiences if is_chosen(one, typed)), None)
    labels = {one.auth.id: one.auth.label for one in known}
    return {
        "audience": typed.text("segment_id") if chosen is None else chosen.name,
        "size": None if chosen is None else chosen.size,
        "group": next((one.name for one in groups if one.id == typed.text("group_id")), ""),
        "silent": [said for said in (no_audiences, no_groups) if said],
        **{provider: labels.get(typed.text(provider), "") for provider in PROVIDERS},
    }


def _settings(seen: Preview) -> list[Setting]:
    return [] if seen.config is None else settings_of(seen.config, audience_slug=seen.audience_slug)


def _stops(found: Sequence[Problem], error: UsherError | None, *, silent: Sequence[str]) -> list[str]:
    """Return what stands in the way that no field of these pages is to blame for."""
    if error is not None and not isinstance(error, InvalidInput):
        return [error.message]
    others = [f"{one.problem} {one.mend}".strip() for one in map(in_words, (one for one in found if one != SILENCE))]
    return [*dict.fromkeys(others), *(silent or [SILENCE.problem] if SILENCE in found else ())]


async def try_one(visit: Visit) -> Response:
    """Send one person only, and show Mapp's answer on the same page."""
    typed = typed_by(visit)
    tried = await _tried(visit, typed)
    if visit.request.headers.get("hx-request"):
        return html(visit.request, render("new-4-trial.html", {"visit": visit, "tried": tried}))
    return await show_review(visit, typed, tried=tried)


async def _tried(visit: Visit, typed: Typed) -> Tried:
    member = visit.form.get("member") or None
    try:
        draft = typed.job_draft()
        trial = await send_one(visit.desk, visit.actor, draft, member, may_see_people=visit.may_see_people)
    except InvalidInput as error:
        said = [in_words(one) for one in error.problems]
        return Tried(None, " ".join(f"{one.problem} {one.mend}".strip() for one in said))
    except UsherError as error:
        return Tried(None, error.message)
    return Tried(trial)
