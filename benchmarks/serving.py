"""`usher serve` and `usher sandbox` as processes of their own, as people run them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.soak_processes import Running, running
from usher.cli.api import Api, api_at
from usher.cli.connecting import LOCAL_URL
from usher.cli.demo_processes import HOST, bare_environment, port_or_free
from usher.cli.demo_sandbox import SandboxControls
from usher.cli.local_socket import SOCKET_NAME
from usher.sandbox.options import SandboxOptions

READY_SECONDS, LOOK_SECONDS = 180.0, 0.005
USHER = "usher.cli.main"


@dataclass(frozen=True, slots=True)
class Serving:
    """A service that is ready. Seconds count from the start of its process."""

    service: Running
    api: Api
    ready_seconds: float


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Serving]:
    """Serve what is in the folder "data" of *folder*, until the end of the block; it begins once /readyz says yes."""
    data, port = folder / "data", port_or_free(None, usual=0)
    url = f"http://{HOST}:{port}"
    environment = bare_environment(data_dir=str(data), base_url=url, allow_http="1", allow_private="1")
    async with AsyncExitStack() as held:
        http = await held.enter_async_context(aiohttp.ClientSession())
        began = asyncio.get_running_loop().time()
        command = (USHER, "serve", "--port", str(port))
        service = await held.enter_async_context(running("serve", *command, folder=folder, environment=environment))
        await until(lambda: _answers(http, f"{url}/readyz"), service)
        ready_seconds = asyncio.get_running_loop().time() - began
        api = await held.enter_async_context(api_at(LOCAL_URL, socket_path=str(data / SOCKET_NAME)))
        yield Serving(service, api, ready_seconds)


@asynccontextmanager
async def sandboxed(folder: Path, options: SandboxOptions) -> AsyncIterator[str]:
    """Run a sandbox; yield its address."""
    port = port_or_free(None, usual=0)
    url, command = f"http://{HOST}:{port}", (USHER, "sandbox", "--port", str(port), "--members", str(options.members))
    async with (
        aiohttp.ClientSession() as http,
        running("sandbox", *command, folder=folder, environment=bare_environment()) as sandbox,
    ):
        await until(SandboxControls(http, url).is_up, sandbox)
        yield url


async def until(is_so: Callable[[], Awaitable[bool]], process: Running, *, look_seconds: float = LOOK_SECONDS) -> None:
    """
    Return once *is_so*.

    Raises:
        RuntimeError: *process* ended first; its log says why.
        TimeoutError: not within READY_SECONDS.
    """
    async with asyncio.timeout(READY_SECONDS):
        while not await is_so():
            if process.process.returncode is not None:
                raise RuntimeError(f"{process.name} ended before it was ready")
            await asyncio.sleep(look_seconds)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
