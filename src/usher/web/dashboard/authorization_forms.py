"""
What the forms of an authorization are made of, and how they become a draft.

A secret goes in and never comes out: a form shows one again only to whoever has just typed it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from usher.errors import Problem
from usher.jobs.credentials import LYTICS_URL, MOST_IN_FLIGHT
from usher.jobs.drafts import AuthDraft, read_auth_draft
from usher.jobs.vendors import LYTICS, MAPP
from usher.mapp.address import integration_in
from usher.store.authorizations import Authorization
from usher.web.dashboard.forms import Form

LABELS = {
    "label": "Label",
    "description": "Description",
    "api_url": "API URL",
    "integration_id": "Integration ID",
    "secret": "Secret",
    "rest_api_url": "REST API URL",
    "user": "REST user",
    "password": "REST password",
    "token": "Access token",
    "requests_per_second": "Requests a second",
    "max_in_flight": "Requests at once",
    "type": "Provider",
}
MENDS = {
    "requests_per_second": "Type a number above 0, or leave it blank for no limit of yours.",
    "max_in_flight": f"Type a whole number from 1 to {MOST_IN_FLIGHT}, or leave it blank.",
}  # what the API says in JSON's words
READ_BACK = ("rest_api_url", "user", "password")
LIMITS = ("requests_per_second", "max_in_flight")
FIELDS = {
    MAPP: ("label", "description", "api_url", "integration_id", "secret", *READ_BACK, *LIMITS),
    LYTICS: ("label", "description", "api_url", "token"),
}
NAMES = re.compile(r"\b(rest_)?api_url\b")  # what the API calls an address
Values = dict[str, str]


def values_typed(form: Form, provider: str) -> Values:
    """Return what was typed, the integration ID too where it was copied along with the address."""
    typed = {name: form.get(name) for name in FIELDS[provider]}
    if provider == MAPP and not typed["integration_id"]:
        typed["integration_id"] = integration_in(typed["api_url"])
    return typed


def values_kept(auth: Authorization) -> Values:
    """Return what a form for changing *auth* shows first; secrets stay blank."""
    kept = {name: auth.config.get(name) for name in FIELDS[auth.provider]}
    texts = {
        name: "" if value is None else f"{value:g}" if _is_number(value) else str(value) for name, value in kept.items()
    }
    return texts | {"label": auth.label, "description": auth.description}


def values_new(provider: str, taken: Iterable[str]) -> Values:
    """Return what a form for a new authorization shows first: a label that is free, and the vendor's usual address."""
    blank = dict.fromkeys(FIELDS[provider], "")
    address = {"api_url": LYTICS_URL} if provider == LYTICS else {}
    return blank | {"label": _free_label(provider.capitalize(), set(taken))} | address


def draft_from(values: Mapping[str, str], provider: str) -> AuthDraft:
    """Return what *values* ask for; where they name no REST user, Mapp is not read back."""
    config: dict[str, Any] = {
        name: text for name, text in values.items() if text and name not in {"label", "description"}
    }
    limits = {name: _number(values[name]) for name in LIMITS if name in values}
    body = {"label": values["label"], "description": values["description"], "config": config | limits}
    return read_auth_draft(body, kind=type_of(values, provider))


def draft_of_secrets(typed: Mapping[str, str], auth: Authorization) -> AuthDraft:
    """Return a draft that replaces the secrets that were typed, and nothing else."""
    return read_auth_draft({"config": {name: text for name, text in typed.items() if text}}, kind=auth.type)


def type_of(values: Mapping[str, str], provider: str) -> str:
    if provider == LYTICS:
        return "lytics-token"
    return "userpass-secret" if any(values[name] for name in READ_BACK) else "integration-secret"


def at_fields(problems: Iterable[Problem]) -> dict[str, Problem]:
    """Return the first problem of each field, in words that also stand alone: "Secret is required."."""
    found: dict[str, Problem] = {}
    for one in problems:
        name = one.field.removeprefix("config.")
        said = NAMES.sub(lambda match: f"the {LABELS[match.group()]}", one.problem)
        found.setdefault(name, Problem(name, f"{LABELS.get(name, name)} {said}", MENDS.get(name, one.mend)))
    return found


def _number(text: str) -> object:
    """Return the number, None for a blank, and what is no number as it is: the service says what is wrong with it."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _free_label(label: str, taken: set[str]) -> str:
    number = 2
    free = label
    while free in taken:
        free, number = f"{label} {number}", number + 1
    return free
