"""The demo's two processes: each with a log of its own, and both gone when the demo is."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from usher.errors import Unavailable

READY_SECONDS = 60.0
STOP_SECONDS = 25.0  # the service promises to stop within 20
LOOK_SECONDS = 0.05
HOST = "127.0.0.1"


@asynccontextmanager
async def started(
    *arguments: str, log: Path, environment: dict[str, str], is_ready: Callable[[], Awaitable[bool]]
) -> AsyncIterator[None]:
    """
    Run `usher` with *arguments* until the end of the block, which begins once *is_ready*.

    Raises:
        Unavailable: it ended, or was not ready in time; its *log* says why.
    """
    with log.open("wb") as out:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops both in order.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "usher.cli.main",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
    try:
        await _until_ready(process, is_ready, name=arguments[0], log=log)
        yield
    finally:
        await _stopped(process)


async def _until_ready(
    process: asyncio.subprocess.Process, is_ready: Callable[[], Awaitable[bool]], *, name: str, log: Path
) -> None:
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + READY_SECONDS
    while not await is_ready():
        if process.returncode is not None:
            raise Unavailable(f"The {name} process ended at once. {_last_words(log)}")
        if loop.time() > give_up_at:
            raise Unavailable(f"The {name} process was not ready in {READY_SECONDS:.0f} s. {_last_words(log)}")
        await asyncio.sleep(LOOK_SECONDS)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return "It said: " + " / ".join(lines[-3:]) if lines else "It said nothing."


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def bare_environment(**own: str) -> dict[str, str]:
    """Return this process's environment with only its *own* settings of Usher, so that nobody's real ones are used."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    return {**others, **{f"USHER_{name.upper()}": value for name, value in own.items()}}


def port_or_free(wanted: int | None, *, usual: int) -> int:
    """Return *wanted*; without one the *usual* port, or a free one where that is taken."""
    if wanted is not None:
        return wanted
    for port in (usual, 0):
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind((HOST, port))
            except OSError:
                continue
            return int(trying.getsockname()[1])
    raise Unavailable("No port is free on this machine.")
