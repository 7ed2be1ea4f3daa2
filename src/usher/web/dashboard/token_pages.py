"""Settings, API tokens: made, shown once, revoked."""

from typing import NamedTuple

from starlette.responses import Response

from usher.access import tokens
from usher.access.roles import Role
from usher.access.tokens import MOST_DAYS, list_tokens
from usher.errors import Conflict, InvalidInput, NotFound, Problem
from usher.store.access import ApiToken
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.forms import Form
from usher.web.dashboard.problems import Problems, by_field, taken
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.words import duration

PATH = "/settings/tokens"
ONE = PATH + "/{token_id}/revoke"
USUAL_DAYS = "90"
SOON_MS = 14 * 86_400_000  # before its end a token is marked
SUBJECTS = {"name": "The name", "role": "This", "expires_days": "The number of days"}


class Expiry(NamedTuple):
    """When a token ends, and how that is shown; without an icon where there is nothing to do about it."""

    said: str
    icon: str = ""
    style: str = ""


def expiry_of(expires_ms: int | None, *, now_ms: int) -> Expiry:
    """Return how the end of a token is shown; None means that it does not end."""
    if expires_ms is None:
        return Expiry("never")
    if expires_ms <= now_ms:
        return Expiry(f"expired {duration((now_ms - expires_ms) / 1000)} ago", "circle-x", "bad-c")
    said = f"in {duration((expires_ms - now_ms) / 1000)}"
    return Expiry(said, "triangle-alert", "warn-c") if expires_ms - now_ms < SOON_MS else Expiry(said)


async def tokens_page(visit: Visit) -> Response:
    return await _list(visit)


async def new_token_page(visit: Visit) -> Response:
    return await _new(visit, expires_days=USUAL_DAYS)


async def make_token(visit: Visit) -> Response:
    """Make a token and answer with it: it must not pass through a cookie or an address."""
    form = visit.form
    try:
        days = _days(form)
        token, plain = await tokens.create_token(
            visit.desk, visit.actor, name=form.get("name"), role=form.get("role"), expires_days=days
        )
    except InvalidInput as error:
        problems = by_field(error, SUBJECTS)
    except Conflict as error:
        problems = taken(error, "name")
    else:
        return await _list(visit, made=token, plain=plain)
    return await _new(visit, status=400, problems=problems, expires_days=form.get("expires_days"))


async def revoke_page(visit: Visit) -> Response:
    return await visit.page("settings-revoke.html", token=await _token(visit), now_ms=visit.now_ms)


async def revoke(visit: Visit) -> Response:
    token = await _token(visit)
    await tokens.revoke_token(visit.desk, visit.actor, name=token.name)
    return visit.go(PATH, said=f"{token.name} is revoked. Whatever still presents it is refused.")


def _days(form: Form) -> float | None:
    text = form.get("expires_days")
    try:
        return float(text) if text else None
    except ValueError:
        mend = "Write a number, or nothing for a token that does not expire."
        raise InvalidInput(Problem("expires_days", "is not a number.", mend)) from None


async def _token(visit: Visit) -> ApiToken:
    wanted = visit.path("token_id")
    for token in await list_tokens(visit.desk):
        if token.id == wanted:
            return token
    raise NotFound("There is no such token. Somebody may have revoked it.")


async def _list(visit: Visit, *, made: ApiToken | None = None, plain: str = "") -> Response:
    found = reversed(await list_tokens(visit.desk))
    tokens = [(token, expiry_of(token.expires_ms, now_ms=visit.now_ms)) for token in found]
    return await visit.page("settings-tokens.html", tokens=tokens, made=made, plain=plain)


async def _new(visit: Visit, *, expires_days: str, status: int = 200, problems: Problems | None = None) -> Response:
    typed = {"name": visit.form.get("name"), "role": visit.form.get("role", Role.VIEWER), "expires_days": expires_days}
    return await visit.page(
        "settings-new-token.html", status=status, typed=typed, problems=problems or {}, most_days=MOST_DAYS
    )


PAGES = (
    PageRoute("GET", PATH, Role.ADMIN, tokens_page),
    PageRoute("GET", f"{PATH}/new", Role.ADMIN, new_token_page),
    PageRoute("POST", f"{PATH}/new", Role.ADMIN, make_token),
    PageRoute("GET", ONE, Role.ADMIN, revoke_page),
    PageRoute("POST", ONE, Role.ADMIN, revoke),
)
