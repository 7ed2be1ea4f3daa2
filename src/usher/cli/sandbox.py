"""`usher sandbox`: the pretend Lytics and the pretend Mapp on one port."""

from typing import Annotated

import typer

from usher.cli.output import say

Members = Annotated[int, typer.Option("--members", min=0, max=1_000_000, help="People in the audience vip_shoppers.")]
HOST = "127.0.0.1"  # it asks nobody's name, so it is for this machine alone


def sandbox(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Where to listen, on this machine only.")
    ] = 8090,
    members: Members = 1000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same people.")] = 1,
) -> None:
    """Run a pretend Lytics (at /lytics) and a pretend Mapp (at /mapp), to try Usher with."""
    import uvloop  # noqa: PLC0415 - keeps `usher --help` fast

    uvloop.run(run_sandbox(port=port, members=members, seed=seed))


async def run_sandbox(*, port: int, members: int, seed: int) -> None:
    import gc  # noqa: PLC0415 - keeps `usher --help` fast
    import random  # noqa: PLC0415 - as above

    from usher.cli.serving import network_socket, served, told_to_stop  # noqa: PLC0415 - as above
    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.sandbox.app import create_app  # noqa: PLC0415 - as above
    from usher.sandbox.options import SandboxOptions  # noqa: PLC0415 - as above

    options = SandboxOptions(members=members, seed=seed)
    listening = network_socket(HOST, port)
    url = f"http://{HOST}:{listening.getsockname()[1]}"
    app = create_app(options, clock=SystemClock(), rng=random.Random(seed))  # noqa: S311 - made-up people
    gc.freeze()  # a million people looked through for garbage would stop it for seconds each time
    async with served(app, [listening], lifespan=True):
        say(f"Sandbox at {url} with {members:,} people in vip_shoppers.", style="bold")
        say(f"Lytics: --api-url {url}/lytics --token {options.lytics_token}")
        say(f"Mapp:   --api-url {url}/mapp --integration-id {options.integration_id} --secret {options.secret}")
        say("Start `usher serve` with USHER_ALLOW_HTTP=1 and USHER_ALLOW_PRIVATE=1 to let it speak to this.")
        await told_to_stop()
