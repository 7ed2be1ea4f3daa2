"""
What machines ask of the service: is it alive, is it ready, what has it counted.

No label holds a member; `/metrics` needs a viewer's token, or the Unix socket.
"""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from usher.access.roles import Role
from usher.jobs.figures import figures_of, must_answer
from usher.web.callers import identified, needs
from usher.web.deps import deps_of
from usher.web.exposition import StoredFigures
from usher.web.receiver import ANSWERS


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """The database answers too."""
    await must_answer(deps_of(request).desk)
    return JSONResponse({"ready": True, "version": deps_of(request).version})


async def metrics(request: Request) -> Response:
    """Everything counted, as Prometheus reads it."""
    await needs(Role.VIEWER)(await identified(request))
    deps = deps_of(request)
    figures = await figures_of(deps.desk)
    for answer in ANSWERS:
        deps.telemetry.receiver.labels(answer)  # there from zero
    stored = CollectorRegistry()
    stored.register(StoredFigures(figures))
    text = generate_latest(deps.telemetry.registry) + generate_latest(stored)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
