"""Whether what stopped a job is still so: both vendors are asked before it is started again."""

from collections.abc import Awaitable

from usher.domain.job import Cause, Job
from usher.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteUnknown,
    RemoteUnreachable,
    Unavailable,
)
from usher.jobs.desk import Desk
from usher.lytics.client import LyticsClient
from usher.store.authorizations import note_health
from usher.store.database import Txn


async def refuse_if_still_broken(desk: Desk, job: Job) -> None:
    """
    Ask Mapp and Lytics for what *job* needs, and note how healthy its authorizations are.

    Raises:
        Conflict: one of them still refuses, or the audience, its people or its identifier field cannot be read; mend
            that first.
        Unavailable: one of them cannot be reached; ask again later.
    """
    await _ask(desk, job.mapp_auth, "Mapp", _mapp_works(desk, job))
    await _ask(desk, job.lytics_auth, "Lytics", _lytics_works(desk, job))


async def _mapp_works(desk: Desk, job: Job) -> None:
    client = await desk.vendors.mapp(job.mapp_auth)
    await client.ping()


async def _lytics_works(desk: Desk, job: Job) -> None:
    client = await desk.vendors.lytics(job.lytics_auth)
    if job.config.uid_field not in {field.name for field in await client.fields()}:
        raise Conflict(f"Lytics' schema still has no field {job.config.uid_field!r}. Bring it back first.")
    try:
        audience = await client.audience(job.config.segment_id)
    except RemoteMissing:
        audience = None
    if audience is None or audience.is_deleted:
        raise Conflict(f"Lytics still has no audience {job.audience_name!r}. Duplicate this job with another audience.")
    if not audience.is_valid:
        raise Conflict(f"Lytics still calls the audience {job.audience_name!r} invalid. Mend it in Lytics first.")
    if job.cause is Cause.LYTICS_CREDENTIALS:
        await _lytics_shows_people(client, job)


async def _lytics_shows_people(client: LyticsClient, job: Job) -> None:
    """Ask for what stopped the job: a token may be taken, and people withheld from it all the same."""
    try:
        await client.identifier_sample(job.config.segment_id, field=job.config.uid_field, limit=1)
    except RemoteRefused as error:
        raise Conflict(
            f"Lytics takes the token, but still refuses it the people in the audience {job.audience_name!r}:"
            f" {error.message} Let the token read people, or change the authorization first."
        ) from error


async def _ask(desk: Desk, auth_id: str, system: str, question: Awaitable[None]) -> None:
    try:
        await question
    except (RemoteUnreachable, RemoteUnknown) as error:
        raise Unavailable(f"{system} cannot be reached: {error.message} Ask again later.") from error
    except (RemoteError, InvalidInput) as error:
        await _note(desk, auth_id, is_healthy=False, note=error.message)
        raise Conflict(f"{system} still refuses: {error.message} Change the authorization first.") from error
    except NotFound as error:
        raise Conflict(f"{error.message} Edit the job to use another authorization.") from error
    await _note(desk, auth_id, is_healthy=True)


async def _note(desk: Desk, auth_id: str, *, is_healthy: bool, note: str = "") -> None:
    def work(txn: Txn) -> None:
        note_health(txn, auth_id, is_healthy=is_healthy, note=note)

    await desk.database.write(work)
