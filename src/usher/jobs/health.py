"""How the service stands: its database, what it holds, its credentials, and whether Lytics can reach it."""

from collections import Counter
from dataclasses import dataclass

from usher.access.people import list_people
from usher.access.tokens import list_tokens
from usher.domain.job import Status
from usher.jobs.authorizations import shown
from usher.jobs.desk import Desk
from usher.jobs.reach import why_unreached
from usher.store import jobs, scans
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.database import Txn
from usher.store.extent import Extent, extent_of
from usher.store.notes import count_unreadable


@dataclass(frozen=True, slots=True)
class Holdings:
    """
    What the database holds.

    Args:
        jobs: those that are not deleted; *live* of them are not ended.
        members: rows of the ledger, one for each job and person; *due* are owed to Mapp, *set_aside* were rejected.
        unreadable: messages that are kept for a person to look at.
    """

    extent: Extent
    jobs: int
    live: int
    members: int
    due: int
    set_aside: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Health:
    """
    The service's state.

    Args:
        unreached: why Lytics cannot send triggers here, in a sentence; "" where it can.
        authorizations: without their secrets; each says how it last tested.
        people: how many may sign in. *tokens*: API tokens, expired ones too.
        now_ms: the clock by which everything is decided.
    """

    holdings: Holdings
    base_url: str
    unreached: str
    authorizations: list[Authorization]
    people: int
    tokens: int
    now_ms: int


async def service_health(desk: Desk) -> Health:
    """Return how the service stands; no vendor is asked. Safe to repeat."""
    return Health(
        holdings=await desk.database.read(_holdings),
        base_url=desk.base_url,
        unreached=why_unreached(desk),
        authorizations=[shown(auth) for auth in await desk.database.read(all_authorizations)],
        people=sum(person.can_sign_in for person in await list_people(desk)),
        tokens=len(await list_tokens(desk)),
        now_ms=desk.clock.now_ms(),
    )


def _holdings(txn: Txn) -> Holdings:
    known = [job for job in jobs.all_jobs(txn) if job.status is not Status.DELETED]
    counted = scans.all_counters(txn)
    total: Counter[str] = Counter()
    for job in known:
        total.update(counted.get(job.key, {}))
    return Holdings(
        extent=extent_of(txn),
        jobs=len(known),
        live=sum(job.is_live for job in known),
        members=total["members.total"],
        due=total["members.due"],
        set_aside=total["members.aside"],
        unreadable=count_unreadable(txn),
    )
