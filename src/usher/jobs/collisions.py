"""
No two live jobs write one attribute of one group in one Mapp integration.

Nor does a job begin there while what was sent to one person as a trial may still land.
"""

import math

import msgspec

from usher.domain.attribute import Target
from usher.errors import Conflict
from usher.mapp.address import normalised
from usher.mapp.wire import attribute_key
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.database import Txn
from usher.store.jobs import live_jobs
from usher.store.trials import living_trial

Place = tuple[str, ...]


def place_of(auth: Authorization, target: Target) -> Place:
    """Return what may have one writer only: the integration, the group and the attribute's key."""
    return (*integration_of(auth), target.group_id, attribute_key(target))


def integration_of(auth: Authorization) -> tuple[str, str]:
    """Return which integration *auth* speaks for; two authorizations may speak for the same one."""
    return normalised(str(auth.config["api_url"])).url, str(auth.config["integration_id"])


def collision(txn: Txn, place: Place, *, but: str = "") -> str:
    """Return which live job other than *but* writes to *place*, in a sentence; "" where none does."""
    auths = {auth.id: auth for auth in all_authorizations(txn)}
    for job in live_jobs(txn):
        auth = auths.get(job.mapp_auth)
        if job.id != but and auth is not None and place_of(auth, job.target) == place:
            return (
                f"The job {job.name!r} ({job.id}) writes the attribute {attribute_key(job.target)!r} of group"
                f" {job.target.group_id} already. End it first, or choose another attribute name."
            )
    return ""


def refuse_collision(txn: Txn, place: Place, *, but: str = "") -> None:
    """
    Make sure, in the transaction that makes a job live, that its place is free.

    Raises:
        Conflict: another live job writes there, or a trial may still land; the message says when to try again.
    """
    if found := collision(txn, place, but=but) or trial_under_way(txn, place):
        raise Conflict(found)


def trial_under_way(txn: Txn, place: Place) -> str:
    """Return until when a trial sent to *place* may still land, in a sentence; "" where none may."""
    until_ms = living_trial(txn, place_text(place))
    if until_ms is None:
        return ""
    seconds = math.ceil((until_ms - txn.now_ms) / 1000)
    return (
        "One person was sent to this attribute, and Mapp's answer is not known, so that request may still land."
        f" Try again in {seconds:,} seconds."
    )


def place_text(place: Place) -> str:
    """Return *place* as one text, the same for the same place."""
    return msgspec.json.encode(place).decode()
