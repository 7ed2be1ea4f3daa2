"""`usher admin`: the people who sign in to the dashboard, which this version does not have yet."""

from typing import Annotated, NoReturn

import typer

from usher.errors import InvalidInput, Problem

app = typer.Typer(help="People who sign in (needs the dashboard, which this version does not have).")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@app.command("create")
def create(name: Name) -> None:
    """Add a person (needs the dashboard, which this version does not have)."""
    _refuse(name)


@app.command("reset")
def reset(name: Name) -> None:
    """Let a person sign in anew (needs the dashboard, which this version does not have)."""
    _refuse(name)


def _refuse(name: str) -> NoReturn:
    problem = "people and sign-in come with the dashboard, which this version does not have."
    mend = f"Give {name!r} an API token: `usher token create --name NAME --role admin`."
    raise InvalidInput(Problem("admin", problem, mend))
