"""
The sandbox as one web application: a pretend Lytics at /lytics, a pretend Mapp at /mapp, controls at /control.

It holds everything in memory and asks nobody's name at its controls: bind it to loopback only.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from usher.clock import Clock
from usher.sandbox.control import Control
from usher.sandbox.control_lytics import ControlLytics
from usher.sandbox.control_mapp import ControlMapp
from usher.sandbox.engage_api import EngageApi, not_found
from usher.sandbox.exchange import Answer, Call, Endpoint, Handler, Witness
from usher.sandbox.lytics_audiences import LyticsAudiences
from usher.sandbox.lytics_jobs import LyticsJobs
from usher.sandbox.mapp_api import MappApi
from usher.sandbox.options import SandboxOptions
from usher.sandbox.page import page
from usher.sandbox.world import World, build_world

CONNECT = "/mapp/api/v1/integration/{integration_id}/"
ENGAGE = "/mapp/{instance}/api/rest/{version}/"


def create_app(options: SandboxOptions, *, clock: Clock, rng: random.Random) -> Starlette:
    """
    Build one sandbox; its state lives as long as the application and is `app.state.world`.

    Needs a server that runs ASGI's lifespan, which ends the sandbox's own tasks; closing connections without an
    answer needs uvicorn.
    """
    world = build_world(options, clock=clock, rng=rng)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await world.aclose()

    app = Starlette(routes=_routes(world), lifespan=lifespan)
    app.state.world = world
    return app


def _routes(world: World) -> list[Route]:
    # Events come first: a request under load should meet the fewest patterns.
    return [*_mapp_routes(world), *_lytics_routes(world), *_control_routes(world)]


def _mapp_routes(world: World) -> list[Route]:
    connect = MappApi(world.mapp, world.ledger, world.applier, world.clock)
    engage = EngageApi(world.mapp, world.options.engage_user, world.options.engage_password)
    return [
        *(
            _route(world, method, CONNECT + path, place, handle, witness=world.ledger if path == "event" else None)
            for method, path, place, handle in connect.handlers()
        ),
        *(_route(world, method, ENGAGE + path, place, handle) for method, path, place, handle in engage.handlers()),
        _route(world, "GET", ENGAGE + "{rest:path}", "mapp.rest", not_found),
    ]


def _lytics_routes(world: World) -> list[Route]:
    groups = (
        world.scan.handlers(),
        LyticsAudiences(world.audiences, world.door).handlers(),
        world.keys.handlers(),
        LyticsJobs(world.jobs, world.door).handlers(),
    )
    return [
        _route(world, method, "/lytics" + path, place, handle)
        for group in groups
        for method, path, place, handle in group
    ]


def _control_routes(world: World) -> list[Route]:
    async def show(call: Call) -> Answer:
        return page(world)

    groups = (
        ("/control", Control(world).handlers()),
        ("/control/mapp", ControlMapp(world).handlers()),
        ("/control/lytics", ControlLytics(world).handlers()),
    )
    return [
        _route(world, "GET", "/", "page", show),
        *(
            _route(world, method, base + path, "control", handle)
            for base, handlers in groups
            for method, path, handle in handlers
        ),
    ]


def _route(
    world: World, method: str, path: str, place: str, handle: Handler, *, witness: Witness | None = None
) -> Route:
    endpoint = Endpoint(
        handle, place=place, tamper=world.faults, traffic=world.traffic, clock=world.clock, witness=witness
    )
    return Route(path, endpoint, methods=[method])
