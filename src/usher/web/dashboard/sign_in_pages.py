"""
The door: signing in and out, one-time links, and light or dark.

Whatever fails at the door says the same for names that exist and names that do not.
"""

from starlette.responses import Response

from usher.access.entering import sign_in, use_link
from usher.access.links import FIRST_LINK_MS, Invitation, open_link
from usher.access.passwords import LONGEST, SHORTEST
from usher.access.people import list_people
from usher.access.roles import Role
from usher.access.sessions import WHOLE_MS, end_session, session_of
from usher.errors import Conflict, Forbidden, InvalidInput, NotFound, TooSoon, Unauthenticated, Unavailable
from usher.web.dashboard.cookies import (
    SESSION,
    THEME,
    THEMES,
    YEAR_SECONDS,
    is_read_by_nobody_else,
    is_secure,
    read_cookie,
    write_cookie,
)
from usher.web.dashboard.entry import HOME, PageRoute, local_path
from usher.web.dashboard.problems import Problems, by_field, taken
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.words import duration

FIRST_MINUTES = FIRST_LINK_MS // 60_000
OPEN_WAY = (
    "Over plain http others can read a password on its way, so nobody signs in like that but on Usher's own machine."
    " Open Usher by its https address. If this is one, its proxy is not named in USHER_TRUSTED_PROXIES,"
    " or does not set X-Forwarded-Proto."
)
SUBJECTS = {"name": "The name", "password": "The password"}


async def home(visit: Visit) -> Response:
    return visit.go(HOME)


async def sign_in_page(visit: Visit) -> Response:
    """Ask for name and password; whoever is signed in already goes on."""
    if await _is_signed_in(visit):
        return visit.go(local_path(visit.query("next")))
    return await _ask(visit, back=visit.query("next"))


async def try_to_sign_in(visit: Visit) -> Response:
    _need_closed_way(visit)
    form = visit.form
    back = form.get("next")
    try:
        token = await sign_in(
            visit.desk,
            name=form.get("name"),
            password=form.raw("password"),
            address=_address(visit),
            browser=browser_of(visit),
            brought=read_cookie(visit.request, SESSION),
        )
    except Unauthenticated as error:
        return await _ask(visit, back=back, status=400, trouble=error.message)
    except (TooSoon, Unavailable) as error:
        return await _ask_later(visit, error, back=back)
    return _let_in(visit, token, local_path(back))


async def welcome_page(visit: Visit) -> Response:
    """Show what a one-time link opens; looking does not use it up."""
    try:
        invitation = await open_link(visit.desk, visit.path("token"))
    except NotFound:
        return await _dead_link(visit)
    return await _welcome(visit, invitation)


async def use_welcome(visit: Visit) -> Response:
    _need_closed_way(visit)
    form, token = visit.form, visit.path("token")
    try:
        invitation = await open_link(visit.desk, token)
        session = await use_link(
            visit.desk,
            token,
            name=form.get("name"),
            password=form.raw("password"),
            browser=browser_of(visit),
            brought=read_cookie(visit.request, SESSION),
        )
    except NotFound:
        return await _dead_link(visit)
    except InvalidInput as error:
        return await _welcome(visit, invitation, status=400, problems=by_field(error, SUBJECTS))
    except Conflict as error:
        return await _welcome(visit, invitation, status=400, problems=taken(error, "name"))
    return _let_in(visit, session, HOME)


async def sign_out(visit: Visit) -> Response:
    assert visit.session is not None
    await end_session(visit.desk, visit.session, visit.session.id)
    response = visit.go("/sign-in", said="You are signed out.")
    write_cookie(visit.request, response, SESSION, "", max_age=0)
    return response


async def choose_theme(visit: Visit) -> Response:
    """Keep light or dark for the next pages; the page's script does the same without asking."""
    response = visit.go(local_path(visit.form.get("back")))
    theme = visit.form.get("theme")
    if theme in THEMES:
        secure = is_secure(visit.request)
        response.set_cookie(THEME, theme, max_age=YEAR_SECONDS, path="/", secure=secure, samesite="lax")
    return response


def browser_of(visit: Visit) -> str:
    return visit.request.headers.get("user-agent", "")


async def _ask(visit: Visit, *, back: str, status: int = 200, trouble: str = "") -> Response:
    can_anybody = any(person.can_sign_in for person in await list_people(visit.desk))
    return await visit.page(
        "sign-in.html",
        status=status,
        back=local_path(back) if back else "",
        name=visit.form.get("name"),
        trouble=trouble or ("" if is_read_by_nobody_else(visit.request) else OPEN_WAY),
        can_anybody=can_anybody,
        minutes=FIRST_MINUTES,
        host=visit.request.url.netloc,
    )


async def _ask_later(visit: Visit, error: TooSoon | Unavailable, *, back: str) -> Response:
    is_throttled = isinstance(error, TooSoon)
    wait = f"Too many attempts failed. Wait {duration(error.retry_after_seconds)}, then try again."
    trouble = f"{wait} Until then the right password is refused too." if is_throttled else error.message
    response = await _ask(visit, back=back, status=429 if is_throttled else 503, trouble=trouble)
    response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


async def _welcome(
    visit: Visit, invitation: Invitation, *, status: int = 200, problems: Problems | None = None
) -> Response:
    name = visit.form.get("name") if invitation.name is None else invitation.name
    return await visit.page(
        "welcome.html",
        status=status,
        invitation=invitation,
        name=name,
        problems=problems or {},
        path=visit.here,
        size=(SHORTEST, LONGEST),
    )


async def _dead_link(visit: Visit) -> Response:
    can_anybody = any(person.can_sign_in for person in await list_people(visit.desk))
    return await visit.page("dead-link.html", status=404, can_anybody=can_anybody, minutes=FIRST_MINUTES)


def _let_in(visit: Visit, token: str, path: str) -> Response:
    response = visit.go(path)
    write_cookie(visit.request, response, SESSION, token, max_age=WHOLE_MS // 1000)
    return response


def _need_closed_way(visit: Visit) -> None:
    if not is_read_by_nobody_else(visit.request):
        raise Forbidden(OPEN_WAY)


def _address(visit: Visit) -> str:
    client = visit.request.client
    return client.host if client else ""


async def _is_signed_in(visit: Visit) -> bool:
    try:
        await session_of(visit.desk, read_cookie(visit.request, SESSION))
    except Unauthenticated:
        return False
    return True


PAGES = (
    PageRoute("GET", "/", None, home),
    PageRoute("GET", "/sign-in", None, sign_in_page),
    PageRoute("POST", "/sign-in", None, try_to_sign_in),
    PageRoute("GET", "/welcome/{token}", None, welcome_page),
    PageRoute("POST", "/welcome/{token}", None, use_welcome),
    PageRoute("POST", "/sign-out", Role.VIEWER, sign_out),
    PageRoute("POST", "/theme", None, choose_theme),
)
