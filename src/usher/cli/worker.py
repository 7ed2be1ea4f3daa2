"""`usher worker`: sends and scans beside one or more `usher serve`, on the same PostgreSQL."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api
from usher.cli.connecting import environment, run
from usher.cli.output import local_time, print_json, print_table, say
from usher.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from usher.settings import Settings


def worker(
    host: Annotated[str, typer.Option("--host", help="The address on which --port listens.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="A port for /healthz, /readyz and /metrics; without it, none."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Log only what a person should know.")] = False,
) -> None:
    """Run one more worker (needs PostgreSQL): it sends and scans, and shares pace and work with all others."""
    import uvloop  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.store.postgres import is_postgres  # noqa: PLC0415 - as above
    from usher.web.logging import configure_logging  # noqa: PLC0415 - as above

    settings = environment()
    if not is_postgres(settings.database_url):
        problem = "names no PostgreSQL, and only there can workers share a ledger."
        mend = "Set it to postgresql://user:password@host/database, or run `usher serve` alone: it holds one worker."
        raise InvalidInput(Problem("USHER_DATABASE_URL", problem, mend))
    configure_logging(is_quiet=quiet)
    uvloop.run(run_worker(settings, watched_at=None if port is None else (host, port)))


async def run_worker(settings: "Settings", *, watched_at: tuple[str, int] | None) -> None:
    """Work until a signal says stop; answer whoever watches at *watched_at*."""
    from usher.cli.serving import (  # noqa: PLC0415 - keeps `usher --help` fast
        built_service,
        network_socket,
        served,
        stop_signals,
        url_of,
    )
    from usher.store.postgres import described  # noqa: PLC0415 - as above
    from usher.web.machine_door import MachineDoor  # noqa: PLC0415 - as above

    told_to_stop = stop_signals()
    with ExitStack() as held:
        listening = [held.enter_context(network_socket(*watched_at))] if watched_at else []
        async with (
            built_service(settings, with_engine=True, kind="worker") as app,
            served(
                MachineDoor(app),
                listening,
                trusted_proxies=settings.trusted_proxies,
                refused=app.state.deps.telemetry.refused,
            ),
        ):
            say(f"Usher works on {described(settings.database_url)}", style="bold")
            for one in listening:
                say(f"Watched: {url_of(one)}/metrics")
            sys.stdout.flush()
            await told_to_stop.wait()
            say("Stopping; what is in flight is finished first.")


def workers(as_json: o.AsJson = False) -> None:
    """List who works on the database, where, and what each does alone."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/worker")
        if as_json:
            print_json(found)
            return
        print_table(
            ("Kind", "Where", "State", "Since", "Last seen", "Alone does", "In flight"),
            (
                (w["kind"], f"{w['host']} {w['pid']}", _state(w), local_time(w["started"]), local_time(w["seen"]),
                 ", ".join(w["holds"]), sum(pace["in_flight"] for pace in w["pace"]))
                for w in found
            ),
            nothing=_nobody(is_served=api.has_engine),
        )  # fmt: skip

    run(work)


def _state(worker: dict[str, Any]) -> str:
    if not worker["is_alive"]:
        return "Not seen"
    return "Joining" if worker["is_joining"] else "Working"


def _nobody(*, is_served: bool) -> str:
    """A service on a shared database lists itself; one that lists nobody owns its database."""
    from usher.store.postgres import is_postgres  # noqa: PLC0415 - keeps `usher --help` fast

    if is_served:
        return "Nobody shares this database; `usher serve` holds the one worker."
    if is_postgres(environment().database_url):
        return "Nobody works on this database. Start `usher serve` or `usher worker`."
    return "Nobody works on this database. Start `usher serve`."
