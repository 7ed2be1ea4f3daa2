"""Authorizations as their page shows them: whether they work, which jobs use them, and whether Lytics is heard."""

from dataclasses import dataclass

from usher.domain.job import Job, Status
from usher.jobs.authorizations import shown
from usher.jobs.desk import Desk
from usher.jobs.vendors import LYTICS
from usher.store import authorizations as kept
from usher.store import brake, jobs
from usher.store.authorizations import Authorization
from usher.store.database import Txn


@dataclass(frozen=True, slots=True)
class Account:
    """
    One line of the list.

    Args:
        auth: without its secrets; its status ("healthy", "unhealthy" or "unknown") and *tested_ms* are its health.
        jobs: how many jobs use it, deleted ones not counted; *live* of them are not ended.
    """

    auth: Authorization
    jobs: int
    live: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """
    One authorization.

    Args:
        auth: without its secrets.
        jobs: those that use it, newest first; each says how its webhook in Lytics stands.
        at_brake: ids of jobs of whom people wait for a decision.
        last_trigger_ms: when Lytics last sent a trigger of any of them; None where it never did, and for Mapp.
    """

    auth: Authorization
    jobs: list[Job]
    at_brake: frozenset[str]
    last_trigger_ms: int | None


async def accounts(desk: Desk) -> list[Account]:
    """Return every authorization, oldest first, and how many jobs use it."""

    def work(txn: Txn) -> list[Account]:
        known = _known_jobs(txn)
        return [_account(auth, _users(auth, known)) for auth in kept.all_authorizations(txn)]

    return await desk.database.read(work)


async def account_view(desk: Desk, auth_id: str) -> AccountView:
    """
    Return one authorization and all that hangs on it.

    Raises:
        NotFound: there is none by that id.
    """

    def work(txn: Txn) -> AccountView:
        auth = kept.authorization_by_id(txn, auth_id)
        users = _users(auth, _known_jobs(txn))
        heard = [job.last_trigger_ms for job in users if job.last_trigger_ms is not None and auth.provider == LYTICS]
        said = [brake.as_it_waits(txn, job) for job in users]
        return AccountView(shown(auth), said, jobs.jobs_at_brake(txn), max(heard, default=None))

    return await desk.database.read(work)


def _known_jobs(txn: Txn) -> list[Job]:
    return [job for job in jobs.all_jobs(txn) if job.status is not Status.DELETED]


def _users(auth: Authorization, known: list[Job]) -> list[Job]:
    return [job for job in known if auth.id in {job.mapp_auth, job.lytics_auth}]


def _account(auth: Authorization, users: list[Job]) -> Account:
    return Account(shown(auth), jobs=len(users), live=sum(job.is_live for job in users))
