"""
No two live jobs write one attribute of one group in one Mapp integration.

Nor does a job or a trial begin there while something that was sent there before may still land. A job that ended is
asked for its living claims as long as its rows and its place are known; before either is forgotten, the place is held.
"""

import math

import msgspec

from usher.domain.attribute import Target
from usher.domain.job import Job, Status
from usher.errors import Conflict
from usher.mapp.address import normalised
from usher.mapp.wire import attribute_key
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.database import Txn
from usher.store.jobs import all_jobs
from usher.store.trials import held_until, hold, newest_claim_end

Place = tuple[str, ...]


def place_of(auth: Authorization, target: Target) -> Place:
    """Return what may have one writer only: the integration, the group and the attribute's key."""
    return (*integration_of(auth), target.group_id, attribute_key(target))


def integration_of(auth: Authorization) -> tuple[str, str]:
    """Return which integration *auth* speaks for; two authorizations may speak for the same one."""
    return normalised(str(auth.config["api_url"])).url, str(auth.config["integration_id"])


def place_text(place: Place) -> str:
    """Return *place* as one text, the same for the same place."""
    return msgspec.json.encode(place).decode()


def collision(txn: Txn, place: Place, *, hold_ms: int, but: str = "") -> str:
    """
    Return what keeps a job or a trial from beginning at *place*, in a sentence; "" where nothing does.

    Args:
        hold_ms: how long a claim lives.
        but: the job that wants the place; its own rows keep its own requests apart.
    """
    auths = {auth.id: auth for auth in all_authorizations(txn)}
    there = [
        job
        for job in all_jobs(txn)
        if job.id != but and job.mapp_auth in auths and place_of(auths[job.mapp_auth], job.target) == place
    ]
    writers = [_writes(job) for job in reversed(there) if job.is_live]
    return writers[0] if writers else _may_land(txn, place, there, hold_ms=hold_ms)


def refuse_collision(txn: Txn, place: Place, *, hold_ms: int, but: str = "") -> None:
    """
    Make sure, in the transaction in which a job or a trial begins, that its place is free.

    Raises:
        Conflict: another live job writes there, or what was sent there may still land; the message says for how long.
    """
    if found := collision(txn, place, hold_ms=hold_ms, but=but):
        raise Conflict(found)


def leave_place(txn: Txn, job: Job, *, hold_ms: int, may_claim: bool = False) -> None:
    """
    Hold where *job* has written until its last living claim ends, before its rows or its place are forgotten.

    Args:
        job: as it was until now; where its authorization is gone already, the place was held when that went.
        may_claim: who sends for it may claim more before they are told, so hold it as long as a claim made now lives.
    """
    until_ms = txn.now_ms + hold_ms if may_claim else newest_claim_end(txn, job.key, hold_ms=hold_ms)
    auth = next((auth for auth in all_authorizations(txn) if auth.id == job.mapp_auth), None)
    if auth is not None and until_ms is not None:
        hold(txn, place_text(place_of(auth, job.target)), until_ms=until_ms)


def _writes(job: Job) -> str:
    return (
        f"The job {job.name!r} ({job.id}) writes the attribute {attribute_key(job.target)!r} of group"
        f" {job.target.group_id} already. End it first, or choose another attribute name."
    )


def _may_land(txn: Txn, place: Place, ended: list[Job], *, hold_ms: int) -> str:
    """Say for how long what trials and ended jobs sent to *place* may still land; "" where nothing may."""
    ends = [newest_claim_end(txn, job.key, hold_ms=hold_ms) for job in ended if job.status is not Status.DELETED]
    until_ms = max((end for end in (held_until(txn, place_text(place)), *ends) if end is not None), default=None)
    if until_ms is None:
        return ""
    seconds = math.ceil((until_ms - txn.now_ms) / 1000)
    return (
        "Somebody was just sent to this attribute, and that may still land: it is under way, or its answer was lost."
        f" Try again in a moment, at most {seconds:,} seconds from now."
    )
