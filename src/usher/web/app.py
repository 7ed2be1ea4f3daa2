"""The service as one application: the API, the dashboard, the trigger receiver, and what machines watch it by."""

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from usher.errors import UsherError
from usher.web.addressing import need_nameable
from usher.web.bare_route import BareRoute
from usher.web.callers import needs
from usher.web.dashboard.entry import crashed, missing, wants_page
from usher.web.dashboard.pages import add_pages
from usher.web.deps import WebDeps
from usher.web.entrance import Entrance
from usher.web.envelope import Failed
from usher.web.failures import http_error, query_error, unexpected, usher_error
from usher.web.openapi import describe
from usher.web.receiver import Receiver
from usher.web.routes import ROUTES, ApiRoute
from usher.web.watching import healthz, metrics, readyz

DESCRIPTION = "Keeps Mapp in step with Lytics audiences. Answers have the shapes of Lytics' own v2 API."
TOKEN_HEADER = APIKeyHeader(name="Authorization", auto_error=False, description="The token, raw or as a Bearer.")


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
    add_pages(app)
    app.add_exception_handler(UsherError, usher_error)
    app.add_exception_handler(HTTPException, _lost)
    app.add_exception_handler(RequestValidationError, query_error)
    app.add_middleware(Entrance, clock=deps.desk.clock, new_id=deps.desk.new_id, last_resort=_last_resort)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's own way to extend it
    return app


async def _lost(request: Request, error: Exception) -> Response:
    return await missing(request) if wants_page(request) else await http_error(request, error)


def _last_resort(request: Request) -> Response:
    return crashed(request) if wants_page(request) else unexpected(request)


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
        dependencies=[Depends(needs(route.needs)), Depends(TOKEN_HEADER), Depends(need_nameable)],
        response_model=route.answers,
        response_model_exclude_none=not route.has_nulls,
        responses={"default": {"model": Failed, "description": "What went wrong, one entry for each problem."}},
        openapi_extra={"requestBody": takes} if takes else None,
        operation_id=f"{route.method} {route.path}",
    )
