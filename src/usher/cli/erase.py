"""`usher erase`: one person taken out of everything, with a receipt."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.connecting import run
from usher.cli.output import local_time, print_facts, print_json, print_table, say
from usher.cli.secrets import agreed

QUESTION = "Erase this person from every job and record? What is removed cannot be brought back."


def erase(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The person: the value of the identifier field.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let somebody come back who was erased.")] = False,
    yes: o.Yes = False,
    as_json: o.AsJson = False,
) -> None:
    """Remove one person everywhere, keep them out, and print a receipt of it; Mapp is not told."""
    if not undo:
        agreed(QUESTION, yes=yes)

    async def work(api: Api) -> None:
        path = f"/v2/member/{part(member)}"
        answer = await api.post(f"{path}/lift-erasure") if undo else await api.delete(path)
        if as_json:
            print_json(answer)
        elif undo:
            _print_lifted(answer)
        else:
            _print_receipt(answer)

    run(work)


def _print_lifted(lifted: dict[str, Any]) -> None:
    at = local_time(lifted["erased_at"])
    say(f"They are no longer kept out. They were erased at {at} (receipt {lifted['receipt']}).")
    say("The next trigger or scan that names them brings them back; what was removed stays removed.")


def _print_receipt(receipt: dict[str, Any]) -> None:
    print_facts(
        [
            ("receipt", receipt["receipt"]),
            ("time", local_time(receipt["at"])),
            ("by", receipt["actor"]),
            ("hash", receipt["hash"]),
        ]
    )
    say("\nRemoved")
    print_table(
        ("From", "Job", "Count"),
        ((one["table"], one["job_name"], one["count"]) for one in receipt["removed"]),
        nothing="Nothing was kept of this person.",
    )
    say("\nWhat Mapp still holds")
    print_table(
        ("Account", "Group ID", "Attribute", "Value", "Accepted", "Under way", "Until", "Job"),
        (_held_row(one) for one in receipt["held"]),
        nothing="Nothing that Usher knows of.",
    )
    say("\nWhat is left to do")
    for sentence in receipt["to_do"]:
        say(f"- {sentence}")


def _held_row(held: dict[str, Any]) -> tuple[Any, ...]:
    told = (held["value"], local_time(held["accepted_at"]))
    under_way = (held["under_way"], local_time(held["lands_until"]))
    return held["account"], held["group_id"], held["attribute"], *told, *under_way, held["job_name"]
