"""The fields of the edit form: what a job puts into them, and the draft that they spell."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from usher.domain.attribute import attribute_name, dynamic_prefix
from usher.domain.job import Job
from usher.errors import Problem
from usher.jobs.drafts import JobDraft, read_job_draft
from usher.jobs.editing import Change
from usher.web.dashboard.forms import Form
from usher.web.dashboard.job_settings import IDENTIFIER_TYPES, LABELS

TEXTS = ("group_id", "mapp_attribute_name", "dynamic_attribute_prefix", "identifier_type")
SWITCHES = (
    "enable_dynamic_attributes",
    "withbackfill",
    "backfill_only",
    "create_users",
    "exit_brake",
    "allow_unlisted_group",
)
NUMBERS = {"reconcile_hours": float, "exit_brake_people": int, "exit_brake_percent": float}
PLACES = {"auth_ids": "mapp_auth", "config": "mapp_attribute_name"}  # where a field is chosen that no control has
CONTROLS = frozenset({"name", "description", "mapp_auth", "lytics_auth", *TEXTS, *SWITCHES, *NUMBERS})


def typed_of(job: Job) -> dict[str, str]:
    """Return what the form shows of *job*; a switch is "on" or ""."""
    config = job.config
    return {
        "name": job.name,
        "description": job.description,
        "mapp_auth": job.mapp_auth,
        "lytics_auth": job.lytics_auth,
        **{name: str(getattr(config, name)) for name in TEXTS},
        **{name: f"{getattr(config, name):g}" for name in NUMBERS if name != "exit_brake_people"},
        "exit_brake_people": str(config.exit_brake_people),
        **{name: "on" if getattr(config, name) else "" for name in SWITCHES},
    }


def typed_in(form: Form) -> dict[str, str]:
    """Return what was typed, so that it is shown again as it is."""
    return {name: form.get(name) for name in sorted(CONTROLS)}


def draft_in(form: Form) -> JobDraft:
    """Return what the form asks for; what it has no field for stays as it is."""
    config: dict[str, Any] = {name: form.get(name) for name in TEXTS}
    config |= {name: form.has(name) for name in SWITCHES}
    config |= {name: _figure(form.get(name), kind) for name, kind in NUMBERS.items()}
    auth_ids = [form.get("mapp_auth"), form.get("lytics_auth")]
    body = {"name": form.get("name"), "description": form.get("description"), "auth_ids": auth_ids, "config": config}
    return read_job_draft(body)


def _figure(text: str, kind: type[int] | type[float]) -> int | float | str:
    """A text that is no number is left as it is: the configuration's own rule names the problem."""
    try:
        return kind(text.replace(",", "") or "0")
    except ValueError:
        return text


def fingerprint(typed: Mapping[str, str]) -> str:
    """Return a mark of what was typed, by which Save knows that it is what the preview was about."""
    return hashlib.sha256(repr(sorted(typed.items())).encode()).hexdigest()[:32]


def by_control(problems: Iterable[Problem]) -> dict[str, Problem]:
    """Return each problem under the name of the control that would mend it; two at one control are joined."""
    found: dict[str, Problem] = {}
    for problem in problems:
        name = _control(problem)
        if name not in CONTROLS:
            continue
        said = Problem(name, _whole(problem), problem.mend)
        before = found.get(name)
        found[name] = (
            said if before is None else Problem(name, f"{before.problem} {before.mend} {said.problem}", said.mend)
        )
    return found


def of_no_control(problems: Iterable[Problem]) -> str:
    """Return in whole sentences what no control of the form would mend."""
    others = [problem for problem in problems if _control(problem) not in CONTROLS]
    return " ".join(f"{_whole(problem)} {problem.mend}".strip() for problem in others)


def _control(problem: Problem) -> str:
    return PLACES.get(problem.field, problem.field.removeprefix("config."))


def _whole(problem: Problem) -> str:
    """Return what is wrong as a sentence: most problems go on from the name of their field."""
    is_whole = problem.problem[:1].isupper()
    return problem.problem if is_whole else f"{_label(problem.field, unknown='This')} {problem.problem}"


def change_words(changes: Sequence[Change], labels: Mapping[str, str], *, job: Job) -> list[tuple[str, str, str]]:
    """Return (what, before, after) of each change, as a person reads it; a blank is what it stands for."""
    new = {change.field.removeprefix("config."): change.new for change in changes}
    before, after = _usual(job, {}), _usual(job, new)
    return [
        (_label(c.field), _meant(c.field, c.old, before, labels), _meant(c.field, c.new, after, labels))
        for c in changes
    ]


def _meant(field: str, value: object, usual: Mapping[str, str], labels: Mapping[str, str]) -> str:
    if field == "config.identifier_type":
        return dict(IDENTIFIER_TYPES).get(str(value), str(value))
    return _value(usual.get(field, "") if value == "" else value, labels)


def _usual(job: Job, new: Mapping[str, Any]) -> dict[str, str]:
    """Return what blank settings stand for, once *new* is so."""
    config = {**asdict(job.config), **new}
    found = {"config.mapp_attribute_name": attribute_name("", audience_slug=job.audience_slug)}
    if config["enable_dynamic_attributes"]:
        found["config.dynamic_attribute_prefix"] = dynamic_prefix("", group_id=str(config["group_id"]))
    return found


def _label(field: str, *, unknown: str = "") -> str:
    return LABELS.get(field.removeprefix("config."), unknown or field)


def _value(value: object, labels: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, list | tuple):
        return ", ".join(labels.get(str(one), str(one)) for one in value)
    if isinstance(value, int | float):
        return f"{value:,.10g}"  # as typed: rounded ones could look alike before and after
    return str(value) or "blank"
