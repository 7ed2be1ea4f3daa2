"""What each type of authorization is made of: its settings, its secrets, and which of them must be given."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from usher.addresses import check_url
from usher.errors import InvalidInput, Problem
from usher.jobs.vendors import LYTICS, MAPP
from usher.mapp.address import integration_in, normalised, normalised_rest, without_query

LYTICS_URL = "https://api.lytics.io"
LONGEST_TEXT = 2_000
MOST_PER_SECOND = 100_000
MOST_IN_FLIGHT = 256  # a sixteenth of what http.GuardedHttp holds at once, so that nobody waits for a connection


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One type of authorization.

    Args:
        settings: what may be shown, besides the limits.
        secrets: what is sealed, and never shown.
        guarded: for each address, the secret that would go there, so that it must be given again with a new one.
        optional: what may be left out.
    """

    provider: str
    settings: tuple[str, ...]
    secrets: tuple[str, ...]
    guarded: Mapping[str, str]
    optional: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.settings, *self.secrets, *self.limits)


_LIMITS = ("requests_per_second", "max_in_flight")
KINDS = {
    "integration-secret": Kind(
        MAPP, ("api_url", "integration_id"), ("secret",), guarded={"api_url": "secret"}, limits=_LIMITS
    ),
    "userpass-secret": Kind(
        MAPP,
        ("api_url", "integration_id", "rest_api_url"),
        ("secret", "user", "password"),
        guarded={"api_url": "secret", "rest_api_url": "password"},
        limits=_LIMITS,
    ),
    "lytics-token": Kind(LYTICS, ("api_url",), ("token",), guarded={"api_url": "token"}, optional=("api_url",)),
}


def kind_of(name: str | None, problems: list[Problem]) -> Kind | None:
    """Return the type of authorization by that name, or None with a problem where there is none."""
    kind = KINDS.get(name or "")
    if kind is None:
        problems.append(Problem("type", "is not a type of authorization.", f"One of {', '.join(KINDS)}."))
    return kind


@dataclass(frozen=True, slots=True)
class Credentials:
    """An authorization's configuration, valid in itself. *config* is what may be shown."""

    config: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def read_credentials(
    kind: Kind,
    raw: Mapping[str, Any],
    problems: list[Problem],
    *,
    allow_http: bool,
    allow_private: bool,
    held: Credentials | None = None,
) -> Credentials:
    """
    Return the credentials that *raw* spells; what it leaves out is taken from *held*. Adds to *problems*.

    An integration ID that is left blank is taken from Mapp's address, where that was copied with it.
    Where there are problems, what is returned is of no use.
    """
    tidy = {key: value.strip() if isinstance(value, str) else value for key, value in raw.items()}
    for key in ("api_url", "rest_api_url") if kind.provider == MAPP else ():
        tidy |= {key: without_query(tidy[key])} if isinstance(tidy.get(key), str) else {}
    if "integration_id" in kind.settings and not tidy.get("integration_id"):
        tidy["integration_id"] = integration_in(str(tidy.get("api_url") or ""))
    found = [
        Problem(f"config.{str(key)[:64]}", "is not a setting of this type.", f"Known: {', '.join(kind.keys)}.")
        for key in tidy
        if key not in kind.keys
    ]
    kept = {**held.config, **held.secrets} if held is not None else {}
    whole = {key: tidy[key] if tidy.get(key) not in (None, "") else kept.get(key) for key in kind.keys}
    whole |= {key: tidy[key] for key in kind.limits if key in tidy}
    if kind.provider == LYTICS and not whole["api_url"]:
        whole["api_url"] = LYTICS_URL
    found += _texts(kind, whole) + _limits(kind, whole)
    found += _addresses(kind, whole, allow_http=allow_http, allow_private=allow_private)
    found += _guarded(kind, whole, tidy, kept)
    problems += found
    if found:
        return Credentials({}, {})
    return Credentials(
        config={key: whole[key] for key in (*kind.settings, *kind.limits) if whole[key] is not None},
        secrets={key: str(whole[key]) for key in kind.secrets},
    )


def _texts(kind: Kind, whole: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for key in (*kind.settings, *kind.secrets):
        value = whole[key]
        if value is None and key not in kind.optional:
            problems.append(Problem(f"config.{key}", "is required.", "Enter it as the vendor shows it."))
        elif value is not None and not (isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT):
            mend = "Copy it again; it is one line of text."
            problems.append(Problem(f"config.{key}", "is not text that can be used.", mend))
    token = whole.get("token")
    if isinstance(token, str) and (not token.isascii() or " " in token):
        problems.append(Problem("config.token", "is not a token.", 'Copy it again, without "Bearer".'))
    return problems


def _limits(kind: Kind, whole: Mapping[str, Any]) -> list[Problem]:
    problems = []
    rate, in_flight = whole.get("requests_per_second"), whole.get("max_in_flight")
    if "requests_per_second" in kind.limits and rate is not None and not _is_rate(rate):
        mend = f"Above 0, at most {MOST_PER_SECOND}; null for no limit of ours."
        problems.append(Problem("config.requests_per_second", "is not a rate.", mend))
    is_count = isinstance(in_flight, int) and not isinstance(in_flight, bool) and 1 <= in_flight <= MOST_IN_FLIGHT
    if "max_in_flight" in kind.limits and in_flight is not None and not is_count:
        mend = f"A whole number from 1 to {MOST_IN_FLIGHT}; null for the default."
        problems.append(Problem("config.max_in_flight", "is out of range.", mend))
    return problems


def _is_rate(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 < value <= MOST_PER_SECOND


def _addresses(kind: Kind, whole: dict[str, Any], *, allow_http: bool, allow_private: bool) -> list[Problem]:
    problems = []
    for key in kind.guarded:
        if not isinstance(whole.get(key), str):
            continue
        try:
            address = NORMALISED[kind.provider, key](whole[key])
        except InvalidInput as error:
            problems += [Problem(f"config.{key}", p.problem, p.mend) for p in error.problems]
            continue
        problem = _bare_name(whole[key], address, field=f"config.{key}", allow_private=allow_private) or check_url(
            address, field=f"config.{key}", allow_http=allow_http, allow_private=allow_private
        )
        problems += [problem] if problem else []
    if kind.provider == LYTICS and not problems and isinstance(whole["api_url"], str):
        whole["api_url"] = _lytics_address(whole["api_url"])
    return problems


def _bare_name(typed: str, address: str, *, field: str, allow_private: bool) -> Problem | None:
    """A word is no vendor's address; a private network's names may have no dot, and are written with their scheme."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return None  # another problem names it
    is_bare = bool(host) and "." not in host and ":" not in host and host != "localhost"
    if not is_bare or (allow_private and "://" in typed):
        return None
    return Problem(field, "names a host without a dot.", "Write the whole address, as https://host.example/path.")


def _lytics_address(typed: str) -> str:
    """Lytics' API up to, not including, its version, however it was copied."""
    address = (typed if "://" in typed else f"https://{typed}").rstrip("/")
    return address.removesuffix("/v2").removesuffix("/api")


NORMALISED: dict[tuple[str, str], Callable[[str], str]] = {
    (MAPP, "api_url"): lambda typed: normalised(typed).url,
    (MAPP, "rest_api_url"): normalised_rest,
    (LYTICS, "api_url"): _lytics_address,
}


def _guarded(kind: Kind, whole: Mapping[str, Any], given: Mapping[str, Any], kept: Mapping[str, Any]) -> list[Problem]:
    """A kept secret must not follow an address that somebody else could have changed."""
    return [
        Problem(f"config.{secret}", f"must be given again, because {address} changes.", "Enter it once more.")
        for address, secret in kind.guarded.items()
        if kept.get(address) and not given.get(secret) and not _is_same(kind, address, kept, whole)
    ]


def _is_same(kind: Kind, address: str, kept: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    normal = NORMALISED[kind.provider, address]
    try:
        return normal(kept[address]) == normal(whole[address])
    except (InvalidInput, TypeError, AttributeError):
        return True  # another problem names it
