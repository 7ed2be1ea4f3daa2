"""A route of Starlette's own, for what needs no schema: triggers, watching, and pages."""

from starlette.routing import Match, Route
from starlette.types import Scope


class BareRoute(Route):
    """Like FastAPI's routes, it leaves its name for the log."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}
