"""One's own account: the password, and the browsers that one is signed in with."""

from starlette.responses import Response

from usher.access.entering import change_password
from usher.access.passwords import LONGEST, SHORTEST
from usher.access.roles import Role
from usher.access.sessions import Session, end_all, end_session, list_sessions
from usher.errors import InvalidInput, NotFound, Problem, TooSoon
from usher.web.dashboard.browsers import browser_words
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.problems import Problems, by_field
from usher.web.dashboard.visit import Visit
from usher.web.dashboard.words import duration

PATH = "/account"
SUBJECTS = {"old": "What you typed", "new": "The new password"}


def who(visit: Visit) -> Session:
    """Return the session of whoever is signed in; only on pages that need somebody."""
    assert visit.session is not None
    return visit.session


async def account_page(visit: Visit) -> Response:
    return await _account(visit)


async def set_password(visit: Visit) -> Response:
    form = visit.form
    try:
        await change_password(visit.desk, who(visit), old=form.raw("old"), new=form.raw("new"))
    except InvalidInput as error:
        return await _account(visit, status=400, problems=by_field(error, SUBJECTS))
    except TooSoon as error:
        wait = duration(error.retry_after_seconds)
        late = Problem("old", "Too many attempts failed.", f"Wait {wait}, then try again.")
        return await _account(visit, status=429, problems={"old": late})
    return visit.go(PATH, said="Your password is changed. Every other browser you were signed in with is signed out.")


async def end_one(visit: Visit) -> Response:
    """End another of one's own sessions; one that ended by itself meanwhile is as good."""
    own = {session.id for session in await list_sessions(visit.desk, who(visit))}
    wanted = visit.form.get("id")
    if wanted not in own - {who(visit).id}:
        return visit.go(PATH, said="That browser was signed out already.")
    try:
        await end_session(visit.desk, who(visit), wanted)
    except NotFound:
        return visit.go(PATH, said="That browser was signed out already.")
    return visit.go(PATH, said="That browser is signed out.")


async def end_others(visit: Visit) -> Response:
    ended = await end_all(visit.desk, who(visit))
    others = "browser is" if ended == 1 else "browsers are"
    return visit.go(PATH, said=f"{ended} other {others} signed out." if ended else "There was no other browser.")


async def _account(visit: Visit, *, status: int = 200, problems: Problems | None = None) -> Response:
    return await visit.page(
        "account.html",
        status=status,
        problems=problems or {},
        sessions=await list_sessions(visit.desk, who(visit)),
        browser_words=browser_words,
        size=(SHORTEST, LONGEST),
    )


PAGES = (
    PageRoute("GET", PATH, Role.VIEWER, account_page),
    PageRoute("POST", PATH, Role.VIEWER, set_password),
    PageRoute("POST", f"{PATH}/end", Role.VIEWER, end_one),
    PageRoute("POST", f"{PATH}/end-others", Role.VIEWER, end_others),
)
