"""`usher admin`: the people who sign in to the dashboard."""

from typing import Annotated

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.connecting import run
from usher.cli.output import console, local_time, print_json, print_table, say
from usher.cli.tokens import RoleName

app = typer.Typer(help="People who sign in to the dashboard.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@app.command("create")
def create(
    name: Name,
    role: Annotated[RoleName, typer.Option("--role", help="What they may do.")] = RoleName.ADMIN,
    as_json: o.AsJson = False,
) -> None:
    """Add a person and print a one-time link, once and alone; by it they set their password."""

    async def work(api: Api) -> None:
        _show(api, await api.post("/v2/person", {"name": name, "role": role.value}), as_json=as_json)

    run(work)


@app.command("reset")
def reset(name: Name, as_json: o.AsJson = False) -> None:
    """Print a new one-time link for a person; their old password works until it is used."""

    async def work(api: Api) -> None:
        _show(api, await api.post(f"/v2/person/{part(name)}/reset"), as_json=as_json)

    run(work)


@app.command("list")
def list_people(as_json: o.AsJson = False) -> None:
    """List the people who sign in."""

    async def work(api: Api) -> None:
        found = await api.get("/v2/person")
        if as_json:
            print_json(found)
            return
        heads = ("Name", "Role", "Can sign in", "Last seen", "Link open until", "Created", "By")
        nobody = "Nobody can sign in. Add a person with `usher admin create NAME`."
        print_table(heads, (_row(person) for person in found), nothing=nobody)

    run(work)


@app.command("remove")
def remove(name: Name, as_json: o.AsJson = False) -> None:
    """Take a person off the list; whatever they are signed in with ends at once."""

    async def work(api: Api) -> None:
        await api.delete(f"/v2/person/{part(name)}")
        print_json({"removed": name}) if as_json else say(f"Removed {name!r}.")

    run(work)


def _show(api: Api, made: dict[str, object], *, as_json: bool) -> None:
    print_json(made) if as_json else say(str(made["link"]))
    hint = f"{made['name']} ({made['role']}) sets a password by this link, once, until {local_time(_until(made))}."
    where = "" if api.has_engine else " The link opens while `usher serve` runs on this data."
    console(is_error=True).print(f"note: {hint}{where}", soft_wrap=True)


def _until(made: dict[str, object]) -> str:
    return str(made["link_until"])


def _row(person: dict[str, object]) -> tuple[object, ...]:
    seen, until, created = (local_time(str(person.get(key) or "")) for key in ("last_seen", "link_until", "created"))
    return person["name"], person["role"], person["can_sign_in"], seen, until, created, person["created_by"]
