"""A job's configuration, from JobConfig and its rules, in the order of the steps in which people enter it."""

from dataclasses import MISSING, fields
from typing import Any, get_args

from tools.cli_page import commands
from tools.markdown import code, page, table
from usher.domain.attribute import IdentifierType
from usher.domain.configuration import (
    LONGEST_ATTRIBUTE_NAME,
    LONGEST_TEXT,
    MOST_BRAKE_PEOPLE,
    MOST_BRAKE_PERCENT,
    MOST_HOURS,
    REQUIRED,
    SWITCHES,
)
from usher.domain.job import JobConfig

OPTION = {
    "segment_id": "--audience",
    "uid_field": "--identifier-field",
    "group_id": "--group",
    "mapp_attribute_name": "--attribute",
    "enable_dynamic_attributes": "--dynamic",
    "dynamic_attribute_prefix": "--prefix",
    "withbackfill": "--existing-users",
    "backfill_only": "--backfill-only",
    "create_users": "--create-users",
    "identifier_type": "--identifier-type",
    "lowercase_identifiers": "--lowercase",
    "reconcile_hours": "--reconcile-hours",
    "exit_brake": "--exit-brake",
    "exit_brake_people": "--exit-brake-people",
    "exit_brake_percent": "--exit-brake-percent",
    "allow_unlisted_group": "--allow-unlisted-group",
}

NUMBERS = ("reconcile_hours", "exit_brake_people", "exit_brake_percent")


def configuration_page() -> str:
    helps = _helps()
    rows = [
        (code(field.name), code(OPTION[field.name]), _kind(field.name), _default(field), helps[OPTION[field.name]])
        for field in fields(JobConfig)
    ]
    return page(
        "Configuration of a job",
        "The keys of `config` in the REST API, and the options of `usher job create` that set them.\n"
        "The names are those of Lytics' own API where it has the setting.",
        table(("Key", "Option", "Type", "Default", "Meaning"), rows),
        "## Rules",
        "- Unknown keys are refused, and every problem is reported at once.\n"
        "- `dynamic_attribute_prefix` must end with `_`.\n"
        "- `backfill_only` needs `withbackfill`.\n"
        f"- Texts are trimmed and have at most {LONGEST_TEXT} characters; "
        f"`mapp_attribute_name` has at most {LONGEST_ATTRIBUTE_NAME}.\n"
        f"- `identifier_type` is one of {', '.join(code(one) for one in get_args(IdentifierType))}.\n"
        f"- `reconcile_hours` is a decimal from 0 to {MOST_HOURS}, and not between 0 and one minute.\n"
        f"- `exit_brake_people` is a whole number from 1 to {MOST_BRAKE_PEOPLE:,}, and `exit_brake_percent` a decimal"
        f" from 0 to {MOST_BRAKE_PERCENT}. Exits wait once they pass both.\n"
        "- `lowercase_identifiers` is used where `identifier_type` is `email`; elsewhere it is a warning."
        " While it is used, `identifier_type` cannot change.\n"
        "- `segment_id`, `uid_field` and `lowercase_identifiers` cannot change once the job exists; clone the job"
        " instead.\n"
        "- Two live jobs cannot write the same attribute of the same group in the same integration.",
    )


def _helps() -> dict[str, str]:
    """Return what `usher job create` says of each of its options, by its first spelling."""
    create = next(command for path, command in commands() if path == ("usher", "job", "create"))
    return {param.opts[0]: param.help or "" for param in create.params}


def _kind(name: str) -> str:
    if name in SWITCHES:
        return "true or false"
    return "number" if name in NUMBERS else "text"


def _default(field: Any) -> str:
    if field.default is MISSING:
        assert field.name in REQUIRED
        return "required"
    if isinstance(field.default, bool):
        return code(str(field.default).lower())
    return code(f"{field.default:g}" if isinstance(field.default, int | float) else field.default)
