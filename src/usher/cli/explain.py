"""`usher explain`: why one person has the value they have, and what comes next."""

from typing import Annotated, Any

import typer

from usher.cli import options as o
from usher.cli.api import Api, part
from usher.cli.choosing import job_named
from usher.cli.connecting import run
from usher.cli.output import local_time, print_facts, print_json, print_table, say


def explain(
    job: o.JobName,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The person: the value of the identifier field.")],
    as_json: o.AsJson = False,
) -> None:
    """Say what is wanted for one person, what Mapp accepted, why, and what comes next."""

    async def work(api: Api) -> None:
        job_id = (await job_named(api, job))["id"]
        found = await api.get(f"/v2/job/{part(job_id)}/members/{part(member)}")
        print_json(found) if as_json else print_explanation(found)

    run(work)


def print_explanation(found: dict[str, Any]) -> None:
    say(found["member"], style="bold")
    for sentence in found["why"]:
        say(sentence)
    say(f"Next: {found['next']}")
    say()
    print_facts(
        [
            ("state", found["state"]),
            ("wanted", found["wanted"]),
            ("as of", local_time(found["version"])),
            ("accepted", _value_at(found["accepted"])),
            ("confirmed", _value_at(found["confirmed"])),
            ("set aside", (found["set_aside"] or {}).get("reason")),
            ("due", local_time(found["due_at"])),
        ]
    )
    print_table(
        ("Time", "What", "Value", "Note"),
        ((local_time(entry["at"]), entry["kind"], entry.get("value"), entry["note"]) for entry in found["history"]),
        nothing="Nothing out of the routine was written down about this person.",
    )
    if found["history_from"]:
        say(f"What happened before {local_time(found['history_from'])} is no longer kept.")


def _value_at(fact: dict[str, Any] | None) -> str | None:
    return f"{fact['value']} at {local_time(fact['at'])}" if fact else None
