"""Settings, people: who can sign in, what they may do, and how they come and go. A link is shown once."""

from urllib.parse import urlsplit

from starlette.responses import Response

from usher.access import people
from usher.access.links import INVITATION_MS, link_url
from usher.access.people import list_people
from usher.access.roles import Role
from usher.access.sessions import end_all, list_sessions
from usher.errors import Conflict, InvalidInput, NotFound
from usher.store.people import Person
from usher.web.dashboard.account_pages import who
from usher.web.dashboard.browsers import browser_words
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.problems import Problems, by_field, taken
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.words import ROLE_WORDS

PATH = "/settings/people"
ONE = PATH + "/{person_id}"
SUBJECTS = {"name": "The name", "role": "This"}


async def people_page(visit: Visit) -> Response:
    return await visit.page("settings-people.html", people=await list_people(visit.desk), you=who(visit).person_id)


async def invite_page(visit: Visit) -> Response:
    return await _invite(visit)


async def invite(visit: Visit) -> Response:
    form = visit.form
    try:
        person, token = await people.create_person(
            visit.desk, visit.actor, name=form.get("name"), role=form.get("role")
        )
    except InvalidInput as error:
        return await _invite(visit, status=400, problems=by_field(error, SUBJECTS))
    except Conflict as error:
        return await _invite(visit, status=400, problems=taken(error, "name"))
    return await _link(visit, person, token, is_new=True)


async def person_page(visit: Visit) -> Response:
    return await _one(visit, await _person(visit))


async def change_role(visit: Visit) -> Response:
    person, role = await _person(visit), visit.form.get("role")
    try:
        await people.change_role(visit.desk, visit.actor, name=person.name, role=role)
    except InvalidInput as error:
        return await _one(visit, person, status=400, problems=by_field(error, SUBJECTS))
    except Conflict as error:
        return await _one(visit, person, status=409, problems=taken(error, "role"))
    is_out = person.id == who(visit).person_id and role != Role.ADMIN
    said = f"{person.name} is {ROLE_WORDS[Role(role)].lower()} now."
    return visit.go("/account" if is_out else f"{PATH}/{person.id}", said=said)


async def end_sessions(visit: Visit) -> Response:
    person = await _person(visit)
    ended = await end_all(visit.desk, who(visit), person_id=person.id)
    return visit.go(f"{PATH}/{person.id}", said=f"{ended} {'session' if ended == 1 else 'sessions'} ended.")


async def link_page(visit: Visit) -> Response:
    return await visit.page("settings-new-link.html", person=await _person(visit), hours=INVITATION_MS // 3_600_000)


async def make_link(visit: Visit) -> Response:
    before = await _person(visit)
    person, token = await people.reset_person(visit.desk, visit.actor, name=before.name)
    return await _link(visit, person, token, is_new=False)


async def remove_page(visit: Visit) -> Response:
    return await _removal(visit, await _person(visit))


async def remove(visit: Visit) -> Response:
    person = await _person(visit)
    try:
        await people.remove_person(visit.desk, visit.actor, name=person.name)
    except Conflict as error:
        return await _removal(visit, person, status=409, trouble=error.message)
    return visit.go(PATH, said=f"{person.name} is removed and can no longer sign in.")


async def _person(visit: Visit) -> Person:
    wanted = visit.path("person_id")
    for person in await list_people(visit.desk):
        if person.id == wanted:
            return person
    raise NotFound("There is no such person. Somebody may have removed them.")


async def _invite(visit: Visit, *, status: int = 200, problems: Problems | None = None) -> Response:
    typed = {"name": visit.form.get("name"), "role": visit.form.get("role", Role.VIEWER)}
    hours = INVITATION_MS // 3_600_000
    return await visit.page("settings-invite.html", status=status, typed=typed, problems=problems or {}, hours=hours)


async def _one(visit: Visit, person: Person, *, status: int = 200, problems: Problems | None = None) -> Response:
    return await visit.page(
        "settings-person.html",
        status=status,
        person=person,
        role=visit.form.get("role", person.role),
        problems=problems or {},
        sessions=await list_sessions(visit.desk, who(visit), person_id=person.id),
        browser_words=browser_words,
        is_you=person.id == who(visit).person_id,
    )


async def _removal(visit: Visit, person: Person, *, status: int = 200, trouble: str = "") -> Response:
    sessions = await list_sessions(visit.desk, who(visit), person_id=person.id)
    is_you = person.id == who(visit).person_id
    return await visit.page(
        "settings-remove-person.html",
        status=status,
        person=person,
        sessions=len(sessions),
        is_you=is_you,
        trouble=trouble,
    )


async def _link(visit: Visit, person: Person, token: str, *, is_new: bool) -> Response:
    """Answer with the link itself: it must not pass through an address or a cookie on its way to the page."""
    link = link_url(_base_url(visit), token)
    return await visit.page("settings-link.html", person=person, link=link, is_new=is_new)


def _base_url(visit: Visit) -> str:
    """Return where browsers find this service: as this one did, but as the setting says where both name one host."""
    told, here = visit.desk.people_url, visit.request.base_url
    return told if urlsplit(told).netloc == here.netloc else str(here)


PAGES = (
    PageRoute("GET", PATH, Role.ADMIN, people_page),
    PageRoute("GET", f"{PATH}/invite", Role.ADMIN, invite_page),
    PageRoute("POST", f"{PATH}/invite", Role.ADMIN, invite),
    PageRoute("GET", ONE, Role.ADMIN, person_page),
    PageRoute("POST", ONE, Role.ADMIN, change_role),
    PageRoute("POST", f"{ONE}/end-sessions", Role.ADMIN, end_sessions),
    PageRoute("GET", f"{ONE}/link", Role.ADMIN, link_page),
    PageRoute("POST", f"{ONE}/link", Role.ADMIN, make_link),
    PageRoute("GET", f"{ONE}/remove", Role.ADMIN, remove_page),
    PageRoute("POST", f"{ONE}/remove", Role.ADMIN, remove),
)
