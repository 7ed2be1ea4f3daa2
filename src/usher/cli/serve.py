"""`usher serve`: the API, the receivers and the engine, until told to stop."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from usher.cli.connecting import environment
from usher.cli.local_socket import socket_path
from usher.cli.output import say
from usher.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from usher.settings import Settings


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port to listen on.")] = 8080,
    quiet: Annotated[bool, typer.Option("--quiet", help="Log only what a person should know.")] = False,
) -> None:
    """Run the service: REST API, trigger receiver, and one worker."""
    import uvloop  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.web.logging import configure_logging  # noqa: PLC0415 - as above

    settings = environment()
    configure_logging(is_quiet=quiet)
    uvloop.run(run_service(settings, host=host, port=port))


async def run_service(settings: "Settings", *, host: str, port: int) -> None:
    from usher.cli.serving import (  # noqa: PLC0415 - keeps `usher --help` fast
        built_service,
        local_socket,
        network_socket,
        served,
        told_to_stop,
    )

    listening = network_socket(host, port)
    async with built_service(settings, with_engine=True) as app:
        with local_socket(socket_path(settings)) as local:
            async with served(app, [listening, local], trusted_proxies=settings.trusted_proxies):
                _announce(settings, host=host, port=listening.getsockname()[1])
                await told_to_stop()
                say("Stopping; what is in flight is finished first.")


def worker() -> None:
    """Run one more worker (needs PostgreSQL, which this version does not have)."""
    problem = "needs PostgreSQL, which this version does not have."
    raise InvalidInput(Problem("worker", problem, "Run `usher serve`: it holds one worker."))


def _announce(settings: "Settings", *, host: str, port: int) -> None:
    say(f"Usher serves http://{f'[{host}]' if ':' in host else host}:{port}", style="bold")
    say(f"Data:    {settings.data_dir.absolute()}")
    say(f"Lytics:  {settings.base_url or 'cannot reach this service (USHER_BASE_URL is not set); reconcile instead'}")
    say("Token:   usher token create --name NAME --role admin")
    sys.stdout.flush()
