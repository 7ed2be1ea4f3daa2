"""
An alert channel as somebody wants it: read from a body or a form, with every problem at once, each naming its field.

What is left out stays as it was. A new mail server needs the password again, so that nobody can have a kept one sent
elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.addresses import check_url
from usher.alerts.signing import key_in
from usher.alerts.smtp import PORTS, SECURITIES
from usher.domain.alert import Level
from usher.errors import InvalidInput, Problem

LONGEST_NAME, LONGEST_TEXT = 100, 2_000
MOST_RECEIVERS = 20
SLACK = "https://hooks.slack.com/"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
USUAL_SECURITY, USUAL_PORT = "starttls", 587
PLACE = ("host", "port", "security")  # where a password goes
KEYS = ("name", "type", "level", "config")
SETTINGS: dict[str, tuple[str, ...]] = {
    "email": ("host", "port", "security", "user", "from", "to"),
    "slack": (),
    "webhook": ("url",),
}  # by type: what may be shown
SECRETS = {"email": "password", "slack": "url", "webhook": "secret"}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """What somebody asks for; None is left out. *config* holds secrets, and is in no repr."""

    name: str | None
    type: str | None
    level: str | None
    config: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Read:
    """A channel that is valid in itself; *secret* is None where the kept one stays."""

    name: str
    type: str
    level: Level
    config: dict[str, Any]
    secret: str | None = field(repr=False)


def read_draft(body: Mapping[str, Any]) -> ChannelDraft:
    """
    Return what *body* asks for.

    Raises:
        InvalidInput: its shape is wrong; every problem.
    """
    problems = [_unknown(key, KEYS) for key in body if key not in KEYS]
    texts = {key: body.get(key) for key in ("name", "type", "level")}
    problems += [
        Problem(key, "must be text.", "Send a JSON string.")
        for key, value in texts.items()
        if not isinstance(value, str | None)
    ]
    config = body.get("config")
    if not isinstance(config, Mapping | None):
        problems.append(Problem("config", "must be an object.", "Send the channel's settings by name."))
    if problems:
        raise InvalidInput(*problems)
    return ChannelDraft(**texts, config=config or {})


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of the channel that is changed."""

    name: str
    type: str
    level: Level
    config: Mapping[str, Any]


def check_draft(draft: ChannelDraft, *, held: Held | None, allow_http: bool, allow_private: bool) -> Read:
    """
    Return the channel that *draft* makes of what is *held* (None: a new one).

    Raises:
        InvalidInput: every problem.
    """
    problems: list[Problem] = []
    name = _name(draft, held, problems)
    kind = _type(draft, held, problems)
    level = _level(draft, held, problems)
    if kind is None:
        raise InvalidInput(*problems)
    given = {key: value.strip() if isinstance(value, str) else value for key, value in draft.config.items()}
    known = (*SETTINGS[kind], SECRETS[kind])
    problems += [_unknown(f"config.{str(key)[:64]}", known) for key in given if key not in known]
    secret = _secret(given, kind, problems)
    kept = held.config if held is not None else {}
    whole = {key: given[key] if given.get(key) is not None else kept.get(key) for key in SETTINGS[kind]}
    if kind == "email":
        _check_email(whole, problems, allow_private=allow_private)
        _guard_password(whole, kept, secret, problems)
    elif kind == "slack":
        _check_slack(secret, held, problems, allow_http=allow_http, allow_private=allow_private)
    else:
        _check_webhook(whole, secret, problems, allow_http=allow_http, allow_private=allow_private)
    if problems:
        raise InvalidInput(*problems)
    return Read(name, kind, level, whole, secret)


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    return Problem(str(name)[:80], "is not known here.", f"Known: {', '.join(known)}.")


def _name(draft: ChannelDraft, held: Held | None, problems: list[Problem]) -> str:
    name = draft.name.strip() if draft.name is not None else (held.name if held else "")
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        problems.append(Problem("name", f"must be 1 to {LONGEST_NAME} printable characters.", "Choose another name."))
    return name


def _type(draft: ChannelDraft, held: Held | None, problems: list[Problem]) -> str | None:
    if held is not None and draft.type not in (None, held.type):
        problems.append(Problem("type", "cannot change.", "Add another channel instead."))
    kind = held.type if held is not None else draft.type
    if kind not in SETTINGS:
        problems.append(Problem("type", "is not a type of channel.", f"One of {', '.join(SETTINGS)}."))
        return None
    return kind


def _level(draft: ChannelDraft, held: Held | None, problems: list[Problem]) -> Level:
    level = draft.level if draft.level is not None else (held.level if held else Level.WARNING)
    if level not in list(Level):
        problems.append(Problem("level", "is not a level.", f"One of {', '.join(Level)}."))
        return Level.WARNING
    return Level(level)


def _secret(given: Mapping[str, Any], kind: str, problems: list[Problem]) -> str | None:
    name = SECRETS[kind]
    value = given.get(name)
    if value in (None, ""):
        return None
    if not (isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT):
        problems.append(Problem(f"config.{name}", "is not text that can be used.", "Copy it again; it is one line."))
        return None
    return value


def _check_email(whole: dict[str, Any], problems: list[Problem], *, allow_private: bool) -> None:
    whole["security"] = whole["security"] or USUAL_SECURITY
    whole["port"] = USUAL_PORT if whole["port"] in (None, "") else whole["port"]
    whole["user"] = whole["user"] or ""
    host, port = whole["host"], whole["port"]
    if not (isinstance(host, str) and _HOST.fullmatch(host)):
        problems.append(Problem("config.host", "is not a host.", "Write the mail server's name: smtp.example.com."))
    else:
        url = f"https://[{host}]/" if ":" in host else f"https://{host}/"
        found = check_url(url, field="config.host", allow_http=False, allow_private=allow_private)
        problems += [found] if found else []
    if not (isinstance(port, int) and not isinstance(port, bool) and (port in PORTS or 1023 < port < 65_536)):
        problems.append(Problem("config.port", "is not a port for mail.", "587 with STARTTLS, 465 with TLS."))
    if whole["security"] not in SECURITIES:
        problems.append(Problem("config.security", "is not known.", f"One of {', '.join(SECURITIES)}."))
    elif whole["security"] == "none" and host not in LOOPBACK:
        mend = "Choose starttls or tls; without either, only this machine's own mail server (127.0.0.1) is spoken to."
        problems.append(Problem("config.security", "would send in the clear.", mend))
    if not (isinstance(whole["user"], str) and whole["user"].isprintable() and len(whole["user"]) <= LONGEST_TEXT):
        problems.append(Problem("config.user", "is not text that can be used.", "Copy it again; it is one line."))
    if not _is_address(whole["from"]):
        problems.append(Problem("config.from", "is not an e-mail address.", "Write it as usher@example.com."))
    _check_receivers(whole, problems)


def _check_receivers(whole: dict[str, Any], problems: list[Problem]) -> None:
    to = whole["to"]
    if isinstance(to, str):
        to = [one for one in re.split(r"[,;\s]+", to) if one]
    if not (isinstance(to, list) and 1 <= len(to) <= MOST_RECEIVERS and all(_is_address(one) for one in to)):
        mend = f"Write 1 to {MOST_RECEIVERS} addresses, as ops@example.com."
        problems.append(Problem("config.to", "is not a list of e-mail addresses.", mend))
    whole["to"] = to


def _is_address(text: object) -> bool:
    return isinstance(text, str) and bool(_ADDRESS.fullmatch(text)) and ".." not in text


def _guard_password(
    whole: Mapping[str, Any], kept: Mapping[str, Any], secret: str | None, problems: list[Problem]
) -> None:
    if not whole["user"] or secret is not None:
        return
    if not kept.get("user"):
        problems.append(Problem("config.password", "is required with a user.", "Enter that user's password."))
    elif [kept.get(key) for key in PLACE] != [whole[key] for key in PLACE]:
        mend = "Enter it once more."
        problems.append(Problem("config.password", "must be given again, because the server changes.", mend))


def _check_slack(
    secret: str | None, held: Held | None, problems: list[Problem], *, allow_http: bool, allow_private: bool
) -> None:
    if secret is None:
        if held is None:
            problems.append(Problem("config.url", "is required.", "Copy the webhook URL of the Slack app."))
        return
    found = check_url(secret, field="config.url", allow_http=allow_http, allow_private=allow_private)
    if found is None and not secret.startswith(SLACK) and not (allow_http or allow_private):
        found = Problem("config.url", "is not Slack's.", f"It begins with {SLACK}; for others choose webhook.")
    problems += [found] if found else []


def _check_webhook(
    whole: Mapping[str, Any], secret: str | None, problems: list[Problem], *, allow_http: bool, allow_private: bool
) -> None:
    url = whole["url"]
    if not isinstance(url, str) or not url:
        problems.append(Problem("config.url", "is required.", "Write it as https://host/path."))
    else:
        found = check_url(url, field="config.url", allow_http=allow_http, allow_private=allow_private)
        problems += [found] if found else []
    if secret is not None:
        try:
            key_in(secret)
        except ValueError:
            mend = "whsec_ and base64 of 24 to 64 bytes; leave it out to have one made."
            problems.append(Problem("config.secret", "is not a secret of Standard Webhooks.", mend))
