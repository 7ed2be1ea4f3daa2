"""`usher db`: the database's shape, backups, and the way back from one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usher.cli import options as o
from usher.cli.connecting import environment
from usher.cli.output import console, print_facts, print_json, say

if TYPE_CHECKING:
    from usher.store.backup import Progress

app = typer.Typer(help="The database: upgrade, back up, restore.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(as_json: o.AsJson = False) -> None:
    """Bring the database to this version's shape. `serve` does the same when it starts."""
    from usher.clock import SystemClock  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.store.opening import open_sqlite  # noqa: PLC0415 - as above

    settings = environment()

    async def work() -> Path:
        opened = open_sqlite(
            settings.data_dir, clock=SystemClock(), is_threaded=False, database_url=settings.database_url
        )
        await opened.close()
        return opened.path

    import asyncio  # noqa: PLC0415 - as above

    path = asyncio.run(work())
    print_json({"path": str(path)}) if as_json else say(f"{path} is up to date.")


@app.command("backup")
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist.")],
    as_json: o.AsJson = False,
) -> None:
    """Copy the database to one file; safe while `serve` runs. The key is not in it: keep that too."""
    from usher.clock import SystemClock  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.store.backup import backup as copy  # noqa: PLC0415 - as above
    from usher.store.opening import database_path  # noqa: PLC0415 - as above

    settings = environment()
    source = database_path(settings.database_url, settings.data_dir)
    report = copy(source, to, clock=SystemClock(), on_progress=_progress())
    if as_json:
        facts = {"path": str(report.path), "size_bytes": report.size_bytes, "jobs": report.jobs}
        print_json(facts | {"members": report.members, "revision": report.revision})
        return
    say(f"Saved and checked {report.path}.", style="bold")
    print_facts([("size", f"{report.size_bytes:,} bytes"), ("jobs", report.jobs), ("people", report.members)])
    say("Keep the secret key as well, apart from this file: without it the saved credentials do not open.")


@app.command("restore")
def restore(
    from_: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    yes: o.Yes = False,
    as_json: o.AsJson = False,
) -> None:
    """Put a backup in the database's place; stop `serve` first. What was there is kept beside it."""
    from usher.cli.secrets import agreed  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.store.backup import restore as put_back  # noqa: PLC0415 - as above

    settings = environment()
    agreed(f"Replace the database in {settings.data_dir} by {from_}?", yes=yes)
    report = put_back(
        from_,
        settings.data_dir,
        clock=SystemClock(),
        hold_ms=settings.timing.hold_ms,
        database_url=settings.database_url,
    )
    if as_json:
        replaced = None if report.replaced is None else str(report.replaced)
        print_json({"restored": str(from_), "jobs": report.jobs, "replaced": replaced})
        return
    say(f"Restored {from_}. Jobs that will tell everybody and compare their audience again: {report.jobs}.")
    if report.replaced is not None:
        say(f"What was there before is in {report.replaced}.")


def _progress() -> "Progress | None":
    out = console(is_error=True)
    if not out.is_terminal:
        return None

    def show(done: int, total: int) -> None:
        out.print(f"copied {done:,} of {total:,} pages", end="\r" if done < total else "\n")

    return show
