"""What the vendors say about audiences, fields and groups, passed on, so that a job can be put together."""

from typing import Any

from usher.errors import InvalidInput, Problem
from usher.jobs.choosing import choose_lytics
from usher.jobs.desk import Desk
from usher.lytics.client import LyticsClient
from usher.store.authorizations import all_authorizations


async def read_segments(desk: Desk, auth_id: str | None = None) -> Any:
    """
    Return every audience as Lytics describes it.

    Args:
        auth_id: the Lytics authorization; it may be left out where there is one only.

    Raises:
        InvalidInput: *auth_id* is needed, or names none of Lytics'.
        RemoteError: as Lytics answered; its name says what to do.
    """
    return await (await _client(desk, auth_id)).raw_segments()


async def read_segment(desk: Desk, id_or_slug: str, auth_id: str | None = None) -> Any:
    """Return one audience as Lytics describes it. Raises as *read_segments*; RemoteMissing where there is none."""
    return await (await _client(desk, auth_id)).raw_segment(id_or_slug)


async def read_fields(desk: Desk, auth_id: str | None = None) -> Any:
    """Return the fields of people's profiles as Lytics describes them. Raises as *read_segments*."""
    return await (await _client(desk, auth_id)).raw_fields()


async def read_groups(desk: Desk, auth_id: str) -> dict[str, str]:
    """
    Return Mapp's groups, id to name; the list may be incomplete.

    Raises:
        NotFound: there is no authorization of Mapp's by that id.
        RemoteError: as Mapp answered; its name says what to do.
    """
    return await (await desk.vendors.mapp(auth_id)).groups()


async def _client(desk: Desk, auth_id: str | None) -> LyticsClient:
    found = choose_lytics(auth_id, among=await desk.database.read(all_authorizations))
    if isinstance(found, Problem):
        raise InvalidInput(found)
    return await desk.vendors.lytics(found.id)
