"""What happens in the demo, step by step."""

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import typer

from usher.cli.api import Api, api_at, part
from usher.cli.connecting import LOCAL_URL, is_served
from usher.cli.demo_processes import HOST, bare_environment, port_or_free, started
from usher.cli.demo_sandbox import AUDIENCE, IDENTIFIER, SandboxControls, Verdict
from usher.cli.failures import INTERRUPTED
from usher.cli.local_socket import SOCKET_NAME
from usher.cli.output import console, say
from usher.cli.progress import watch
from usher.sandbox.options import SandboxOptions

CHURN_PER_SECOND = 50.0
CHURN_SECONDS = 10.0
QUIET_SECONDS = 120.0  # what is still on its way after that long is not coming
LOOK_SECONDS = 0.5
USUAL_PORT, SANDBOX_PORT = 8080, 8090
VISITOR = "demo"


@dataclass(frozen=True, slots=True)
class Demo:
    """What was asked for."""

    is_once: bool
    members: int
    port: int | None


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that is running."""

    api: Api
    sandbox: SandboxControls
    folder: Path
    url: str
    options: SandboxOptions


async def run_demo(demo: Demo) -> bool:
    """
    Play the whole demo; return whether Mapp and Lytics agreed.

    Raises:
        typer.Exit: it was interrupted before it was over; one that stays up is over once its verdict is said.
    """
    _stop_on_sigterm()
    verdict: Verdict | None = None
    try:
        async with _stage(demo) as stage:
            job = await _set_up(stage)
            verdict = await _play(stage, job["id"])
            if not demo.is_once:
                await _say_what_to_try(stage, job)
            _print(verdict)
            if not demo.is_once:
                await asyncio.Event().wait()
            return verdict.agrees
    except asyncio.CancelledError:
        say("\nStopped.")
        if demo.is_once or verdict is None:
            raise typer.Exit(INTERRUPTED) from None
        return verdict.agrees


def _stop_on_sigterm() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@asynccontextmanager
async def _stage(demo: Demo) -> AsyncIterator[Stage]:
    """Start the sandbox, then the service; end both afterwards, and leave nothing behind."""
    port = port_or_free(demo.port, usual=USUAL_PORT)
    sandbox_port = port_or_free(None, usual=SANDBOX_PORT)
    options = SandboxOptions(members=demo.members)
    with tempfile.TemporaryDirectory(prefix="usher-demo-") as name:
        folder, url, sandbox_url = Path(name), f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as http:
            sandbox = SandboxControls(http, sandbox_url)
            say(f"Starting a sandbox with {demo.members:,} people at {sandbox_url} …")
            async with _sandbox(sandbox, demo, port=sandbox_port, folder=folder):
                say(f"Starting Usher at {url} …")
                async with _service(folder, port=port, url=url), _local_api(folder) as api:
                    yield Stage(api, sandbox, folder, url, options)


@asynccontextmanager
async def _sandbox(sandbox: SandboxControls, demo: Demo, *, port: int, folder: Path) -> AsyncIterator[None]:
    arguments = ("sandbox", "--port", str(port), "--members", str(demo.members))
    log, environment = folder / "sandbox.log", bare_environment()
    async with started(*arguments, log=log, environment=environment, is_ready=sandbox.is_up):
        yield


@asynccontextmanager
async def _service(folder: Path, *, port: int, url: str) -> AsyncIterator[None]:
    async def is_ready() -> bool:
        return is_served(folder / SOCKET_NAME)

    environment = bare_environment(data_dir=str(folder), base_url=url, allow_http="1", allow_private="1")
    log = folder / "service.log"
    async with started("serve", "--port", str(port), log=log, environment=environment, is_ready=is_ready):
        yield


@asynccontextmanager
async def _local_api(folder: Path) -> AsyncIterator[Api]:
    async with api_at(LOCAL_URL, socket_path=str(folder / SOCKET_NAME)) as api:
        yield api


async def _set_up(stage: Stage) -> dict[str, Any]:
    """Make both authorizations and the job, by the same REST calls that anybody would use."""
    options, sandbox_url = stage.options, stage.sandbox.url
    mapp_config = {"api_url": f"{sandbox_url}/mapp", "integration_id": options.integration_id, "secret": options.secret}
    lytics_config = {"api_url": f"{sandbox_url}/lytics", "token": options.lytics_token}
    mapp = await stage.api.post("/v2/auth/integration-secret", {"label": "Sandbox Mapp", "config": mapp_config})
    lytics = await stage.api.post("/v2/auth/lytics-token", {"label": "Sandbox Lytics", "config": lytics_config})
    config = {"segment_id": AUDIENCE, "uid_field": IDENTIFIER, "group_id": options.home_group, "withbackfill": True}
    body = {"name": "VIP shoppers", "auth_ids": [mapp["id"], lytics["id"]], "config": config}
    job: dict[str, Any] = await stage.api.post("/v2/job/mapp-trigger-export", body)
    say(f"Created the job {job['name']!r}: audience {AUDIENCE}, group {options.home_group}, Existing Users on.")
    return job


async def _play(stage: Stage, job_id: str) -> Verdict:
    say("\nExporting everybody who is inside:", style="bold")
    await watch(stage.api, job_id)
    say("\nLetting people enter and exit:", style="bold")
    await stage.sandbox.churn(per_second=CHURN_PER_SECOND, seconds=CHURN_SECONDS)
    await _watch_churn(stage, job_id)
    job = await stage.api.get(f"/v2/job/{part(job_id)}")
    say("\nComparing every person in Mapp with Lytics' audience …", style="bold")
    return await stage.sandbox.verdict(group=job["config"]["group_id"], attribute=AUDIENCE)


async def _watch_churn(stage: Stage, job_id: str) -> None:
    """Show live counters until everything that moved has arrived, or too long has passed."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + CHURN_SECONDS + QUIET_SECONDS
    said = ""
    while loop.time() < give_up_at:
        _, made = await stage.sandbox.churned()
        was_quiet = await stage.sandbox.is_quiet()
        progress = await stage.api.get(f"/v2/job/{part(job_id)}/progress")
        said = _counters(made, progress)
        _show_live(said)
        # The sandbox is asked first: what it had sent by then, the progress asked for after it has counted.
        if was_quiet and progress["members"]["due"] == 0 and await stage.sandbox.is_quiet():
            break
        await asyncio.sleep(LOOK_SECONDS)
    say(("\n" if sys.stdout.isatty() else "") + f"Settled: {said}.")


def _counters(made: int, progress: dict[str, Any]) -> str:
    triggers, members = progress["triggers"], progress["members"]
    return (
        f"{made:,} moves, {triggers['received']:,} triggers received, {triggers['applied']:,} applied,"
        f" {members['due']:,} on their way to Mapp"
    )


def _show_live(text: str) -> None:
    out = console()
    if out.is_terminal:
        out.print(f"{text}   ", end="\r", soft_wrap=True)


async def _say_what_to_try(stage: Stage, job: dict[str, Any]) -> None:
    people = await stage.api.get(f"/v2/job/{part(job['id'])}/members", {"state": "accepted"})
    visitor = await stage.api.post("/v2/person", {"name": VISITOR, "role": "admin"})
    name, settings = shlex.quote(job["name"]), f"USHER_DATA_DIR={stage.folder}"
    say("\nEverything stays up until you press Ctrl-C. Look at what each side holds:", style="bold")
    say(f"  {stage.sandbox.url}/")
    say(f"  {stage.url}/openapi.json")
    say("Sign in to the dashboard, with a password of your own (the link opens once):", style="bold")
    say(f"  {visitor['link']}")
    say("Try, in another terminal:", style="bold")
    say(f"  export {settings}")
    commands = [f"job show {name}", f"job progress {name} --watch", f"job logs {name}", "doctor"]
    commands += [f"explain {name} {shlex.quote(person['member'])}" for person in people[:1]]
    for command in commands:
        say(f"  {sys.argv[0]} {command}")
    say()


def _print(verdict: Verdict) -> None:
    if verdict.agrees:
        told = f"{verdict.inside:,} people inside, {verdict.outside:,} who left"
        say(f"Every one of them was compared ({told}): Mapp and Lytics agree.", style="bold green")
        return
    say(f"{verdict.differ:,} people differ, among them: {', '.join(verdict.wrong)}", style="bold red")
    say("Mapp and Lytics differ.", style="bold red")
