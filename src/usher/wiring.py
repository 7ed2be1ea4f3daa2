"""The one place that picks concrete parts and puts them together."""

import asyncio
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import structlog
from starlette.types import ASGIApp

from usher import __version__
from usher.access.tokens import authenticate
from usher.alerts.sending import AlertSender
from usher.clock import SystemClock
from usher.domain.alert import Thresholds
from usher.domain.worker import Stay, Worker
from usher.engine.crew import CrewKeeper, alone
from usher.engine.ending import Ending
from usher.engine.ingest import Ingest
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.errors import Unavailable
from usher.http import GuardedHttp
from usher.jobs import alert_watch
from usher.jobs.desk import Desk
from usher.jobs.key_check import check_key
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.jobs.sources import LEASE, watch_sources
from usher.jobs.vendors import Vendors
from usher.lytics.triggers import TriggerMessage, read_message
from usher.settings import Settings
from usher.store.bells import Bells
from usher.store.delivery import SqlDelivery
from usher.store.erasure import Tombstones
from usher.store.intake import SqlIntake
from usher.store.opening import OpenStore, open_store
from usher.store.scanning import SqlScans
from usher.store.server_mark import mind_server
from usher.store.supervision import SqlJobs
from usher.store.workers import SqlWorkers
from usher.vault import Vault, load_or_create_key_ring
from usher.web.app import create_app
from usher.web.deps import WebDeps
from usher.web.live_room import LiveRoom

Kind = Literal["serve", "worker"]
STOP_SECONDS = 11.5  # for all that ends here; with the seconds that requests of others get, the promised 20
CLOSE_SECONDS = 0.5  # of them, for what is closed after the engine
MIND_AGAIN_SECONDS = 5.0
LARGE_BODY_BYTES = 256 * 1024

logger = structlog.get_logger("usher.wiring")


@dataclass(frozen=True, slots=True)
class Service:
    """
    Everything that runs, put together and not started.

    Args:
        database_url: where other processes that share the ledger can be heard; blank where there are none.
    """

    app: ASGIApp
    desk: Desk
    engine: Engine
    store: OpenStore
    http: GuardedHttp
    database_url: str


@asynccontextmanager
async def local_service(settings: Settings, *, with_engine: bool, kind: Kind = "serve") -> AsyncIterator[ASGIApp]:
    """
    Yield the service's application; a "serve" and whatever uses SQLite owns the data folder meanwhile.

    Args:
        with_engine: also run every job; otherwise jobs are only looked at and changed.
        kind: a "worker" only sends and scans, and leaves what Lytics' webhooks need to a "serve".

    Raises:
        Conflict: another process works on this data. InvalidInput: mend the named settings.
    """
    service = build(settings, kind=kind, is_owner=with_engine and kind == "serve")
    ending = Ending(within_seconds=STOP_SECONDS)
    try:
        if service.store.is_shared:
            await check_key(service.desk.database, service.desk.vault)
            await mind_server(service.desk.database, hold_ms=settings.timing.hold_ms)
        async with _running(service, kind=kind, ending=ending) if with_engine else nullcontext():
            yield service.app
    finally:
        await ending.of("connections to vendors", service.http.close())
        await ending.of("database", service.store.close())
        ending.tell()


@asynccontextmanager
async def _running(service: Service, *, kind: Kind, ending: Ending) -> AsyncIterator[None]:
    may_watch = partial(service.engine.takes, LEASE)
    watching = [watch_sources(service.desk, may_watch=may_watch)] if kind == "serve" else []
    may_alert = partial(service.engine.takes, alert_watch.LEASE)
    rng = random.Random()  # noqa: S311 - spreads retries; nothing secret hangs on it
    watching.append(alert_watch.watch_alerts(service.desk, rng=rng, may_watch=may_alert))
    bells, minding = _listen(service)
    tasks = [asyncio.create_task(work) for work in (service.engine.run(), *watching, *minding)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await ending.of("supervisor", asyncio.gather(*tasks, return_exceptions=True))
        stopping = service.engine.stop(within_seconds=STOP_SECONDS - CLOSE_SECONDS)
        closing = (ending.of("bells", asyncio.to_thread(one.close)) for one in bells)
        await asyncio.gather(ending.of("engine", stopping), *closing)


def _listen(service: Service) -> tuple[list[Bells], list[Coroutine[Any, Any, None]]]:
    """Hear at once when another process says that more is owed or that something was changed."""
    if not service.database_url:
        return [], []
    loop, engine, is_back = asyncio.get_running_loop(), service.engine, asyncio.Event()
    bells = Bells(service.database_url, loop=loop, owed=engine.ring, changed=engine.refresh, connected=is_back.set)
    return [bells], [_mind_server(service, is_back)]


async def _mind_server(service: Service, is_back: asyncio.Event) -> None:
    """Look which server it is whenever there is one again."""
    while True:
        await is_back.wait()
        is_back.clear()
        try:
            await mind_server(service.desk.database, hold_ms=service.desk.timing.hold_ms)
        except Exception as error:
            if not isinstance(error, Unavailable):
                logger.exception("server_not_minded")
            await service.store.clock.sleep(MIND_AGAIN_SECONDS)
            is_back.set()
        service.engine.refresh()


async def read_aside(body: bytes) -> TriggerMessage:
    """Read a large body in a thread: a hostile one may take seconds."""
    return read_message(body) if len(body) < LARGE_BODY_BYTES else await asyncio.to_thread(read_message, body)


def build(settings: Settings, *, kind: Kind = "serve", is_owner: bool = True) -> Service:
    """Open the data and put the parts together; call it inside the loop that will run them."""
    store = open_store(settings.data_dir, clock=SystemClock(), database_url=settings.database_url, is_owner=is_owner)
    try:
        return _put_together(settings, store, kind=kind)
    except BaseException:
        store.let_go()
        raise


def _vault(settings: Settings) -> Vault:
    ring = load_or_create_key_ring(
        secret_key=settings.secret_key,
        secret_key_file=settings.secret_key_file,
        data_dir=settings.data_dir,
        random_bytes=secrets.token_bytes,
    )
    return Vault(ring)


def _crew(settings: Settings, store: OpenStore, *, kind: Kind) -> CrewKeeper:
    room = settings.send_room_seconds
    if not store.is_shared:
        return alone(store.clock, send_room_seconds=room)
    me = Worker(Stay(0, secrets.token_hex(16)), kind=kind, host=socket.gethostname(), pid=os.getpid(), lives_ms=0)
    workers = SqlWorkers(store.database, is_alone=False)
    return CrewKeeper(workers, identity=me, clock=store.clock, send_room_seconds=room)


def _put_together(settings: Settings, store: OpenStore, *, kind: Kind) -> Service:
    clock = store.clock
    vault = _vault(settings)
    crew = _crew(settings, store, kind=kind)
    http = GuardedHttp(
        allow_http=settings.allow_http,
        allow_private=settings.allow_private,
        ca_file=settings.ca_file,
        proxy_url=settings.proxy_url,
    )
    vendors = Vendors(
        store.database, vault=vault, http=http, clock=clock, timeout_seconds=settings.request_timeout_seconds
    )
    telemetry = Telemetry()
    sql = store.statements
    tombstones = Tombstones(vault)
    engine = Engine(
        Stores(
            SqlJobs(store.database, sql, retention=settings.retention),
            SqlDelivery(store.database, sql),
            SqlScans(store.database, sql, tombstones, worker=crew.id if store.is_shared else None),
        ),
        vendors,
        crew=crew,
        clock=clock,
        rng=random.Random(),  # noqa: S311 - spreads retries; nothing secret hangs on it
        timing=settings.timing,
        guard_seconds=settings.scan_guard_seconds,
        telemetry=telemetry,
    )
    desk = Desk(
        database=store.pages,
        statements=sql,
        vendors=vendors,
        vault=vault,
        clock=clock,
        new_id=lambda: secrets.token_hex(16),
        new_token=lambda: secrets.token_urlsafe(32),
        refresh=engine.refresh,
        pace_of=engine.pace_of,
        base_url=settings.base_url.rstrip("/"),
        people_url=(settings.dashboard_url or settings.base_url).rstrip("/"),
        allow_http=settings.allow_http,
        allow_private=settings.allow_private,
        guard_seconds=settings.scan_guard_seconds,
        timing=settings.timing,
        retention=settings.retention,
        alert_sender=AlertSender(http, allow_private=settings.allow_private, ca_file=settings.ca_file),
        thresholds=Thresholds(settings.alert_set_aside_percent, settings.alert_waiting_minutes),
    )
    ingest = Ingest(
        SqlIntake(store.database, sql, tombstones),
        seal=lambda raw: vault.seal(raw, place=UNREADABLE_PLACE).encode(),
        bell=engine,
        read=read_aside,
        telemetry=telemetry,
    )
    deps = WebDeps(
        desk=desk,
        ingest=ingest,
        telemetry=telemetry,
        authenticate=lambda presented: authenticate(desk, presented),
        version=__version__,
        live=LiveRoom(clock),
    )
    return Service(
        app=create_app(deps),
        desk=desk,
        engine=engine,
        store=store,
        http=http,
        database_url=settings.database_url if store.is_shared else "",
    )
