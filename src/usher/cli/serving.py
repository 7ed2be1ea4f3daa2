"""
How an application is served: which sockets it listens on, and how it stops.

One uvicorn server listens on every socket, and another on the public ones, with less to see; they stop together.
The first SIGTERM or SIGINT lets requests finish; a second ends at once.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import uvicorn

from usher.cli.bounded import BoundedProtocol, Bounds, Room
from usher.engine.telemetry import Refusal
from usher.errors import Conflict, InvalidInput, Problem
from usher.settings import Settings
from usher.web.public_door import PublicDoor

GRACE_SECONDS = 8  # for requests; what is left of the promised 20 is the engine's
KEEP_ALIVE_SECONDS = 65
BACKLOG = 2048
TICK_SECONDS = 1.0
LONGEST_SOCKET_PATH = 107  # bytes; the operating system's limit


class Server(uvicorn.Server):
    """Says when it listens, stops when it is told, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self.told_to_end = asyncio.Event()

    async def main_loop(self) -> None:
        while not self.told_to_end.is_set():
            await self.on_tick(0)  # renews the Date header
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.told_to_end.wait(), TICK_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(
    app: Any,
    sockets: list[socket.socket],
    *,
    public: Sequence[socket.socket] = (),
    lifespan: bool = False,
    trusted_proxies: str = "",
    bounds: Bounds | None = None,
    refused: Callable[[Refusal], None] = lambda _: None,
    before_end: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """
    Serve *app* on *sockets* until the end of the block; then let requests finish for GRACE_SECONDS.

    Args:
        public: sockets that show only what vendors send to.
        bounds: what a caller may take; those of all sockets share the places.
        refused: is told of each connection that is refused or ended for what its caller did.
        before_end: tells what streams without end to let go.
    """
    config = partial(_config, room=Room(bounds, refused=refused), trusted_proxies=trusted_proxies)
    servers = {Server(config(app, lifespan=lifespan)): sockets}
    if public:
        servers[Server(config(PublicDoor(app), lifespan=False))] = list(public)
    running = [asyncio.create_task(server.serve(sockets=theirs)) for server, theirs in servers.items()]
    await _until_listening(list(servers), running)
    try:
        yield
    finally:
        before_end()
        for server in servers:
            server.told_to_end.set()
        await asyncio.gather(*running)


async def _until_listening(servers: list[Server], running: list[asyncio.Task[None]]) -> None:
    listening = asyncio.gather(*(server.listens.wait() for server in servers))
    first: set[asyncio.Future[Any]] = {*running, listening}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    listening.cancel()
    for task in running:
        if task.done():
            task.result()


def _config(app: Any, *, lifespan: bool, room: Room, trusted_proxies: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(BoundedProtocol, room=room),  # type: ignore[arg-type] # it is only ever called
        ws="none",
        lifespan="on" if lifespan else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
    )


@asynccontextmanager
async def built_service(
    settings: Settings, *, with_engine: bool, kind: Literal["serve", "worker"] = "serve"
) -> AsyncIterator[Any]:
    """Yield the service's application, started; it is stopped afterwards."""
    from usher.wiring import local_service  # noqa: PLC0415 - heavy; commands that find a service never need it

    async with local_service(settings, with_engine=with_engine, kind=kind) as app:
        gc.freeze()  # what was loaded stays: looking through it for garbage would stop every trigger for 50 ms
        yield app


@asynccontextmanager
async def served_locally(settings: Settings, path: Path) -> AsyncIterator[None]:
    """
    Run the service without its engine, on *path* alone; only what a person should know is logged.

    Where the data is shared, several commands may do so at once, each on a path of its own.
    """
    from usher.web.logging import configure_logging  # noqa: PLC0415 - heavy, as above

    configure_logging(is_quiet=True)
    async with built_service(settings, with_engine=False) as app:
        with local_socket(path) as listening:
            async with served(app, [listening]):
                yield


def network_socket(host: str, port: int, *, kind: str = "") -> socket.socket:
    """
    Return a socket that listens on *host* and *port*; port 0 is any free one.

    Args:
        kind: what stands before "host" and "port" in the names of their options.

    Raises:
        Conflict: the port is taken. InvalidInput: there is no such address on this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; else each may wait 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)  # here, because a port that only listening finds taken is said in words too
    except PermissionError:
        listening.close()
        raise Conflict(f"Port {port} may not be used by this user. Choose one above 1023 with --{kind}port.") from None
    except socket.gaierror:
        listening.close()
        raise InvalidInput(
            Problem(f"--{kind}host", f"{host!r} is no address.", "Use 127.0.0.1, or 0.0.0.0 for all.")
        ) from None
    except OSError as error:
        listening.close()
        why = f"Cannot listen on {host}:{port} ({error.strerror})."
        raise Conflict(f"{why} Choose another with --{kind}port.") from None
    return listening


def listens_everywhere(listening: socket.socket) -> bool:
    return ip_address(listening.getsockname()[0]).is_unspecified


def url_of(listening: socket.socket, *, host: str = "") -> str:
    """
    Return where a browser on this machine finds what *listening* serves: "all addresses" is none to open.

    Args:
        host: the name that was given for its address; by default the address itself.
    """
    address, port = listening.getsockname()[:2]
    name = "localhost" if listens_everywhere(listening) else host or address
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


@contextlib.contextmanager
def local_socket(path: Path) -> Iterator[socket.socket]:
    """
    Yield a Unix socket at *path* (mode 0600); it is taken away afterwards. Nobody else may use *path*.

    Raises:
        InvalidInput: the path is longer than the operating system takes.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        mend = f"Choose a folder whose path has at most {LONGEST_SOCKET_PATH - 11} bytes."
        raise InvalidInput(Problem("USHER_DATA_DIR", "is too long for a Unix socket in it.", mend))
    path.unlink(missing_ok=True)  # left by a process that was killed
    listening = socket.socket(socket.AF_UNIX)
    old_mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(old_mask)
    try:
        yield listening
    finally:
        listening.close()
        path.unlink(missing_ok=True)


def stop_signals() -> asyncio.Event:
    """
    Return what the first SIGINT or SIGTERM sets; a second ends the process at once, which loses nothing durable.

    Call it once, in the main thread, before anything is begun that has to be finished.
    """
    loop, told, is_told = asyncio.get_running_loop(), asyncio.Event(), False

    def hear(number: int, _frame: object) -> None:
        nonlocal is_told
        if is_told:
            os._exit(128 + number)
        is_told = True
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(told.set)

    # Not the loop's own handlers: those would wait for a loop that something keeps busy.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, hear)
    return told


async def told_to_stop() -> None:
    """Return at the first SIGINT or SIGTERM; see *stop_signals*."""
    await stop_signals().wait()
