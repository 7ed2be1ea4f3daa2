"""`usher audience list`, `usher field list`, `usher group list`: what a job can be put together from."""

from typing import Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.choosing import authorization_of
from usher.cli.connecting import run
from usher.cli.output import print_json, print_table

audiences = typer.Typer(help="The audiences of Lytics.", no_args_is_help=True)
fields = typer.Typer(help="The fields of people's profiles in Lytics.", no_args_is_help=True)
groups = typer.Typer(help="The groups of Mapp.", no_args_is_help=True)


@audiences.callback()
@fields.callback()
@groups.callback()
def listing() -> None:
    """Keep `list` a command of its own, though it is the only one."""


@audiences.command("list")
def list_audiences(lytics: o.Lytics = None, as_json: o.AsJson = False) -> None:
    """List the audiences: the slug or the id is what --audience of `usher job create` takes."""

    async def work(api: Api) -> None:
        found = await _of_lytics(api, "/v2/segment", lytics)
        if as_json:
            print_json(found)
            return
        print_table(
            ("Name", "Slug", "ID", "Size", "Valid"),
            ((a.get("name"), a.get("slug_name"), a.get("id"), a.get("size"), not a.get("invalid")) for a in found),
            nothing="Lytics shows no audiences.",
        )

    run(work)


@fields.command("list")
def list_fields(lytics: o.Lytics = None, as_json: o.AsJson = False) -> None:
    """List the fields: --identifier-field of `usher job create` takes one, best an identity field."""

    async def work(api: Api) -> None:
        found = await _of_lytics(api, "/v2/schema/user/field", lytics)
        if as_json:
            print_json(found)
            return
        print_table(
            ("Field", "Type", "Identity field", "Personal", "Description"),
            (
                (f.get("id"), f.get("type"), bool(f.get("is_identifier")), bool(f.get("is_pii")), f.get("shortdesc"))
                for f in found
            ),
            nothing="Lytics shows no fields.",
        )

    run(work)


@groups.command("list")
def list_groups(mapp: o.Mapp = None, as_json: o.AsJson = False) -> None:
    """List the groups: --group of `usher job create` takes an id. Mapp's list may be incomplete."""

    async def work(api: Api) -> None:
        auth = await authorization_of(api, "mapp", mapp)
        found = await api.get(f"/v2/auth/{part(auth['id'])}/group")
        if as_json:
            print_json(found)
            return
        rows = ((group["id"], group["name"]) for group in found)
        print_table(("Group ID", "Name"), rows, nothing="Mapp lists no groups.")

    run(work)


async def _of_lytics(api: Api, path: str, lytics: str | None) -> list[dict[str, Any]]:
    auth = await authorization_of(api, "lytics", lytics)
    return list(await api.get(path, {"auth_id": auth["id"]}))
