"""API tokens over REST; ours, since Lytics manages its own elsewhere."""

from starlette.requests import Request

from usher.access import tokens
from usher.errors import InvalidInput, Problem
from usher.web.auth_shape import TokenBody, token_body
from usher.web.body import JsonObject
from usher.web.callers import Caller
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok

KNOWN = ("name", "role", "expires_days")


async def create_token(request: Request, caller: Caller, body: JsonObject) -> Ok[TokenBody]:
    """Make a token; it is in this answer and never again."""
    name, role, expires_days = _read(body)
    token, plain = await tokens.create_token(
        deps_of(request).desk, caller, name=name, role=role, expires_days=expires_days
    )
    return ok(request, token_body(token, plain=plain), status=201)


async def list_tokens(request: Request) -> Ok[list[TokenBody]]:
    """List the tokens, without the tokens themselves."""
    return ok(request, [token_body(token) for token in await tokens.list_tokens(deps_of(request).desk)])


async def revoke_token(request: Request, caller: Caller, name: str) -> Ok[dict[str, str]]:
    """End a token now, by its name or id."""
    await tokens.revoke_token(deps_of(request).desk, caller, name=name)
    return ok(request, {})


def _read(body: dict[str, object]) -> tuple[str, str, float | None]:
    problems = [
        Problem(str(k)[:64], "is not known here.", f"Known: {', '.join(KNOWN)}.") for k in body if k not in KNOWN
    ]
    name, role, days = body.get("name", ""), body.get("role", "viewer"), body.get("expires_days")
    problems += [
        Problem(key, "must be text.", "Send a JSON string.")
        for key, value in (("name", name), ("role", role))
        if not isinstance(value, str)
    ]
    if isinstance(days, bool) or not isinstance(days, int | float | None):
        problems.append(Problem("expires_days", "must be a number of days.", "Leave it out for a token without end."))
    if problems:
        raise InvalidInput(*problems)
    assert isinstance(name, str)
    assert isinstance(role, str)
    assert isinstance(days, int | float | None)
    return name, role, days
