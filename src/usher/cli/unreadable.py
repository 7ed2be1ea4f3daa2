"""`usher unreadable`: trigger messages that made no sense."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.connecting import run
from usher.cli.output import local_time, print_facts, print_json, print_table, say

app = typer.Typer(help="Trigger messages that made no sense. Looking at them is audited.", no_args_is_help=True)
PATH = "/v2/unreadable"


@app.command("list")
def list_unreadable(every: o.Every = False, as_json: o.AsJson = False) -> None:
    """List the newest, without their bodies."""

    async def work(api: Api) -> None:
        found, following = (await api.every(PATH), None) if every else await api.page(PATH)
        if as_json:
            print_json(found)
            return
        print_table(
            ("ID", "Time", "Reason", "Job", "Bytes"),
            ((m["id"], local_time(m["timestamp"]), m["reason"], m["job_id"], m["size"]) for m in found),
            nothing="Every message made sense.",
        )
        if following:
            say("There are more: --all shows them.")

    run(work)


@app.command("show")
def show(
    entry: Annotated[str, typer.Argument(metavar="ID", help="The message's id, as `usher unreadable list` shows it.")],
    as_json: o.AsJson = False,
) -> None:
    """Show one message as it came; it may name a person."""

    async def work(api: Api) -> None:
        found = await api.get(f"{PATH}/{part(entry)}")
        print_json(found) if as_json else _print(found)

    run(work)


def _print(message: dict[str, Any]) -> None:
    print_facts(
        [
            ("time", local_time(message["timestamp"])),
            ("reason", message["reason"]),
            ("job", message["job_id"]),
            ("authorization", message["auth_id"]),
            ("bytes kept", message["size"]),
        ]
    )
    say()
    say(_harmless(message["body"]) if message["body"] is not None else "It is locked, because its key is missing.")


def _harmless(text: str) -> str:
    """Return *text* without what would steer a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
