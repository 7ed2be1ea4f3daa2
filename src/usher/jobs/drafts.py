"""
What somebody asks for, as read from a request body, before it is known whether it can be had.

Reading never fails: a draft keeps its problems, so that the service that it is handed to can name them together with
those of the configuration. What was left out is None: creating calls for it, changing leaves it as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from unicodedata import category

from usher.domain.configuration import LONGEST_TEXT
from usher.domain.job import Job
from usher.errors import Problem

LONGEST_DESCRIPTION = 2_000
LINE_SPACE = "\n\r\t"
MOST_AUTHORIZATIONS = 10

# Published keys of Lytics' JobRequest that Usher has no use for (facts/lytics.md C3); what they say when set.
UNSUPPORTED = {
    "expires_at": "Usher's jobs do not expire; kill the job when it should end.",
    "quiet_time_of_day": "Usher has no quiet hours; pause and resume the job.",
    "quiet_timezone": "Usher has no quiet hours; pause and resume the job.",
    "quiet_period": "Usher has no quiet hours; pause and resume the job.",
    "drop_events_during_quiet_window": "Usher has no quiet hours and drops nothing.",
    "monitoring": "Watch Usher through /metrics and the job's log instead.",
}
# What Lytics' and Usher's answers carry besides, so that an answer can be sent back changed.
ANSWERED = frozenset(
    {
        "id",
        "account_id",
        "user_id",
        "api_token_auth_id",
        "workflow",
        "workflow_id",
        "status",
        "sleep_until",
        "created",
        "updated",
        "deleted",
        "meta",
        "anomaly_rule",
    }
)
JOB_KEYS = ("name", "description", "auth_ids", "config", "start")
AUTH_LIMITS = ("requests_per_second", "max_in_flight")  # of the configuration, but taken beside it too
AUTH_KEYS = ("type", "label", "description", "config", *AUTH_LIMITS)
AUTH_ANSWERED = ANSWERED | {"provider_id", "provider_slug", "unhealthy", "last_accessed_at"}


@dataclass(frozen=True, slots=True)
class JobDraft:
    """
    A job as somebody wants it; *config* is as it came.

    Args:
        start: False saves a new job without starting it.
    """

    name: str | None
    description: str | None = None
    auth_ids: tuple[str, ...] | None = None
    config: dict[str, Any] | None = None
    start: bool | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthDraft:
    """An authorization as somebody wants it; *config* holds secrets, and is in no repr."""

    type: str | None
    label: str | None
    description: str | None = None
    config: dict[str, Any] | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()


def read_job_draft(body: object) -> JobDraft:
    """Return the job that *body* asks for, with every problem of its shape."""
    if not isinstance(body, Mapping):
        return JobDraft(None, problems=(_NO_OBJECT,))
    problems = _unknown(body, (*JOB_KEYS, *UNSUPPORTED, *ANSWERED), known=JOB_KEYS)
    problems += [Problem(key, "is not supported.", mend) for key, mend in UNSUPPORTED.items() if body.get(key)]
    return JobDraft(
        name=_text(body, "name", problems, longest=LONGEST_TEXT),
        description=_lines(body, "description", problems, longest=LONGEST_DESCRIPTION),
        auth_ids=_ids(body, problems),
        config=_object(body, problems),
        start=_switch(body, "start", problems),
        problems=tuple(problems),
    )


def draft_of(job: Job) -> JobDraft:
    """Return the draft that would make *job* as it is, to be cloned or edited; its audience by its id."""
    return JobDraft(
        name=job.name,
        description=job.description,
        auth_ids=(job.mapp_auth, job.lytics_auth),
        config=asdict(job.config),
    )


def read_auth_draft(body: object, *, kind: str | None = None) -> AuthDraft:
    """
    Return the authorization that *body* asks for, with every problem of its shape.

    Args:
        kind: its type, where the path named it.
    """
    if not isinstance(body, Mapping):
        return AuthDraft(kind, None, problems=(_NO_OBJECT,))
    problems = _unknown(body, (*AUTH_KEYS, *AUTH_ANSWERED), known=AUTH_KEYS)
    return AuthDraft(
        type=_route_name(kind or _text(body, "type", problems, longest=LONGEST_TEXT)),
        label=_text(body, "label", problems, longest=LONGEST_TEXT),
        description=_lines(body, "description", problems, longest=LONGEST_DESCRIPTION),
        config=_with_limits(body, _object(body, problems), problems),
        problems=tuple(problems),
    )


def _with_limits(
    body: Mapping[str, Any], config: dict[str, Any] | None, problems: list[Problem]
) -> dict[str, Any] | None:
    """Return *config* with the limits that stand beside it; null removes one there as it does inside."""
    beside = {key: body[key] for key in AUTH_LIMITS if key in body}
    inside = config or {}
    problems += [
        Problem(key, f"differs from config.{key}.", "Give it once.")
        for key in beside
        if key in inside and inside[key] != beside[key]
    ]
    return {**inside, **beside} if beside else config


_NO_OBJECT = Problem("body", "must be a JSON object.", 'Send {"…": …}.')


def _route_name(kind: str | None) -> str | None:
    """Inferred: a route is its type's name with hyphens (facts/lytics.md D1); either spelling is taken."""
    return None if kind is None else kind.replace("_", "-")


def _unknown(body: Mapping[str, Any], allowed: tuple[str, ...], *, known: tuple[str, ...]) -> list[Problem]:
    return [
        Problem(str(key)[:LONGEST_TEXT], "is not known here.", f"Known: {', '.join(known)}.")
        for key in body
        if key not in allowed
    ]


def _text(body: Mapping[str, Any], key: str, problems: list[Problem], *, longest: int) -> str | None:
    """Return one line of text."""
    return _checked(body, key, problems, longest=longest, is_shown=str.isprintable)


def _lines(body: Mapping[str, Any], key: str, problems: list[Problem], *, longest: int) -> str | None:
    """Return a text that may have several lines, and whatever else a person's keyboard or clipboard puts in."""
    return _checked(body, key, problems, longest=longest, is_shown=_is_lines)


def _is_lines(text: str) -> bool:
    return all(char in LINE_SPACE or category(char) not in {"Cc", "Cs"} for char in text)


def _checked(
    body: Mapping[str, Any], key: str, problems: list[Problem], *, longest: int, is_shown: Callable[[str], bool]
) -> str | None:
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(Problem(key, "must be text.", "Send a JSON string."))
        return None
    text = value.strip()
    if not is_shown(text):
        problems.append(Problem(key, "has characters that cannot be shown.", "Type it again."))
    if len(text) > longest:
        problems.append(Problem(key, f"is longer than {longest} characters.", "Shorten it."))
    return text


def _switch(body: Mapping[str, Any], key: str, problems: list[Problem]) -> bool | None:
    value = body.get(key)
    if value is None or isinstance(value, bool):
        return value
    problems.append(Problem(key, "must be true or false.", "Send a JSON boolean."))
    return None


def _ids(body: Mapping[str, Any], problems: list[Problem]) -> tuple[str, ...] | None:
    value = body.get("auth_ids")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        problems.append(Problem("auth_ids", "must be a list of ids.", 'Send ["<Mapp\'s id>", "<Lytics\' id>"].'))
        return None
    if len(value) > MOST_AUTHORIZATIONS:
        problems.append(Problem("auth_ids", "names too many.", "One of Mapp and one of Lytics."))
        return None
    return tuple(dict.fromkeys(one.strip() for one in value))


def _object(body: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any] | None:
    value = body.get("config")
    if value is None:
        return None
    if not isinstance(value, dict):
        problems.append(Problem("config", "must be a JSON object.", 'Send {"…": …}.'))
        return None
    return value
