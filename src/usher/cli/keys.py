"""`usher key`: the key that secrets are sealed with."""

from typing import TYPE_CHECKING

import typer

from usher.cli import options as o
from usher.cli.connecting import environment
from usher.cli.output import print_json, say

if TYPE_CHECKING:
    from usher.jobs.resealing import Resealed
    from usher.settings import Settings
    from usher.vault import KeyRing

app = typer.Typer(help="The key that secrets are sealed with.", no_args_is_help=True)


@app.command("rotate")
def rotate(as_json: o.AsJson = False) -> None:
    """Make a new key and seal every secret again with it; stop `serve` first. The old key stays, to open backups."""
    _report(is_new=True, as_json=as_json)


@app.command("reseal")
def reseal(as_json: o.AsJson = False) -> None:
    """Seal every secret again with the first key, as after changing USHER_SECRET_KEY; stop `serve` first."""
    _report(is_new=False, as_json=as_json)


def _report(*, is_new: bool, as_json: bool) -> None:
    import asyncio  # noqa: PLC0415 - keeps `usher --help` fast

    ring, resealed = asyncio.run(_resealed(environment(), is_new=is_new))
    if as_json:
        print_json({"key": ring.current.key_id, "resealed": resealed.done, "locked": resealed.locked})
        return
    say(f"The key {ring.current.key_id} is in use; {resealed.done} secrets were sealed again with it.")
    if resealed.locked:
        say(f"{resealed.locked} stay locked, because their key is missing. Put it back, or enter them again.")


async def _resealed(settings: "Settings", *, is_new: bool) -> "tuple[KeyRing, Resealed]":
    import secrets  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.jobs.resealing import reseal_everything  # noqa: PLC0415 - as above
    from usher.jobs.sealing import UNREADABLE_PLACE  # noqa: PLC0415 - as above
    from usher.store.opening import open_store  # noqa: PLC0415 - as above
    from usher.store.workers import refuse_if_working  # noqa: PLC0415 - as above
    from usher.vault import Vault, load_or_create_key_ring, rotated  # noqa: PLC0415 - as above

    # Opened first: its lock keeps out a `serve` that would go on sealing with the old key.
    store = open_store(settings.data_dir, clock=SystemClock(), is_threaded=False, database_url=settings.database_url)
    try:
        await store.database.read(refuse_if_working)
        ring = load_or_create_key_ring(
            secret_key=settings.secret_key,
            secret_key_file=settings.secret_key_file,
            data_dir=settings.data_dir,
            random_bytes=secrets.token_bytes,
        )
        if is_new:
            ring = rotated(ring, random_bytes=secrets.token_bytes)
        return ring, await reseal_everything(store.database, Vault(ring), unreadable_place=UNREADABLE_PLACE)
    finally:
        await store.close()
