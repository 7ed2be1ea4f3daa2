"""
Who gets to a page: signed in, with the role it needs, and for every change from this very site.

A page's refusal is a page: what happened, and the next step.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from usher.access.roles import Actor, Role, allows
from usher.access.sessions import Session, session_of
from usher.errors import Forbidden, NotFound, Unauthenticated, UsherError
from usher.web.addressing import need_nameable
from usher.web.dashboard.cookies import SESSION, read_cookie
from usher.web.dashboard.forms import MOST_BYTES, MOST_BYTES_OF_STRANGERS, Form, SlowForm, read_form
from usher.web.dashboard.rendering import html, render
from usher.web.dashboard.visit import Handler, Visit
from usher.web.dashboard.words import ROLE_WORDS, WHO_MAY
from usher.web.deps import deps_of
from usher.web.envelope import request_id_of
from usher.web.failures import status_of

HOME = "/jobs"
LIVE = "/live/"
USUAL_PORTS = {"http": 80, "https": 443}


class PageRoute(NamedTuple):
    """
    One page, or one change that a page makes.

    Args:
        method: "GET" changes nothing; "POST" may.
        needs: the lowest role that may; None where nobody need be signed in.
    """

    method: str
    path: str
    needs: Role | None
    handler: Handler


def endpoint_of(route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers requests for *route*."""

    async def answer(request: Request) -> Response:
        visit = Visit(request, deps_of(request))
        try:
            visit = await _admitted(visit, route)
            return await route.handler(visit)
        except Unauthenticated as error:
            return _to_sign_in(visit, error)
        except UsherError as error:
            return await refusal(visit, error)

    return answer


async def _admitted(visit: Visit, route: PageRoute) -> Visit:
    request = visit.request
    need_nameable(request)
    if route.method == "POST" and not is_from_here(request):
        raise Forbidden("This change came from another site, so it was refused. Open the page in Usher and repeat it.")
    session = await _session(visit) if route.needs is not None else None
    form = await _form(request, session) if route.method == "POST" else Form()
    if session is not None and route.needs is not None and not allows(session.actor.role, route.needs):
        raise Forbidden(_not_allowed(session.actor, route.needs))
    return Visit(request, visit.deps, session, form)


async def _form(request: Request, session: Session | None) -> Form:
    return await read_form(request, most_bytes=MOST_BYTES if session else MOST_BYTES_OF_STRANGERS)


def _not_allowed(actor: Actor, needed: Role) -> str:
    who = f"You are signed in as {actor.name} ({ROLE_WORDS[actor.role].lower()})"
    return f"{WHO_MAY[needed]} may do this. {who}; ask an administrator."


async def _session(visit: Visit) -> Session:
    return await session_of(visit.desk, read_cookie(visit.request, SESSION))


def is_from_here(request: Request) -> bool:
    """
    Return whether a page of this very site sent *request*, by the browser's own word.

    Every browser that shows these pages says one or the other; a request that says neither is refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return _is_ours(request, request.headers.get("origin", ""))


def _is_ours(request: Request, url: str) -> bool:
    """Whether *url* is of the site that *request* was sent to, as its browser knows it: a trusted proxy says how."""
    here = _origin_of(f"{request.scope['scheme']}://{request.headers.get('host', '')}")
    return here is not None and here == _origin_of(url)


def _origin_of(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, host and port that *url* names; None where it names none."""
    try:
        parts = urlsplit(url)
        port = parts.port or USUAL_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _to_sign_in(visit: Visit, error: Unauthenticated) -> Response:
    if visit.request.url.path.startswith(LIVE):
        return Response(status_code=204)  # what ends a browser's asking for a stream
    if visit.request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Refresh": "true"})
    back = visit.here if visit.request.method == "GET" else _came_from(visit.request)
    said = "" if back == HOME and visit.request.method == "GET" else "Sign in to go on."
    return visit.go(f"/sign-in?next={quote(back, safe='/')}", said=said, mood="warn")


def _came_from(request: Request) -> str:
    """Return the page whose form was sent, so that signing in leads back to it."""
    referer = request.headers.get("referer", "")
    if not _is_ours(request, referer):
        return HOME
    page = urlsplit(referer)
    return local_path(page.path + (f"?{page.query}" if page.query else ""))


def local_path(text: str) -> str:
    """Return *text* where it is an address on this site, else the first page: nobody is led elsewhere."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours else HOME


async def refusal(visit: Visit, error: UsherError) -> Response:
    """Answer with a page that says what happened and what to do."""
    if visit.session is None:
        visit = await _known(visit)
    status = status_of(error)
    title = TITLES.get(status, "That did not work")
    response = await visit.page("refusal.html", status=status, title=title, error=error)
    if isinstance(error, SlowForm):
        response.headers["Connection"] = "close"  # or the rest of it may go on trickling in
    return response


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, for an address that is none of the API's."""
    is_api = request.url.path.startswith(("/v2/", "/triggers/", "/static/"))
    return not is_api and "text/html" in request.headers.get("accept", "")


async def missing(request: Request) -> Response:
    """Answer for an address that leads nowhere."""
    error = NotFound("No page has this address. It may have been typed wrongly, or what it showed is gone.")
    return await refusal(Visit(request, deps_of(request)), error)


def crashed(request: Request) -> Response:
    """Answer for a fault of ours, without asking the database anything."""
    return html(request, render("crash.html", {"request_id": request_id_of(request)}), status=500)


async def _known(visit: Visit) -> Visit:
    """Return *visit* with whoever is signed in, so that a refusal keeps the navigation."""
    try:
        return Visit(visit.request, visit.deps, await _session(visit))
    except UsherError:
        return visit


TITLES = {
    403: "You may not do this",
    404: "There is nothing here",
    409: "Something stands in the way",
    429: "Too many tries",
    503: "Not possible right now",
}
