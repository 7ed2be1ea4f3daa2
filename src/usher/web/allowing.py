"""
Which methods an address takes, said where it refuses one.

Several routes may stand at one address, and each knows its own methods only.
"""

import re

from starlette.requests import Request
from starlette.routing import Route

PARAMETER = re.compile(r"\{[^}]*\}")


def allowing(request: Request) -> dict[str, str]:
    """Return the header that names every method of the request's address (RFC 9110, 15.5.6)."""
    path = request.scope["path"]
    routes = [route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    # A word and a parameter may both match; the word's route stands first, and is the one that is meant.
    meant = [route for route in routes if _shape(route) == _shape(routes[0])]
    return {"Allow": ", ".join(sorted({method for route in meant for method in route.methods or ()}))}


def _shape(route: Route) -> str:
    return PARAMETER.sub("{}", route.path)
