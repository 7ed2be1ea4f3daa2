"""People over REST; ours, since Lytics manages its own elsewhere. A cookie opens pages, never these."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from usher.access import people
from usher.access.links import link_url
from usher.clock import iso_from_ms, iso_or_none
from usher.errors import InvalidInput, Problem
from usher.store.people import Person
from usher.web.body import JsonObject
from usher.web.callers import Caller, is_local
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok

USUAL_URL = "http://127.0.0.1:8080"  # where `usher serve` listens when nobody says otherwise


class PersonBody(BaseModel):
    """One person; *link* is there once, when it was just made. *link_until* says until when one is open."""

    name: str
    role: str
    can_sign_in: bool
    created: str
    created_by: str
    last_seen: str | None = None
    link: str | None = None
    link_until: str | None = None


def serves_at(app: Any, url: str) -> None:
    """Tell *app* by which address it is reached, where no setting says so."""
    app.state.served_at = url


def base_url_of(request: Request) -> str:
    """Return where a browser finds this service."""
    base_url = deps_of(request).desk.people_url
    told = base_url or str(getattr(request.app.state, "served_at", ""))
    return told or (USUAL_URL if is_local(request.scope) else str(request.base_url))


async def list_people(request: Request) -> Ok[list[PersonBody]]:
    """List the people who sign in, oldest first."""
    return ok(request, [_body(person) for person in await people.list_people(deps_of(request).desk)])


async def create_person(request: Request, caller: Caller, body: JsonObject) -> Ok[PersonBody]:
    """Invite somebody; the link is in this answer and never again."""
    given = _texts(body, "name", "role")
    person, token = await people.create_person(deps_of(request).desk, caller, name=given["name"], role=given["role"])
    return ok(request, _body(person, link=link_url(base_url_of(request), token)), status=201)


async def reset_person(request: Request, caller: Caller, name: str) -> Ok[PersonBody]:
    """Make a new link for somebody, by which they set a password; their old one works until then."""
    person, token = await people.reset_person(deps_of(request).desk, caller, name=name)
    return ok(request, _body(person, link=link_url(base_url_of(request), token)))


async def change_role(request: Request, caller: Caller, name: str, body: JsonObject) -> Ok[PersonBody]:
    """Give somebody another role, from their next request on."""
    role = _texts(body, "role")["role"]
    return ok(request, _body(await people.change_role(deps_of(request).desk, caller, name=name, role=role)))


async def remove_person(request: Request, caller: Caller, name: str) -> Ok[dict[str, str]]:
    """Take somebody off the list; whatever they are signed in with ends at once."""
    await people.remove_person(deps_of(request).desk, caller, name=name)
    return ok(request, {})


def _texts(body: dict[str, object], *known: str) -> dict[str, str]:
    problems = [Problem(str(k)[:64], "is not known here.", f"Known: {', '.join(known)}.") for k in body.keys() - known]
    texts = {key: value for key in known if isinstance(value := body.get(key, ""), str)}
    problems += [Problem(key, "must be text.", "Send a JSON string.") for key in known if key not in texts]
    if problems:
        raise InvalidInput(*sorted(problems, key=lambda problem: problem.field))
    return texts


def _body(person: Person, *, link: str | None = None) -> PersonBody:
    return PersonBody(
        name=person.name,
        role=person.role,
        can_sign_in=person.can_sign_in,
        created=iso_from_ms(person.created_ms),
        created_by=person.created_by,
        last_seen=iso_or_none(person.last_seen_ms),
        link=link,
        link_until=iso_or_none(person.link_until_ms),
    )
