"""
How a command reaches the service, in one order.

USHER_URL with USHER_TOKEN; else the `serve` that runs on this data folder, through its Unix socket;
else a service without its engine, run by the command itself under the owner's lock for as long as it takes.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from usher.cli.api import Api, api_at
from usher.cli.local_socket import own_socket_path, socket_path

if TYPE_CHECKING:
    from usher.settings import Settings

T = TypeVar("T")
LOCAL_URL = "http://usher"


def run(work: Callable[[Api], Awaitable[T]]) -> T:
    """Connect, do *work*, and return what it returns."""

    async def whole() -> T:
        async with connected(environment()) as api:
            return await work(api)

    return asyncio.run(whole())


async def is_worked_on(api: Api) -> bool:
    """Whether jobs move: by the service itself, or by a worker somewhere that shares its database."""
    return api.has_engine or any(worker["is_alive"] for worker in await api.get("/v2/worker"))


async def say_what_moves_nothing(api: Api) -> None:
    """Say, beside a command's own answer, where nobody works who would carry it out."""
    if not await is_worked_on(api):
        from usher.cli.output import console  # noqa: PLC0415 - keeps `usher --help` fast

        console(is_error=True).print("note: Nothing moves until `usher serve` runs on this data.", soft_wrap=True)


def environment() -> "Settings":
    """
    Read the settings from this process's environment.

    Raises:
        InvalidInput: mend the named variables.
    """
    from usher.settings import settings_from  # noqa: PLC0415 - keeps `usher --help` fast

    return settings_from(os.environ)


@asynccontextmanager
async def connected(settings: "Settings") -> AsyncIterator[Api]:
    """Reach the service that *settings* lead to."""
    if settings.url:
        async with api_at(settings.url, token=settings.token.get_secret_value(), ca_file=settings.ca_file) as api:
            yield api
        return
    path = socket_path(settings)
    if is_served(path):
        async with api_at(LOCAL_URL, socket_path=str(path)) as api:
            yield api
        return
    from usher.cli.serving import served_locally  # noqa: PLC0415 - a server; most commands never need it

    path = own_socket_path(settings)
    async with served_locally(settings, path), api_at(LOCAL_URL, socket_path=str(path), has_engine=False) as api:
        yield api


def is_served(path: Path) -> bool:
    """Whether somebody listens at *path*; a socket left by a killed process is nobody."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
    except OSError:
        return False
    return True
