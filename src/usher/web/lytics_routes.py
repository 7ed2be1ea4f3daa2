"""What Lytics says of audiences and fields, passed on in Lytics' own shape (facts/lytics.md A2, A5, confirmed)."""

from typing import Any

from starlette.requests import Request

from usher.jobs import reading
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok
from usher.web.failures import CodedNotFound

TABLE = "user"


async def list_segments(request: Request, auth_id: str | None = None) -> Ok[list[dict[str, Any]]]:
    """List the audiences of a Lytics account; `auth_id` may be left out where there is one only."""
    return ok(request, await reading.read_segments(deps_of(request).desk, auth_id))


async def show_segment(request: Request, id_or_slug: str, auth_id: str | None = None) -> Ok[dict[str, Any]]:
    """Show one audience, by its id or its slug."""
    return ok(request, await reading.read_segment(deps_of(request).desk, id_or_slug, auth_id))


async def list_fields(request: Request, table: str, auth_id: str | None = None) -> Ok[list[dict[str, Any]]]:
    """List the fields of people's profiles."""
    if table != TABLE:
        message = f"There is no table {table[:64]!r} here. Audiences are made of {TABLE!r}."
        raise CodedNotFound(message, code="TABLE-NOTFOUND-009")
    return ok(request, await reading.read_fields(deps_of(request).desk, auth_id))
