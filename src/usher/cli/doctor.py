"""`usher doctor`: is everything fit to run, and if not, what to do."""

import typer

from usher.cli import options as o
from usher.cli.output import STYLES, console, print_json


def doctor(as_json: o.AsJson = False) -> None:
    """Check the database, the key, SQLite, the vendors and the clock; each line says what to do."""
    import asyncio  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.cli.checks import Level  # noqa: PLC0415 - as above
    from usher.cli.connecting import environment  # noqa: PLC0415 - as above
    from usher.cli.vendor_checks import every_check  # noqa: PLC0415 - as above

    found = asyncio.run(every_check(environment()))
    if as_json:
        print_json([{"level": c.level.value, "what": c.what, "mend": c.mend} for c in found])
    else:
        out = console()
        for check in found:
            mend = f" {check.mend}" if check.mend else ""
            out.print(f"{check.level.value:<5}", style=STYLES[check.level.value], end="")
            out.print(f"{check.what}{mend}", soft_wrap=True)
    if any(check.level is Level.BAD for check in found):
        raise typer.Exit(1)
