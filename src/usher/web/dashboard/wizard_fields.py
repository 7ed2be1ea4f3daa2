"""
What somebody has typed into the new-job pages so far, and the job that it asks for.

It travels in the address from page to page, so that Back, Continue and a reload lose nothing and change nothing.
Secrets never do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from usher.domain.configuration import LONGEST_TEXT
from usher.jobs.drafts import JobDraft, read_job_draft
from usher.jobs.vendors import LYTICS, MAPP
from usher.web.dashboard.visit import Visit

TYPE, ACCOUNTS, EXPORT, REVIEW = "/jobs/new", "/jobs/new/accounts", "/jobs/new/export", "/jobs/new/review"
NEW = "new"  # in place of an authorization's id: one that is yet to be saved
PROVIDERS = (MAPP, LYTICS)
DRAFT = "draft"  # names this job in the browser's memory, so that no other job's typing is filled in
COPY = " (copy)"

NEW_TEXTS = ("mapp_label", "mapp_api_url", "mapp_integration_id", "lytics_label", "lytics_api_url")
ACCOUNT_FIELDS = ("name", "description", *PROVIDERS, *NEW_TEXTS)
CONFIG_TEXTS = (
    "segment_id",
    "uid_field",
    "group_id",
    "mapp_attribute_name",
    "dynamic_attribute_prefix",
    "identifier_type",
)
NUMBERS: Mapping[str, Callable[[str], float]] = {
    "reconcile_hours": float,
    "exit_brake_people": int,
    "exit_brake_percent": float,
}
SWITCHES = (
    "enable_dynamic_attributes",
    "allow_unlisted_group",
    "withbackfill",
    "backfill_only",
    "create_users",
    "lowercase_identifiers",
    "exit_brake",
)
EXPORT_FIELDS = (*CONFIG_TEXTS, *NUMBERS, *SWITCHES)
TEXTS = (DRAFT, *ACCOUNT_FIELDS, *CONFIG_TEXTS, *NUMBERS)
ON_AT_FIRST = frozenset({"withbackfill", "exit_brake"})
ONCE = frozenset({"withbackfill", "backfill_only"})
BELONGS_TO = {
    "dynamic_attribute_prefix": "enable_dynamic_attributes",
    "exit_brake_people": "exit_brake",
    "exit_brake_percent": "exit_brake",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """Texts as they were typed, blank ones left out, and the names of the switches that are on."""

    texts: Mapping[str, str]
    switches: frozenset[str]

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def is_on(self, name: str) -> bool:
        return name in self.switches

    def pairs(self, *, but: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Return everything as a form sends it; *but* names the fields that the form itself has."""
        own = frozenset(but)
        found = [*self.texts.items(), *((name, "on") for name in SWITCHES if name in self.switches)]
        return [(name, value) for name, value in found if name not in own]

    def address(self, step: str) -> str:
        """Return the address of a page that is filled in so."""
        return f"{step}?{urlencode(self.pairs())}"

    def but(self, **texts: str) -> "Typed":
        """Return the same with texts changed; "" takes one away."""
        changed = {**self.texts, **texts}
        return replace(self, texts={name: value for name, value in changed.items() if value})

    def job_draft(self, *, start: bool | None = None) -> JobDraft:
        """Return the job that is asked for, with whatever is wrong with it; fields that do not apply are left out."""
        chosen = [self.text(provider) for provider in PROVIDERS]
        config: dict[str, Any] = {name: self.is_on(name) for name in SWITCHES}
        for name in (*CONFIG_TEXTS, *NUMBERS):
            if self.text(name) and self.applies(name):
                config[name] = _number(name, self.text(name)) if name in NUMBERS else self.text(name)
        return read_job_draft(
            {
                "name": self.text("name"),
                "description": self.text("description"),
                "auth_ids": [auth_id for auth_id in chosen if auth_id not in ("", NEW)],
                "config": config,
                "start": start,
            }
        )

    def applies(self, name: str) -> bool:
        """Whether the switch that this field belongs to is on."""
        return name not in BELONGS_TO or self.is_on(BELONGS_TO[name])


def typed_by(visit: Visit) -> Typed:
    """Return what *visit* brings, in its address or its form; a first visit brings the usual settings."""
    sent = visit.form.pairs or visit.request.query_params.multi_items()
    return read_typed(sent, new_draft=visit.desk.new_id()[:8])


def read_typed(sent: Iterable[tuple[str, str]], *, new_draft: str) -> Typed:
    """Return what a form sent; *new_draft* names a job that has no name for the browser's memory yet."""
    given = {name: value.strip() for name, value in sent}
    switches = frozenset(name for name in SWITCHES if name in given) if DRAFT in given else ON_AT_FIRST
    texts = {DRAFT: new_draft} | {name: given[name] for name in TEXTS if given.get(name)}
    return Typed(texts, _of_kind(given.get("kind", ""), switches))


def _of_kind(kind: str, switches: frozenset[str]) -> frozenset[str]:
    """The first page offers the one-time export as a kind of its own."""
    if kind == "once":
        return switches | ONCE
    return switches - {"backfill_only"} if kind == "live" else switches


def typed_of(draft: JobDraft, *, new_draft: str) -> Typed:
    """Return what would have to be typed for a copy of the job that *draft* describes."""
    config = draft.config or {}
    mapp, lytics = draft.auth_ids or ("", "")
    name = (draft.name or "")[: LONGEST_TEXT - len(COPY)] + COPY
    texts = {DRAFT: new_draft, "name": name, "description": draft.description or "", MAPP: mapp, LYTICS: lytics}
    texts |= {key: str(config[key]).removesuffix(".0") for key in (*CONFIG_TEXTS, *NUMBERS)}
    texts["reconcile_hours"] = texts["reconcile_hours"] if config["reconcile_hours"] else ""
    return Typed(
        {key: text for key, text in texts.items() if text}, frozenset(key for key in SWITCHES if config.get(key))
    )


def _number(name: str, text: str) -> object:
    """Return the number, or the text itself where it is none: the service then says what is wrong with it."""
    try:
        return NUMBERS[name](text)
    except ValueError:
        return text
