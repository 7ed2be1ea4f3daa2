"""
Who is asking, and whether their role suffices.

A token comes in the Authorization header, raw or as a Bearer. Whoever reaches the Unix socket in the data folder
(mode 0600) is the user that runs Usher, and needs none.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from usher.access.roles import Actor, Role, allows
from usher.domain.notes import LOCAL_OPERATOR
from usher.errors import Forbidden, Unauthenticated
from usher.web.deps import deps_of

LOCAL = Actor(LOCAL_OPERATOR, Role.ADMIN)
LONGEST_TOKEN = 512  # characters; ours are far shorter, and hashing a megabyte is work for nothing


def presented_token(headers: Headers) -> str | None:
    """Return the token that a request presents, or None where it presents none, or more than one."""
    given = headers.getlist("authorization")
    if len(given) != 1 or len(given[0]) > LONGEST_TOKEN:
        return None
    scheme, _, rest = given[0].strip().partition(" ")
    return (rest.strip() if scheme.lower() == "bearer" else given[0].strip()) or None


def is_local(scope: Scope) -> bool:
    """Whether a request came by the Unix socket: uvicorn then names its path, and no port (tested against it)."""
    server = scope.get("server")
    return server is not None and server[1] is None and server[0].startswith("/") and scope.get("client") is None


async def identified(request: Request) -> Actor:
    """
    Return who is asking.

    Raises:
        Unauthenticated: no valid token was presented.
    """
    if is_local(request.scope):
        return LOCAL
    token = presented_token(request.headers)
    if token is None:
        raise Unauthenticated
    return await deps_of(request).authenticate(token)


Caller = Annotated[Actor, Depends(identified)]


def needs(role: Role) -> Callable[[Actor], Awaitable[None]]:
    """Make a check that lets only *role* and higher ones pass."""

    async def check(caller: Caller) -> None:
        if not allows(caller.role, role):
            raise Forbidden(f"This needs the role {role}; the token's role is {caller.role}. Use a token that has it.")

    return check


def may_see_people(caller: Actor) -> bool:
    """Viewers see masked identifiers; everybody above them sees who it is."""
    return allows(caller.role, Role.OPERATOR)
