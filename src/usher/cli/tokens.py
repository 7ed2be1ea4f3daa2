"""`usher token`: API tokens."""

from enum import StrEnum
from typing import Annotated

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.connecting import run
from usher.cli.output import local_time, print_json, print_table, say

app = typer.Typer(help="Tokens for the REST API.", no_args_is_help=True)


class RoleName(StrEnum):
    """Each may do everything that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--name", help="What the token is for.")],
    role: Annotated[RoleName, typer.Option("--role", help="What it may do.")] = RoleName.VIEWER,
    days: Annotated[float | None, typer.Option("--days", help="Days until it expires; without it, never.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a token and print it, once and alone."""

    async def work(api: Api) -> None:
        body = o.given(name=name, role=role.value, expires_days=days)
        made = await api.post("/v2/token", body)
        print_json(made) if as_json else say(made["token"])

    run(work)


@app.command("list")
def list_tokens(as_json: o.AsJson = False) -> None:
    """List the tokens, without the tokens themselves."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/token")
        if as_json:
            print_json(found)
            return
        print_table(
            ("Name", "Role", "Created", "Expires", "Last used"),
            (
                (t["name"], t["role"], *(local_time(t.get(key)) for key in ("created", "expires", "last_used")))
                for t in found
            ),
            nothing="There are no tokens. Make one with `usher token create --name NAME`.",
        )

    run(work)


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name or id.")], as_json: o.AsJson = False
) -> None:
    """End a token now."""

    async def work(api: Api) -> None:
        await api.delete(f"/v2/token/{part(name)}")
        print_json({"revoked": name}) if as_json else say(f"Revoked {name!r}.")

    run(work)
