"""`usher serve`: the API, the receivers and the engine, until told to stop."""

import sys
from contextlib import ExitStack
from socket import socket
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usher.cli.connecting import environment
from usher.cli.local_socket import socket_path
from usher.cli.output import say

if TYPE_CHECKING:
    from usher.settings import Settings


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port to listen on.")] = 8080,
    public_port: Annotated[
        int | None,
        typer.Option(
            "--public-port", min=0, max=65_535, help="Another port, with nothing but /triggers, /feedback and /healthz."
        ),
    ] = None,
    public_host: Annotated[
        str, typer.Option("--public-host", help="The address on which the public port listens.")
    ] = "127.0.0.1",
    quiet: Annotated[bool, typer.Option("--quiet", help="Log only what a person should know.")] = False,
) -> None:
    """Run the service: REST API, trigger receiver, and one worker."""
    import uvloop  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.web.logging import configure_logging  # noqa: PLC0415 - as above

    settings = environment()
    configure_logging(is_quiet=quiet)
    public = None if public_port is None else (public_host, public_port)
    uvloop.run(run_service(settings, host=host, port=port, public=public))


async def run_service(settings: "Settings", *, host: str, port: int, public: tuple[str, int] | None = None) -> None:
    """Serve on *host* and *port*, and to vendors on *public* too, until a signal says stop."""
    from usher.cli.serving import (  # noqa: PLC0415 - keeps `usher --help` fast
        built_service,
        local_socket,
        network_socket,
        served,
        stop_signals,
    )

    told_to_stop = stop_signals()
    with ExitStack() as held:
        listening = held.enter_context(network_socket(host, port))
        shown = [held.enter_context(network_socket(*public, kind="public-"))] if public else []
        async with built_service(settings, with_engine=True) as app:
            with local_socket(socket_path(settings)) as local:
                async with served(
                    app,
                    [listening, local],
                    public=shown,
                    trusted_proxies=settings.trusted_proxies,
                    refused=app.state.deps.telemetry.refused,
                    before_end=app.state.deps.closing.set,
                ):
                    await _announce(app, settings, listening, host=host)
                    _announce_public(shown)
                    await told_to_stop.wait()
                    say("Stopping; what is in flight is finished first.")


async def _announce(app: Any, settings: "Settings", listening: socket, *, host: str) -> None:
    from usher.cli.serving import listens_everywhere, url_of  # noqa: PLC0415 - keeps `usher --help` fast

    url = url_of(listening, host=host)
    where = " (and listens on every interface)" if listens_everywhere(listening) else ""
    say(f"Usher serves {url}{where}", style="bold")
    say(f"Data:    {settings.data_dir.absolute()}")
    _announce_ledger(settings.database_url)
    say(f"Lytics:  {settings.base_url or 'cannot reach this service (USHER_BASE_URL is not set); reconcile instead'}")
    say("Token:   usher token create --name NAME --role admin")
    link = await _first_link(app, settings.dashboard_url or settings.base_url or url)
    if link:
        say(f"Sign in: {link} (opens once, within 15 minutes, and makes you the first admin)")


def _announce_ledger(database_url: str) -> None:
    from usher.store.postgres import described, is_postgres  # noqa: PLC0415 - keeps `usher --help` fast

    if is_postgres(database_url):
        say(f"Ledger:  {described(database_url)} (PostgreSQL)")


def _announce_public(sockets: list[socket]) -> None:
    from usher.cli.serving import listens_everywhere, url_of  # noqa: PLC0415 - keeps `usher --help` fast

    for one in sockets:
        where = "; on every interface" if listens_everywhere(one) else ""
        say(f"Public:  {url_of(one)} (/triggers, /feedback and /healthz, nothing else{where})")
    sys.stdout.flush()


async def _first_link(app: Any, url: str) -> str | None:
    """Tell the service where it is, and return the link by which its first admin comes in, while there is nobody."""
    from usher.access.links import first_link, link_url  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.web.person_routes import serves_at  # noqa: PLC0415 - as above

    serves_at(app, url)
    token = await first_link(app.state.deps.desk)
    return None if token is None else link_url(url, token)
