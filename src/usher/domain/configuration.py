"""
Whether a job's configuration is valid in itself, before either vendor is asked.

Every problem is found, not the first; each names its field and the mend.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from usher.domain.attribute import IdentifierType
from usher.domain.job import JobConfig
from usher.errors import InvalidInput, Problem

REQUIRED = ("segment_id", "uid_field", "group_id")
SWITCHES = (
    "enable_dynamic_attributes",
    "withbackfill",
    "backfill_only",
    "create_users",
    "lowercase_identifiers",
    "exit_brake",
    "allow_unlisted_group",
)
TEXTS = (*REQUIRED, "mapp_attribute_name", "dynamic_attribute_prefix", "identifier_type")
KNOWN = tuple(field.name for field in fields(JobConfig))
LONGEST_TEXT = 200
LONGEST_ATTRIBUTE_NAME = 80  # Mapp's limit for profile attributes; the one for member attributes is unknown
LONGEST = dict.fromkeys(TEXTS, LONGEST_TEXT) | {"mapp_attribute_name": LONGEST_ATTRIBUTE_NAME}
MOST_HOURS = 24 * 365
MOST_BRAKE_PEOPLE = 1_000_000_000
MOST_BRAKE_PERCENT = 100


def read_config(raw: Mapping[str, Any], *, prefix: str = "config.") -> JobConfig:
    """
    Return the configuration that *raw* spells, with texts trimmed.

    Args:
        prefix: how the fields are named in problems.

    Raises:
        InvalidInput: every problem, each naming its field and the mend.
    """
    tidy = {key: value.strip() if isinstance(value, str) else value for key, value in raw.items()}
    problems = [*_unknown(tidy), *_missing(tidy), *_mistyped(tidy)]
    odd = {problem.field for problem in problems}
    problems += [problem for problem in _inconsistent(tidy) if problem.field not in odd]
    if problems:
        raise InvalidInput(*(Problem(prefix + p.field, p.problem, p.mend) for p in problems))
    given: dict[str, Any] = {key: value for key, value in tidy.items() if value is not None}
    return JobConfig(**given)


def _unknown(raw: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(str(key)[:LONGEST_TEXT], "is not a setting of this job.", f"Known settings: {', '.join(KNOWN)}.")
        for key in raw
        if key not in KNOWN
    ]


def _missing(raw: Mapping[str, Any]) -> list[Problem]:
    mends = {
        "segment_id": "Choose the audience to export.",
        "uid_field": "Choose the Lytics field that holds a user's identifier.",
        "group_id": "Enter the Mapp Group ID to export to.",
    }
    return [Problem(key, "is required.", mends[key]) for key in REQUIRED if raw.get(key) in (None, "")]


def _mistyped(raw: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(key, "must be true or false.", "Send a JSON boolean.")
        for key in SWITCHES
        if raw.get(key) is not None and not isinstance(raw[key], bool)
    ]
    problems += [
        Problem(key, "must be text.", "Send a JSON string.")
        for key in TEXTS
        if raw.get(key) is not None and not isinstance(raw[key], str)
    ]
    problems += _odd_texts(raw) + _odd_hours(raw.get("reconcile_hours"))
    return (
        problems + _odd_brake_people(raw.get("exit_brake_people")) + _odd_brake_percent(raw.get("exit_brake_percent"))
    )


def _odd_texts(raw: Mapping[str, Any]) -> list[Problem]:
    given = [(key, raw[key]) for key in TEXTS if isinstance(raw.get(key), str)]
    problems = [
        Problem(key, "has characters that cannot be shown.", "Type it again.")
        for key, text in given
        if not text.isprintable()
    ]
    problems += [
        Problem(key, f"is longer than {LONGEST[key]} characters.", "Shorten it.")
        for key, text in given
        if len(text) > LONGEST[key]
    ]
    return problems


def _odd_hours(hours: object) -> list[Problem]:
    if hours is None:
        return []
    if isinstance(hours, bool) or not isinstance(hours, int | float):
        return [Problem("reconcile_hours", "must be a number of hours.", "0 switches it off; 0.25 is 15 minutes.")]
    if not 0 <= hours <= MOST_HOURS:
        return [Problem("reconcile_hours", "is out of range.", f"Give a number from 0 to {MOST_HOURS}.")]
    if 0 < hours < 1 / 60:
        return [Problem("reconcile_hours", "is under a minute.", "Give at least 0.017 (one minute), or 0 for off.")]
    return []


def _odd_brake_people(people: object) -> list[Problem]:
    if people is None:
        return []
    if isinstance(people, bool) or not isinstance(people, int):
        mend = "500 is the default; switch exit_brake off for no brake."
        return [Problem("exit_brake_people", "must be a whole number of people.", mend)]
    if not 1 <= people <= MOST_BRAKE_PEOPLE:
        return [Problem("exit_brake_people", "is out of range.", f"Give a whole number from 1 to {MOST_BRAKE_PEOPLE}.")]
    return []


def _odd_brake_percent(percent: object) -> list[Problem]:
    if percent is None:
        return []
    if isinstance(percent, bool) or not isinstance(percent, int | float):
        mend = "20 is the default; 12.5 is an eighth of the audience."
        return [Problem("exit_brake_percent", "must be a number of percent.", mend)]
    if not 0 <= percent <= MOST_BRAKE_PERCENT:
        return [Problem("exit_brake_percent", "is out of range.", f"Give a number from 0 to {MOST_BRAKE_PERCENT}.")]
    return []


def _inconsistent(raw: Mapping[str, Any]) -> list[Problem]:
    problems = []
    prefix = raw.get("dynamic_attribute_prefix")
    if isinstance(prefix, str) and prefix and not prefix.endswith("_"):
        problems.append(
            Problem(
                "dynamic_attribute_prefix",
                "must end with '_'.",
                f"Write {prefix + '_'!r}, or leave it blank.",
            )
        )
    if raw.get("backfill_only") is True and raw.get("withbackfill") is not True:
        problems.append(
            Problem(
                "backfill_only",
                "needs Existing Users.",
                "Select Existing Users (withbackfill), or clear this one.",
            )
        )
    if raw.get("identifier_type") not in (None, *get_args(IdentifierType)):
        problems.append(
            Problem("identifier_type", "is not one of Mapp's.", f"One of {', '.join(get_args(IdentifierType))}.")
        )
    return problems
