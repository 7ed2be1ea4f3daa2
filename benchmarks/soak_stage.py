"""What the soak runs against: a sandbox and a service as processes, two authorizations and one job with a backfill."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.ledger import server
from benchmarks.soak_arrivals import Plan
from benchmarks.soak_processes import Running, running
from benchmarks.soak_watch import PostgresStorage, SqliteStorage, Storage
from usher.cli.api import Api, api_at
from usher.cli.connecting import LOCAL_URL, is_served
from usher.cli.demo_processes import HOST, bare_environment, port_or_free
from usher.cli.demo_sandbox import AUDIENCE, IDENTIFIER, SandboxControls
from usher.cli.local_socket import SOCKET_NAME
from usher.domain.removal_brake import WINDOW_MS
from usher.sandbox.options import SandboxOptions

READY_SECONDS = 180.0
LONGEST_CYCLE_SECONDS, FEWEST_CYCLES = 120.0, 3


@dataclass(frozen=True, slots=True)
class Asked:
    minutes: float
    members: int
    per_second: float
    is_postgres: bool

    @property
    def brake_is_on(self) -> bool:
        """Whether so many exits are few enough for an audience of this size; else the brake would rightly stop them."""
        return self.per_second / 2 * WINDOW_MS / 1000 < 0.15 * self.members

    @property
    def cycle_seconds(self) -> float:
        return min(LONGEST_CYCLE_SECONDS, self.minutes * 60 / FEWEST_CYCLES)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs but the triggers."""

    asked: Asked
    folder: Path
    http: aiohttp.ClientSession
    sandbox: SandboxControls
    api: Api
    service: Running
    vendors: Running
    storage: Storage
    job: dict[str, Any]
    plan: Plan

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the sandbox's controls."""
        async with self.http.request(method, self.sandbox.url + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


@asynccontextmanager
async def staged(asked: Asked, folder: Path) -> AsyncIterator[Stage]:
    """Start everything but the triggers, and end it after the block."""
    options, port, sandbox_port = SandboxOptions(members=asked.members), _free_port(), _free_port()
    url, sandbox_url, data = f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}", folder / "data"
    async with AsyncExitStack() as held:
        timeout = aiohttp.ClientTimeout(total=300)
        http = await held.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        sandbox = SandboxControls(http, sandbox_url)
        storage, database = held.enter_context(_storage(asked, data))
        command = ("usher.cli.main", "sandbox", "--port", str(sandbox_port), "--members", str(asked.members))
        vendors = await held.enter_async_context(
            running("sandbox", *command, folder=folder, environment=bare_environment())
        )
        await _until(sandbox.is_up, vendors)
        settings = bare_environment(data_dir=str(data), base_url=url, allow_http="1", allow_private="1", **database)
        serve = ("usher.cli.main", "serve", "--port", str(port))
        service = await held.enter_async_context(running("serve", *serve, folder=folder, environment=settings))
        await _until(lambda: _answers(data), service)
        api = await held.enter_async_context(api_at(LOCAL_URL, socket_path=str(data / SOCKET_NAME)))
        job, plan = await _set_up(asked, api, sandbox, options, folder)
        yield Stage(asked, folder, http, sandbox, api, service, vendors, storage, job, plan)


@contextlib.contextmanager
def _storage(asked: Asked, data: Path) -> Iterator[tuple[Storage, dict[str, str]]]:
    """Where the ledger goes, and the setting that says so."""
    if not asked.is_postgres:
        yield SqliteStorage(data), {}
        return
    with server() as postgres:
        url = postgres.empty_database()
        yield PostgresStorage(url), {"database_url": url}


def _free_port() -> int:
    return port_or_free(None, usual=0)


async def _answers(data: Path) -> bool:
    return is_served(data / SOCKET_NAME)


async def _until(is_ready: Callable[[], Awaitable[bool]], process: Running) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not await is_ready():
            if process.process.returncode is not None:
                raise RuntimeError(f"{process.name} ended at once")
            await asyncio.sleep(0.1)


async def _set_up(
    asked: Asked, api: Api, sandbox: SandboxControls, options: SandboxOptions, folder: Path
) -> tuple[dict[str, Any], Plan]:
    """Make the authorizations; the job is made once triggers flow."""
    mapp_config = {"api_url": f"{sandbox.url}/mapp", "integration_id": options.integration_id, "secret": options.secret}
    lytics_config = {"api_url": f"{sandbox.url}/lytics", "token": options.lytics_token}
    mapp = await api.post("/v2/auth/integration-secret", {"label": "Mapp", "config": mapp_config})
    lytics = await api.post("/v2/auth/lytics-token", {"label": "Lytics", "config": lytics_config})
    endpoint = await api.get(f"/v2/auth/{lytics['id']}/trigger-endpoint")
    config = {
        "segment_id": AUDIENCE,
        "uid_field": IDENTIFIER,
        "group_id": options.home_group,
        "withbackfill": True,
        "exit_brake": asked.brake_is_on,
    }
    body = {"name": "Soak", "auth_ids": [mapp["id"], lytics["id"]], "config": config}
    job: dict[str, Any] = await api.post("/v2/job/mapp-trigger-export", body)
    state = await sandbox.state()
    plan = Plan(
        url=endpoint["url"],
        authorization=endpoint["header"].partition(": ")[2],
        sandbox=sandbox.url,
        audience=AUDIENCE,
        audience_id=state["lytics"]["audiences"][AUDIENCE]["id"],
        per_second=asked.per_second,
        seed=1,
        out=str(folder / "sent.tsv"),
        said=str(folder / "totals.json"),
    )
    return job, plan
