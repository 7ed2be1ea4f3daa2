"""Looking at jobs: lists, one job, how far it has come, its members and its log. Nothing here changes anything."""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import msgspec

from usher.domain.job import Job, Status
from usher.domain.notes import LogEntry
from usher.errors import InvalidInput, Problem
from usher.jobs.desk import Desk
from usher.jobs.explain import MemberLine, line_of
from usher.jobs.paging import number_in, paged
from usher.jobs.progress import Progress, job_progress
from usher.jobs.webhooks import heard, help_as_dict
from usher.store import brake, jobs, members, notes
from usher.store.database import Txn

__all__ = [
    "JobFilters",
    "JobView",
    "Progress",
    "job_logs",
    "job_progress",
    "list_jobs",
    "page_of_members",
    "show_job",
]

WORKFLOW = "mapp_trigger_export"
USUAL = frozenset({Status.RUNNABLE, Status.SLEEPING, Status.PAUSED, Status.FAULT})
STATES = ("due", "accepted", "confirmed", "set_aside", "held")
JOBS = 200
LOGS = 200
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Named = Annotated[str, msgspec.Meta(pattern=r"\A[^\0]*\Z")]
Place = tuple[Moment, Named]  # the last member shown; no more than every database takes


@dataclass(frozen=True, slots=True)
class JobFilters:
    """
    Which jobs to list; by default those that run, sleep, wait or are at fault (facts/lytics.md C3, confirmed).

    Args:
        show_state: only these states, whatever the switches say.
        auth_ids: only jobs that use one of these authorizations.
    """

    workflow: str = ""
    auth_ids: tuple[str, ...] = ()
    show_completed: bool = False
    show_deleted: bool = False
    show_all: bool = False
    show_state: tuple[str, ...] = ()

    @property
    def states(self) -> set[str]:
        """
        The states that a job may have.

        Raises:
            InvalidInput: *show_state* names one that there is not.
        """
        if odd := sorted(set(self.show_state) - set(Status)):
            problem = f"names {odd[0][:64]!r}, which is no status of a job."
            raise InvalidInput(Problem("show_state", problem, f"Use any of {', '.join(Status)}, with commas."))
        if self.workflow and self.workflow.replace("-", "_") != WORKFLOW:
            return set()
        if self.show_state:
            return set(self.show_state)
        if self.show_all:
            return set(Status)
        shown: set[str] = set(USUAL)
        shown |= {Status.COMPLETED} if self.show_completed else set()
        return shown | ({Status.DELETED} if self.show_deleted else set())


@dataclass(frozen=True, slots=True)
class JobView:
    """
    One job, with what a person may have to do for it.

    Args:
        webhook_help: what to enter in Lytics by hand; None where nothing is.
        heard: whether a trigger has ever arrived, in a sentence.
    """

    job: Job
    webhook_help: dict[str, object] | None
    heard: str


async def list_jobs(
    desk: Desk, filters: JobFilters | None = None, cursor: str | None = None
) -> tuple[list[Job], str | None]:
    """
    Return up to 200 jobs that *filters* let through, newest first, and the cursor of the next page (None: the last).

    Raises:
        InvalidInput: a filter names what there is not, or the cursor is none of ours.
    """
    wanted, before = filters or JobFilters(), number_in(cursor)
    statuses = wanted.states

    def work(txn: Txn) -> list[Job]:
        found = jobs.page_of_jobs(txn, statuses=statuses, auth_ids=wanted.auth_ids, before=before, limit=JOBS + 1)
        return [brake.as_it_waits(txn, job) for job in found]

    found = await desk.database.read(work)
    return paged(found, size=JOBS, number=lambda job: job.key)


async def show_job(desk: Desk, job_id: str) -> JobView:
    """
    Return one job, a deleted one too.

    Raises:
        NotFound: there is no such job.
    """
    job = await desk.database.read(lambda txn: brake.as_it_waits(txn, jobs.job_by_id(txn, job_id)))
    return JobView(job, help_as_dict(desk, job), heard(job))


async def page_of_members(
    desk: Desk, job_id: str, state: str | None = None, cursor: str | None = None, *, reason: str = ""
) -> tuple[list[MemberLine], str | None]:
    """
    Return up to 100 members in one state, newest first, and the cursor of the next page (None: this is the last).

    Args:
        state: "due" (the default), "accepted", "confirmed", "set_aside", or "held": exits that wait, newest first, and
            then those whom a held scan did not find, by name.
        cursor: what the page before returned; it holds a member's identifier, so never log it.
        reason: of those set aside, only those for whom Mapp said this; a page may then hold fewer than there are.

    Raises:
        NotFound: there is no such job.
        InvalidInput: no such state, or a cursor that is none.
    """
    if (state or "due") not in STATES:
        raise InvalidInput(Problem("state", "is not a state of members.", f"One of {', '.join(STATES)}."))
    before = _place(cursor) if cursor else None

    def work(txn: Txn) -> tuple[list[MemberLine], str | None]:
        job = jobs.job_by_id(txn, job_id)
        leaves = brake.leaves_before(txn, job.key, guard_seconds=desk.guard_seconds)
        if reason and state == "set_aside":
            some, place = members.page_of_aside(txn, job.key, reason, before=before)
            return [line_of(row, member=row.member) for _, row in some], place and _packed(*place)
        found = _rows(txn, job, state or "due", before=before, leaves_before=leaves)
        following = _cursor(*found[-1]) if len(found) == members.PAGE else None
        return [line_of(row, member=row.member, leaves_before=leaves) for _, row in found], following

    return await desk.database.read(work)


def _rows(
    txn: Txn, job: Job, state: str, *, before: tuple[int, str] | None, leaves_before: int | None
) -> list[tuple[int, members.MemberRow]]:
    if state == "confirmed":
        return []  # nothing is read back yet
    if state == "held":
        return members.page_of_held(txn, job.key, leaves_before=leaves_before, before=before)
    return members.page_of_members(txn, job.key, state=state, before=before)


async def job_logs(
    desk: Desk, job_id: str, cursor: str | None = None, *, levels: Collection[str] = (), size: int = LOGS
) -> tuple[list[LogEntry], str | None]:
    """
    Return up to 200 lines of a job's log, newest first, and the cursor of the next page (None: this is the last).

    Args:
        levels: only lines of these ("info", "warn", "error"), where any are named.

    Raises:
        NotFound: there is no such job.
        InvalidInput: the cursor is none of ours.
    """
    before = number_in(cursor)
    found = await desk.database.read(
        lambda txn: notes.logs_of(txn, jobs.job_by_id(txn, job_id).key, before=before, limit=size + 1, levels=levels)
    )
    return paged(found, size=size, number=lambda entry: entry.id)


def _cursor(moment: int, row: members.MemberRow) -> str:
    return _packed(moment, row.member)


def _packed(moment: int, member: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((moment, member))).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place: tuple[int, str] = msgspec.json.decode(packed, type=Place)
    except (binascii.Error, ValueError):
        raise InvalidInput(Problem("cursor", "is not one of ours.", "Begin with the first page.")) from None
    return place
