"""What the job that is typed so far would do, by the time that somebody waits for a page."""

from usher.errors import Problem
from usher.jobs.preview import Preview, preview_job, unanswered
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.wizard_fields import Typed
from usher.web.dashboard.wizard_offers import PATIENCE_SECONDS, patiently

SILENCE = Problem("auth_ids", f"Mapp and Lytics did not answer everything within {PATIENCE_SECONDS} seconds.", "")


async def preview_for(visit: Visit, typed: Typed) -> Preview:
    """Return what can be said of the job; a vendor that does not answer in time leaves a problem that says so."""
    draft = typed.job_draft()
    asking = preview_job(visit.desk, draft, may_see_people=visit.may_see_people)
    seen, _ = await patiently(asking, unanswered(draft, SILENCE), system="")
    return seen
