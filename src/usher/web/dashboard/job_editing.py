"""Changing a job: what would change is shown first, for how many people, and saved only as it was shown."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.domain.job import Job
from usher.errors import Conflict, InvalidInput, Problem, Unavailable
from usher.jobs.authorizations import list_authorizations
from usher.jobs.editing import ChangedMeanwhile, EditPreview, edit_job, editable_job, preview_edit
from usher.jobs.vendors import LYTICS, MAPP
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.job_fields import (
    by_control,
    change_words,
    draft_in,
    fingerprint,
    of_no_control,
    typed_in,
    typed_of,
)
from usher.web.dashboard.job_settings import IDENTIFIER_TYPES
from usher.web.dashboard.visit import Visit

CHANGED = "Somebody else changed this job since you opened it. What you typed is kept; see what it would change now."


async def edit_page(visit: Visit) -> Response:
    job = await _editable(visit)
    return await _form(visit, job, typed_of(job))


async def edit(visit: Visit) -> Response:
    """Show what would change, or save it where that has been shown."""
    job, typed = await _editable(visit), typed_in(visit.form)
    if visit.form.get("do") == "save" and visit.form.get("shown") == fingerprint(typed):
        return await _save(visit, job, typed)
    return await _preview(visit, job, typed)


async def _preview(visit: Visit, job: Job, typed: dict[str, str], *, trouble: str = "") -> Response:
    seen = await preview_edit(visit.desk, job.id, draft_in(visit.form))
    return await _form(visit, job, typed, problems=seen.problems, seen=seen, trouble=trouble)


async def _save(visit: Visit, job: Job, typed: dict[str, str]) -> Response:
    try:
        edited = await edit_job(visit.desk, visit.actor, job.id, draft_in(visit.form), mark=visit.form.get("was"))
    except InvalidInput as error:
        return await _form(visit, job, typed, problems=error.problems)
    except ChangedMeanwhile:
        return await _preview(visit, await _editable(visit), typed, trouble=CHANGED)
    except (Conflict, Unavailable) as error:
        return await _form(visit, job, typed, trouble=error.message)
    return visit.go(f"/jobs/{job.id}", said=" ".join(["Saved.", *edited.notes]))


async def _editable(visit: Visit) -> Job:
    return await editable_job(visit.desk, visit.path("job_id"))


async def _form(
    visit: Visit,
    job: Job,
    typed: dict[str, str],
    *,
    problems: Sequence[Problem] = (),
    seen: EditPreview | None = None,
    trouble: str = "",
) -> Response:
    auths = await list_authorizations(visit.desk)
    labels = {auth.id: auth.label for auth in auths}
    choices: dict[str, Any] = {
        provider: [(auth.id, auth.label) for auth in auths if auth.provider == provider] for provider in (MAPP, LYTICS)
    }
    return await visit.page(
        "job-edit.html",
        status=409 if trouble else 400 if problems else 200,
        job=job,
        base=f"/jobs/{job.id}",
        typed=typed,
        problems=by_control(problems),
        mapp_choices=choices[MAPP],
        lytics_choices=choices[LYTICS],
        seen=seen if not problems else None,
        changes=change_words(seen.changes, labels, job=job) if seen is not None else [],
        identifier_types=IDENTIFIER_TYPES,
        shown=fingerprint(typed),
        was=seen.mark if seen is not None else "",
        trouble=" ".join(filter(None, (trouble, of_no_control(problems)))),
    )


PAGES = (
    PageRoute("GET", "/jobs/{job_id}/edit", Role.OPERATOR, edit_page),
    PageRoute("POST", "/jobs/{job_id}/edit", Role.OPERATOR, edit),
)
