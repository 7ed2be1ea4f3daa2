"""`usher key`: the key that secrets are sealed with."""

import typer

from usher.cli.connecting import environment
from usher.cli.output import say

app = typer.Typer(help="The key that secrets are sealed with.", no_args_is_help=True)


@app.command("rotate")
def rotate() -> None:
    """Make a new key and seal every secret again with it; stop `serve` first. The old key stays, to open backups."""
    import asyncio  # noqa: PLC0415 - keeps `usher --help` fast
    import secrets  # noqa: PLC0415 - as above

    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.jobs.resealing import reseal_everything  # noqa: PLC0415 - as above
    from usher.store.opening import open_sqlite  # noqa: PLC0415 - as above
    from usher.vault import Vault, load_or_create_key_ring, rotated  # noqa: PLC0415 - as above

    settings = environment()

    async def work() -> tuple[str, int]:
        # Opened first: its lock keeps out a `serve` that would go on sealing with the old key.
        store = open_sqlite(
            settings.data_dir, clock=SystemClock(), is_threaded=False, database_url=settings.database_url
        )
        try:
            ring = load_or_create_key_ring(
                secret_key=settings.secret_key,
                secret_key_file=settings.secret_key_file,
                data_dir=settings.data_dir,
                random_bytes=secrets.token_bytes,
            )
            ring = rotated(ring, random_bytes=secrets.token_bytes)
            return ring.current.key_id, await reseal_everything(store.database, Vault(ring))
        finally:
            await store.close()

    key_id, count = asyncio.run(work())
    say(f"The key {key_id} is in use; {count} secrets were sealed again with it.")
