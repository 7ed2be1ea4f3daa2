"""The one place that picks concrete parts and puts them together."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from usher import __version__
from usher.access.tokens import authenticate
from usher.clock import SystemClock
from usher.engine.ingest import Ingest
from usher.engine.supervise import Engine, Stores
from usher.engine.telemetry import Telemetry
from usher.http import GuardedHttp
from usher.jobs.desk import Desk
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.jobs.sources import watch_sources
from usher.jobs.vendors import Vendors
from usher.lytics.triggers import TriggerMessage, read_message
from usher.settings import Settings
from usher.store.delivery import SqlDelivery
from usher.store.intake import SqlIntake
from usher.store.opening import OpenStore, open_sqlite
from usher.store.scanning import SqlScans
from usher.store.supervision import SqlJobs
from usher.vault import Vault, load_or_create_key_ring
from usher.web.app import create_app
from usher.web.deps import WebDeps
from usher.web.live_room import LiveRoom

LARGE_BODY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that runs, put together and not started."""

    app: ASGIApp
    desk: Desk
    engine: Engine
    store: OpenStore
    http: GuardedHttp


@asynccontextmanager
async def local_service(settings: Settings, *, with_engine: bool) -> AsyncIterator[ASGIApp]:
    """
    Yield the service's application, under the owner's lock on its data.

    Args:
        with_engine: also run every job; otherwise jobs are only looked at and changed.

    Raises:
        Conflict: another process works on this data. InvalidInput: mend the named settings.
    """
    service = build(settings)
    running = [service.engine.run(), watch_sources(service.desk)] if with_engine else []
    tasks = [asyncio.create_task(work) for work in running]
    try:
        yield service.app
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await service.engine.stop()
        await service.http.close()
        await service.store.close()


async def read_aside(body: bytes) -> TriggerMessage:
    """Read a large body in a thread: a hostile one may take seconds."""
    return read_message(body) if len(body) < LARGE_BODY_BYTES else await asyncio.to_thread(read_message, body)


def build(settings: Settings) -> Service:
    """Take ownership of the data and put the parts together; call it inside the loop that will run them."""
    clock = SystemClock()
    store = open_sqlite(settings.data_dir, clock=clock, database_url=settings.database_url)
    try:
        return _put_together(settings, store, clock)
    except BaseException:
        store.lock.close()
        raise


def _vault(settings: Settings) -> Vault:
    ring = load_or_create_key_ring(
        secret_key=settings.secret_key,
        secret_key_file=settings.secret_key_file,
        data_dir=settings.data_dir,
        random_bytes=secrets.token_bytes,
    )
    return Vault(ring)


def _put_together(settings: Settings, store: OpenStore, clock: SystemClock) -> Service:
    vault = _vault(settings)
    http = GuardedHttp(allow_http=settings.allow_http, allow_private=settings.allow_private, ca_file=settings.ca_file)
    vendors = Vendors(
        store.database, vault=vault, http=http, clock=clock, timeout_seconds=settings.request_timeout_seconds
    )
    telemetry = Telemetry()
    sql = store.statements
    engine = Engine(
        Stores(SqlJobs(store.database, sql), SqlDelivery(store.database, sql), SqlScans(store.database, sql)),
        vendors,
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
        allow_http=settings.allow_http,
        allow_private=settings.allow_private,
        guard_seconds=settings.scan_guard_seconds,
        timing=settings.timing,
    )
    ingest = Ingest(
        SqlIntake(store.database, sql),
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
    return Service(app=create_app(deps), desk=desk, engine=engine, store=store, http=http)
