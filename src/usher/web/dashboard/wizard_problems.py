"""What is wrong with a new job, in its pages' words: each problem at its field, with a repair where one is sure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from usher.errors import Problem
from usher.jobs.choices import GroupChoice
from usher.web.dashboard.job_settings import LABELS
from usher.web.dashboard.wizard_fields import ACCOUNT_FIELDS, EXPORT_FIELDS, Typed

WORDS = LABELS | {
    "api_url": "The API URL",
    "integration_id": "Integration ID",
    "secret": "Secret",
    "token": "Token",
    "label": "Label",
}
IN_THE_LIST = "Choose one from the list."
NEAR = 2  # how many are offered in place of what was typed


@dataclass(frozen=True, slots=True)
class Repair:
    """One click that puts a field right."""

    word: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A problem as a page shows it: a sentence, the mend, and the clicks that would do it."""

    problem: str
    mend: str
    repairs: tuple[Repair, ...] = ()


def shown_at_fields(
    problems: Iterable[Problem], typed: Typed, *, groups: Sequence[GroupChoice] = ()
) -> dict[str, Shown]:
    """Return the problems of fields that the pages have, by field, in the pages' order; the first of each field."""
    by_name: dict[str, Shown] = {}
    for problem in problems:
        name = field_of(problem)
        if name in (*ACCOUNT_FIELDS, *EXPORT_FIELDS) and name not in by_name:
            repairs = _repairs(name, typed, groups)
            by_name[name] = in_words(problem, repairs=repairs)
    return {name: by_name[name] for name in (*ACCOUNT_FIELDS, *EXPORT_FIELDS) if name in by_name}


def in_words(problem: Problem, *, repairs: tuple[Repair, ...] = ()) -> Shown:
    """Return *problem* as a sentence; a mend that names a command is no use on a page."""
    name = problem.field.rpartition(".")[2]
    said = problem.problem if problem.problem[:1].isupper() else f"{WORDS.get(name, name)} {problem.problem}"
    mend = IN_THE_LIST if "`" in problem.mend else problem.mend
    return Shown(said, "" if repairs else mend, repairs)


def field_of(problem: Problem) -> str:
    """Return the name of the field that *problem* belongs to."""
    return problem.field.removeprefix("config.")


def _repairs(name: str, typed: Typed, groups: Sequence[GroupChoice]) -> tuple[Repair, ...]:
    text = typed.text(name)
    match name:
        case "dynamic_attribute_prefix" if text and not text.endswith("_"):
            return (Repair(f"Use {text}_", name, f"{text}_"),)
        case "backfill_only" if not typed.is_on("withbackfill"):
            return (Repair("Switch it on", "withbackfill", "on"),)
        case "group_id":
            names = {group.id: group.name for group in groups}
            near = get_close_matches(text, names, n=NEAR)
            return tuple(Repair(f"Use {one}, {names[one]}", name, one) for one in near)
    return ()
