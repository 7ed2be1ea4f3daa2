"""`usher db`: the database's shape, backups and the way back from one, and the move to PostgreSQL."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usher.cli import options as o
from usher.cli.connecting import environment
from usher.cli.output import console, print_facts, print_json, say

if TYPE_CHECKING:
    from usher.store.copying import Progress

app = typer.Typer(help="The database: upgrade, back up, restore, move.", no_args_is_help=True)
AGAIN = "Jobs that will tell everybody and compare their audience again:"


@app.command("upgrade")
def upgrade(as_json: o.AsJson = False) -> None:
    """Bring the database to this version's shape. `serve` does the same when it starts."""
    from usher.clock import SystemClock  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.store.opening import open_store  # noqa: PLC0415 - as above

    settings = environment()

    async def work() -> str:
        opened = open_store(
            settings.data_dir,
            clock=SystemClock(),
            is_threaded=False,
            database_url=settings.database_url,
            is_owner=False,  # on PostgreSQL a `serve` may go on beside it
        )
        await opened.close()
        return opened.place

    import asyncio  # noqa: PLC0415 - as above

    place = asyncio.run(work())
    print_json({"path": place}) if as_json else say(f"{place} is up to date.")


@app.command("backup")
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist.")],
    as_json: o.AsJson = False,
) -> None:
    """Copy the database to one file; safe while `serve` runs. The key is not in it: keep that too."""
    from usher.clock import SystemClock  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.store.backup import backup as copy  # noqa: PLC0415 - as above

    settings = environment()
    report = copy(
        to,
        settings.data_dir,
        clock=SystemClock(),
        database_url=settings.database_url,
        on_progress=_progress(),
    )
    holds = report.holds
    if as_json:
        facts = {"path": str(report.path), "size_bytes": holds.size_bytes, "jobs": holds.jobs}
        print_json(facts | {"members": holds.members, "revision": holds.revision})
        return
    say(f"Saved and checked {report.path}.", style="bold")
    print_facts([("size", f"{holds.size_bytes:,} bytes"), ("jobs", holds.jobs), ("people", holds.members)])
    say("Keep the secret key as well, apart from this file: without it the saved credentials do not open.")


@app.command("restore")
def restore(
    from_: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    yes: o.Yes = False,
    as_json: o.AsJson = False,
) -> None:
    """Put a backup in the database's place; stop `serve` and workers first. What was there is kept as a file."""
    from usher.cli.secrets import agreed  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.store.restoring import place_of  # noqa: PLC0415 - as above
    from usher.store.restoring import restore as put_back  # noqa: PLC0415 - as above

    settings = environment()
    agreed(f"Replace the database {place_of(settings.database_url, settings.data_dir)} by {from_}?", yes=yes)
    report = put_back(
        from_,
        settings.data_dir,
        clock=SystemClock(),
        hold_ms=settings.timing.hold_ms,
        database_url=settings.database_url,
        on_progress=_progress(),
    )
    if as_json:
        replaced = None if report.replaced is None else str(report.replaced)
        print_json({"restored": str(from_), "jobs": report.jobs, "replaced": replaced})
        return
    say(f"Restored {from_}. {AGAIN} {report.jobs}.")
    if report.replaced is not None:
        say(f"What was there before is in {report.replaced}.")


@app.command("after-restore")
def after_restore(yes: o.Yes = False, as_json: o.AsJson = False) -> None:
    """Tell everybody again, after the database was brought back by other means than `usher db restore`."""
    from usher.cli.secrets import agreed  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.clock import SystemClock  # noqa: PLC0415 - as above
    from usher.store.restoring import after_restore as put_right  # noqa: PLC0415 - as above

    settings = environment()
    agreed("Tell everybody again and compare every audience, because the database went back in time?", yes=yes)
    jobs = put_right(
        settings.data_dir,
        clock=SystemClock(),
        hold_ms=settings.timing.hold_ms,
        database_url=settings.database_url,
    )
    print_json({"jobs": jobs}) if as_json else say(f"{AGAIN} {jobs}.")


@app.command("move")
def move(
    to: Annotated[
        str, typer.Argument(metavar="URL", help="An empty PostgreSQL database: postgresql://user@host/name.")
    ],
    as_json: o.AsJson = False,
) -> None:
    """Copy everything from SQLite to PostgreSQL; stop `serve` first. The file is kept, marked as moved."""
    from usher.clock import SystemClock  # noqa: PLC0415 - keeps `usher --help` fast
    from usher.store.moving import move as carry_over  # noqa: PLC0415 - as above

    settings = environment()
    report = carry_over(
        to, settings.data_dir, clock=SystemClock(), database_url=settings.database_url, on_progress=_progress()
    )
    copied = report.copied
    if as_json:
        moved = {"database_url": report.database_url, "left": str(report.left)}
        print_json(moved | {"rows": copied.rows, "mended": copied.mended})
        return
    say(f"Moved {sum(copied.rows.values()):,} rows; as many arrived in each table.", style="bold")
    for table, rows in copied.mended.items():
        say(f"{rows:,} of them in {table} held the character NUL, which PostgreSQL does not keep; it is now U+FFFD.")
    hidden = ", with the password in place of ***" if "***" in report.database_url else ""
    say(f"Next, set this wherever Usher runs{hidden}: USHER_DATABASE_URL={report.database_url}")
    say(f"{report.left} is kept, and marked as moved: Usher serves and backs it up no more.")


def _progress() -> "Progress | None":
    out = console(is_error=True)
    if not out.is_terminal:
        return None

    def show(done: int, total: int) -> None:
        out.print(f"copied {done:,} of {total:,}", end="\r" if done < total else "\n")

    return show
