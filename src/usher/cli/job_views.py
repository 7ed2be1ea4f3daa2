"""What jobs, their logs, previews and people look like on a terminal."""

import shlex
from collections.abc import Mapping
from typing import Any

from usher.cli.output import console, duration, local_time, print_facts, print_table, say

SHORT_ID = 8
CONFIG_WORDS = (
    ("segment_id", "Audience id"),
    ("uid_field", "Identifier field"),
    ("identifier_type", "Identifier type"),
    ("lowercase_identifiers", "Lower-case identifiers"),
    ("group_id", "Group ID"),
    ("mapp_attribute_name", "Mapp Attribute Name"),
    ("enable_dynamic_attributes", "Enable Dynamic Attributes"),
    ("dynamic_attribute_prefix", "Dynamic Attribute Prefix"),
    ("withbackfill", "Existing Users"),
    ("backfill_only", "Backfill Only"),
    ("create_users", "Create users"),
    ("reconcile_hours", "Reconcile hours"),
    ("exit_brake", "Exit brake"),
    ("exit_brake_people", "Exit brake: people"),
    ("exit_brake_percent", "Exit brake: percent"),
)


def print_jobs(jobs: list[dict[str, Any]], *, labels: Mapping[str, str]) -> None:
    """
    Print a line for each job.

    Args:
        labels: of the authorizations, by their ids.
    """
    print_table(
        ("ID", "Name", "Status", "Audience", "Group ID", "Attribute", "Mapp", "Lytics", "Updated"),
        (
            (
                job["id"][:SHORT_ID],
                job["name"],
                job["status"],
                job["meta"]["audience_slug"],
                job["config"]["group_id"],
                job["meta"]["attribute_key"],
                *_accounts(job, labels),
                local_time(job["updated"]),
            )
            for job in jobs
        ),
        nothing="There are no jobs. Create one with `usher job create`.",
    )


def _accounts(job: dict[str, Any], labels: Mapping[str, str]) -> tuple[str, str]:
    """Return what the job's two authorizations are called; a deleted one has its id left."""
    mapp, lytics = str(job["meta"]["mapp_auth"]), str(job["meta"]["lytics_auth"])
    return labels.get(mapp, mapp), labels.get(lytics, lytics)


def print_job(job: dict[str, Any], *, title: str, labels: Mapping[str, str]) -> None:
    """
    Print one job, and what to paste into Lytics where a person must.

    Args:
        labels: of the authorizations, by their ids.
    """
    meta = job["meta"]
    mapp, lytics = _accounts(job, labels)
    say(title, style="bold")
    for note in meta.get("notes", []):
        say(f"note: {note}", style="yellow")
    print_facts(
        [
            ("id", job["id"]),
            ("status", job["status"]),
            ("reason", meta.get("reason")),
            ("sleeps until", local_time(job.get("sleep_until"))),
            ("description", job["description"]),
            ("audience", f"{meta['audience_name']} ({meta['audience_slug']})"),
            ("attribute in Mapp", meta["attribute_key"]),
            ("Mapp authorization", mapp),
            ("Lytics authorization", lytics),
            *((words, job["config"][key]) for key, words in CONFIG_WORDS),
            ("triggers", _triggers(meta)),
            ("next reconcile", local_time(meta.get("next_reconcile"))),
            ("created", local_time(job["created"])),
            ("updated", local_time(job["updated"])),
        ]
    )
    if meta["webhook"].get("help"):
        _print_webhook_help(meta["webhook"]["help"], auth=lytics)


def _triggers(meta: dict[str, Any]) -> str:
    webhook = meta["webhook"]
    how = {"made": "Usher made the webhook in Lytics", "manual": "the webhook is yours to make in Lytics"}
    came = f"last one {local_time(meta['last_trigger'])}" if meta.get("last_trigger") else "no trigger has ever arrived"
    text = f"{how.get(webhook['state'], 'no webhook')}; {came}"
    return text + (f" ({webhook['note']})" if webhook.get("note") else "")


def _print_webhook_help(help_: dict[str, Any], *, auth: str) -> None:
    say()
    say("Paste this into an Audience Triggers Webhook in Lytics:", style="bold")
    print_facts([(key.replace("_", " "), value) for key, value in help_.items()])
    say(f"The trigger token, for admins: usher auth endpoint {shlex.quote(auth)}")


def print_logs(lines: list[dict[str, Any]]) -> None:
    print_table(
        ("Time", "Level", "Message"),
        ((local_time(line["timestamp"]), line["level"], line["message"]) for line in lines),
        nothing="The log is empty.",
    )


def print_members(rows: list[dict[str, Any]], *, state: str) -> None:
    print_table(
        ("Member", "Wanted", "State", "Accepted", "Set aside because"),
        (
            (
                row["member"],
                row["wanted"],
                row["state"],
                _accepted(row.get("accepted")),
                (row.get("set_aside") or {}).get("reason"),
            )
            for row in rows
        ),
        nothing=f"Nobody is {state.replace('_', ' ')}.",
    )


def _accepted(accepted: dict[str, Any] | None) -> str | None:
    return f"{accepted['value']} at {local_time(accepted['at'])}" if accepted else None


def print_preview(found: dict[str, Any]) -> None:
    for problem in found["problems"]:
        console().print(f"problem: {problem['field']}: {problem['problem']} {problem['mend']}", style="red")
    for warning in found["warnings"]:
        console().print(f"note: {warning}", style="yellow")
    print_facts(
        [
            ("attribute in Mapp", found.get("attribute_key")),
            ("people", found.get("people")),
            ("time at this pace", duration(found["seconds"]) if found.get("seconds") is not None else None),
        ]
    )
    if found.get("request"):
        _print_request(found["request"])


def _print_request(request: dict[str, Any]) -> None:
    say()
    say("For a sample member this is sent:", style="bold")
    say(f"{request['method']} {request['url']}")
    for name, value in request["headers"].items():
        say(f"{name}: {value}")
    say(f"\n{request['body']}")
