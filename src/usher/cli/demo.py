"""`usher demo`: both vendors pretended, one real service, and a verdict on every single person."""

from typing import Annotated

import typer

from usher.cli.sandbox import Members


def demo(
    once: Annotated[bool, typer.Option("--once", help="End with the verdict instead of staying up.")] = False,
    members: Members = 10_000,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="The service's port; by default 8080 or a free one."),
    ] = None,
) -> None:
    """Start a sandbox and the service, export an audience, let people come and go, and compare everybody."""
    import asyncio  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.cli.demo_run import Demo, run_demo  # noqa: PLC0415 - as above

    if not asyncio.run(run_demo(Demo(is_once=once, members=members, port=port))):
        raise typer.Exit(1)
