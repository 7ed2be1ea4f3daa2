"""The audit trail as people read it: with the names of what was changed, and one kind of change at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from usher.domain.notes import AuditEntry
from usher.errors import InvalidInput, NotFound, Problem
from usher.jobs.desk import Desk
from usher.jobs.paging import number_in, paged
from usher.store import notes
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.jobs import job_by_id

TRAIL_PAGE = 100
AREAS: dict[str, tuple[str, ...]] = {
    "": (),
    "jobs": ("job.",),
    "authorizations": ("auth.",),
    "people": ("person.", "session."),
    "tokens": ("token.",),
    "erasures": ("member.",),
}


@dataclass(frozen=True, slots=True)
class Named:
    """
    What an entry is about.

    Args:
        kind: "job" or "authorization".
        name: as it is called today; a deleted job keeps its name.
    """

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One entry; *about* is None where it is about neither a job nor an authorization that is still there."""

    entry: AuditEntry
    about: Named | None


async def page_of_trail(
    desk: Desk, cursor: str | None = None, *, actor: str = "", area: str = ""
) -> tuple[list[TrailEntry], str | None]:
    """
    Return up to 100 entries of the audit trail, newest first, and the cursor of the next page (None: the last).

    Args:
        actor: only what this one did, by the exact name; "" for everybody.
        area: "jobs", "authorizations", "people", "tokens", "erasures", or "" for everything.

    Raises:
        InvalidInput: there is no such area, or the cursor is none of ours.
    """
    if area not in AREAS:
        raise InvalidInput(Problem("area", "is not one of the trail's.", f"One of {', '.join(filter(None, AREAS))}."))
    before = number_in(cursor)

    def work(txn: Txn) -> tuple[list[TrailEntry], str | None]:
        found = notes.page_of_audit(txn, before=before, limit=TRAIL_PAGE + 1, actor=actor, actions=AREAS[area])
        page, following = paged(found, size=TRAIL_PAGE, number=lambda entry: entry.id)
        known = _named(txn, {entry.what for entry in page if entry.action.startswith(("job.", "auth."))})
        return [TrailEntry(entry, known.get(entry.what)) for entry in page], following

    return await desk.database.read(work)


def _named(txn: Txn, ids: Iterable[str]) -> dict[str, Named]:
    known = {auth.id: Named("authorization", auth.id, auth.label) for auth in all_authorizations(txn)}
    for one in sorted(set(ids) - known.keys()):
        try:
            known[one] = Named("job", one, job_by_id(txn, one).name)
        except NotFound:
            continue  # an authorization that was deleted since
    return known
