"""What authorizations and their tests look like on a terminal."""

from typing import Any

from usher.cli.output import local_time, print_facts, print_table, say

SHORT_ID = 8


def print_auths(found: list[dict[str, Any]]) -> None:
    print_table(
        ("ID", "Label", "Provider", "Type", "Status", "Tested", "Updated"),
        (
            (
                auth["id"][:SHORT_ID],
                auth["label"],
                auth["provider_slug"],
                auth["type"],
                auth["status"],
                local_time(auth["meta"].get("tested")),
                local_time(auth["updated"]),
            )
            for auth in found
        ),
        nothing="There are no authorizations. Make them with `usher auth add mapp` and `usher auth add lytics`.",
    )


def print_auth(auth: dict[str, Any], *, title: str) -> None:
    say(title, style="bold")
    for note in auth["meta"].get("notes") or []:
        say(f"note: {note}", style="yellow")
    print_facts(
        [
            ("id", auth["id"]),
            ("provider", auth["provider_slug"]),
            ("type", auth["type"]),
            ("status", auth["status"]),
            ("last test", auth["meta"].get("note")),
            ("tested", local_time(auth["meta"].get("tested"))),
            ("description", auth["description"]),
            *((key.replace("_", " "), value) for key, value in auth["meta"]["config"].items()),
            ("created", local_time(auth["created"])),
            ("updated", local_time(auth["updated"])),
        ]
    )


def print_test(report: dict[str, Any], *, label: str) -> None:
    say(f"{label!r} {verdict_on(report)}.", style="green" if report["is_usable"] else "red")
    for finding in report["findings"]:
        say(f"  {finding}")


def verdict_on(report: dict[str, Any]) -> str:
    if report["is_usable"]:
        return "works"
    return "is accepted, but no job can work with it" if report["is_healthy"] else "does not work"


def print_endpoint(found: dict[str, Any]) -> None:
    say("Lytics sends its triggers here:", style="bold")
    print_facts([("url", found["url"]), ("header", found["header"])])
    say()
    say("In Lytics' webhook, enter:", style="bold")
    print_facts([(key.replace("_", " "), value) for key, value in found["paste"].items()])
    for note in found["notes"]:
        say(f"note: {note}", style="yellow")
