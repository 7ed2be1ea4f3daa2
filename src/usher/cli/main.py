"""The `usher` command: which commands there are, and the one place where their failures end."""

import sys

import typer

from usher.cli import (
    admin,
    audit,
    authorizations,
    database,
    demo,
    doctor,
    explain,
    job_control,
    jobs,
    keys,
    sandbox,
    serve,
    tokens,
    unreadable,
)
from usher.cli.failures import INTERRUPTED, report, report_unexpected
from usher.errors import UsherError

app = typer.Typer(
    name="usher",
    help="Keeps Mapp in step with Lytics audiences, and can say for each person why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.command("sandbox")(sandbox.sandbox)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("audit")(audit.audit)
app.add_typer(unreadable.app, name="unreadable")
app.add_typer(admin.app, name="admin")
app.add_typer(tokens.app, name="token")
app.add_typer(authorizations.app, name="auth")
jobs.app.registered_commands += job_control.app.registered_commands
app.add_typer(jobs.app, name="job")
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
