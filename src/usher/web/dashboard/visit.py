"""One request for a page: who asks, what they sent, and the ways to answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from usher.access.roles import Actor, Role, allows
from usher.access.sessions import Session
from usher.jobs.desk import Desk
from usher.jobs.glance import glance
from usher.web.dashboard.cookies import SAID, Said, read_said, theme_of, write_cookie, write_said
from usher.web.dashboard.forms import Form
from usher.web.dashboard.rendering import html, render
from usher.web.deps import WebDeps


@dataclass(frozen=True)
class Visit:
    """
    One request for a page.

    Args:
        session: whoever is signed in; None on pages that need nobody.
        form: what was typed; empty for a GET.
    """

    request: Request
    deps: WebDeps
    session: Session | None = None
    form: Form = field(default_factory=Form, repr=False)

    @property
    def desk(self) -> Desk:
        return self.deps.desk

    @property
    def actor(self) -> Actor:
        """Whoever acts; only on pages that need somebody."""
        assert self.session is not None
        return self.session.actor

    @property
    def now_ms(self) -> int:
        return self.desk.clock.now_ms()

    @property
    def may_see_people(self) -> bool:
        """Viewers see masked identifiers."""
        return self.may(Role.OPERATOR)

    def may(self, role: Role) -> bool:
        return self.session is not None and allows(self.session.actor.role, role)

    def path(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """Return a parameter of the address."""
        return self.request.query_params.get(name, default).strip()

    @property
    def here(self) -> str:
        """This page's address, without the host."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def place(self) -> str:
        """Return which entry of the navigation this page belongs to."""
        parts = self.request.url.path.strip("/").split("/")
        if parts[0] == "jobs":
            return "members" if parts[2:3] == ["member"] else "jobs"
        return parts[1] if parts[0] == "settings" and len(parts) > 1 else parts[0]

    def link(self, **changes: str) -> str:
        """Return this page's address with parameters changed; "" leaves one out."""
        kept = {**self.request.query_params, **changes}
        query = urlencode({name: value for name, value in kept.items() if value})
        return self.request.url.path + (f"?{query}" if query else "")

    async def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """
        Answer with a page.

        Args:
            context: what the template shows; it also gets *visit*, *glance* (None where nobody is signed in), *said*
                and *theme*.
        """
        said = read_said(self.request)
        seen = await glance(self.desk) if self.session is not None else None
        shown = {"visit": self, "glance": seen, "said": said, "theme": theme_of(self.request), **context}
        response = html(self.request, render(template, shown), status=status)
        if said is not None:
            write_cookie(self.request, response, SAID, "", max_age=0)
        return response

    def go(self, path: str, *, said: str = "", mood: str = "ok") -> Response:
        """Send the browser to *path* of this service, where *said* is shown once."""
        response = RedirectResponse(path, 303)
        if said:
            write_said(self.request, response, Said(said, mood))
        return response


Handler = Callable[[Visit], Awaitable[Response]]
