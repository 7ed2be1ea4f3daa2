"""Routes of the API, made once for all houses of a test run: making them is most of what starting a service costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from fastapi import FastAPI
from starlette.routing import BaseRoute

from usher.web import app as web_app
from usher.web.routes import ApiRoute

_made: list[tuple[ApiRoute, BaseRoute]] = []
_make = web_app._add


@contextmanager
def routes_made_once() -> Iterator[None]:
    """Within the block, applications share routes, which know nothing of the application that they belong to."""
    with patch.object(web_app, "_add", _add):
        yield


def _add(app: FastAPI, route: ApiRoute) -> None:
    found = next((made for known, made in _made if known is route), None)
    if found is not None:
        app.router.routes.append(found)
        return
    _make(app, route)
    _made.append((route, app.router.routes[-1]))
