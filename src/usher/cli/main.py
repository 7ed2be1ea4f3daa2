"""The `usher` command: which commands there are, and the one place where their failures end."""

import sys
from typing import Annotated

import typer

from usher import __version__
from usher.cli import (
    admin,
    alerts,
    audit,
    authorizations,
    database,
    demo,
    doctor,
    erase,
    explain,
    job_control,
    jobs,
    keys,
    lookups,
    sandbox,
    serve,
    simulate,
    tokens,
    unreadable,
    worker,
)
from usher.cli.failures import INTERRUPTED, report, report_unexpected
from usher.errors import UsherError

app = typer.Typer(
    name="usher",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"usher {__version__}\n")
        raise typer.Exit


@app.callback()
def usher(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Keeps Mapp in step with Lytics audiences, and can say for each person why."""


app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("workers")(worker.workers)
app.command("sandbox")(sandbox.sandbox)
app.command("explain")(explain.explain)
app.command("erase")(erase.erase)
app.command("doctor")(doctor.doctor)
app.command("audit")(audit.audit)
app.command("simulate")(simulate.simulate)
app.add_typer(unreadable.app, name="unreadable")
app.add_typer(alerts.app, name="alert")
app.add_typer(admin.app, name="admin")
app.add_typer(tokens.app, name="token")
app.add_typer(authorizations.app, name="auth")
jobs.app.registered_commands += job_control.app.registered_commands
app.add_typer(jobs.app, name="job")
app.add_typer(lookups.audiences, name="audience")
app.add_typer(lookups.fields, name="field")
app.add_typer(lookups.groups, name="group")
app.add_typer(database.app, name="db")
app.add_typer(keys.app, name="key")


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 wrong usage or configuration."""
    try:
        app(args=arguments)
    except UsherError as error:
        sys.exit(report(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the top of the program: whatever is left is nobody's but ours
        sys.exit(report_unexpected(error))


if __name__ == "__main__":
    main()
