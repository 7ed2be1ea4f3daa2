"""No two live jobs write one attribute of one group in one Mapp integration."""

from usher.domain.attribute import Target
from usher.errors import Conflict
from usher.mapp.address import normalised
from usher.mapp.wire import attribute_key
from usher.store.authorizations import Authorization, all_authorizations
from usher.store.database import Txn
from usher.store.jobs import live_jobs

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
        Conflict: another live job writes there.
    """
    if found := collision(txn, place, but=but):
        raise Conflict(found)
