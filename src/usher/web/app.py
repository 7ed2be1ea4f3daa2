"""The service as one application: the API, the trigger receiver, and what machines watch it by."""

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import Scope

from usher.errors import UsherError
from usher.web.callers import needs
from usher.web.deps import WebDeps
from usher.web.entrance import Entrance
from usher.web.envelope import Failed
from usher.web.failures import http_error, query_error, usher_error
from usher.web.openapi import describe
from usher.web.receiver import Receiver
from usher.web.routes import ROUTES, ApiRoute
from usher.web.watching import healthz, metrics, readyz

DESCRIPTION = "Keeps Mapp in step with Lytics audiences. Answers have the shapes of Lytics' own v2 API."
TOKEN_HEADER = APIKeyHeader(name="Authorization", auto_error=False, description="The token, raw or as a Bearer.")


class BareRoute(Route):
    """A route of Starlette's own; like FastAPI's, it leaves its name for the log."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}


def create_app(deps: WebDeps) -> FastAPI:
    """
    Build the application; it starts nothing, so one that is never served needs no stopping.

    Concurrency: any number of requests; it belongs to the event loop that serves it.
    """
    app = FastAPI(
        title="Usher",
        version=deps.version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.deps = deps
    # First, because most requests are triggers, and routes are tried in order.
    app.router.routes.insert(0, BareRoute("/triggers/{auth_id:path}", Receiver(deps).receive, methods=["POST"]))
    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.router.routes.append(BareRoute(path, handler, methods=["GET"]))
    for route in ROUTES:
        _add(app, route)
    app.add_exception_handler(UsherError, usher_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, query_error)
    app.add_middleware(Entrance, clock=deps.desk.clock, new_id=deps.desk.new_id)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's own way to extend it
    return app


def _add(app: FastAPI, route: ApiRoute) -> None:
    takes = {"content": {"application/json": {"schema": route.takes}}} if route.takes else None
    summary = (route.handler.__doc__ or "").strip().splitlines()[0]
    app.add_api_route(
        route.path,
        route.handler,
        methods=[route.method],
        status_code=route.status,
        summary=summary,
        description="",
        dependencies=[Depends(needs(route.needs)), Depends(TOKEN_HEADER)],
        response_model=route.answers,
        response_model_exclude_none=not route.has_nulls,
        responses={"default": {"model": Failed, "description": "What went wrong, one entry for each problem."}},
        openapi_extra={"requestBody": takes} if takes else None,
        operation_id=f"{route.method} {route.path}",
    )
