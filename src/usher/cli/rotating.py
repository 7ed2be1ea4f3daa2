"""`usher auth rotate`: what is to change, from what was named, what the environment holds, and what a person types."""

from collections.abc import Mapping
from typing import Any

from usher.cli.secrets import asked_secret, may_ask
from usher.errors import InvalidInput, Problem

READ_BACK = ("rest_api_url", "user", "password")
VARIABLES = {  # never USHER_*: those are the service's own settings
    "integration-secret": {"secret": "MAPP_SECRET"},
    "userpass-secret": {"secret": "MAPP_SECRET", "password": "MAPP_PASSWORD"},
    "lytics-token": {"token": "LYTICS_API_TOKEN"},
}


def kind_after(kind: str, named: Mapping[str, Any]) -> str:
    """Return the type that an authorization of the type *kind* has afterwards: to read back takes userpass-secret."""
    reads_back = any(key in named for key in READ_BACK)
    return "userpass-secret" if kind == "integration-secret" and reads_back else kind


def without_limits(named: Mapping[str, Any], *, removed: tuple[str, ...]) -> dict[str, Any]:
    """
    Return what was named, and the *removed* limits as null.

    Raises:
        InvalidInput: a limit is to be set and removed at once; give one of the two options.
    """
    if both := [limit for limit in removed if limit in named]:
        options = [f"--{limit.replace('_', '-')}" for limit in both]
        raise InvalidInput(*(Problem(o, "is to be set and removed at once.", "Give one of the two.") for o in options))
    return {**named, **dict.fromkeys(removed)}


def with_environment(named: Mapping[str, Any], kind: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what was named, and the secrets of the type *kind* that *environ* holds; what was named comes first.

    Raises:
        InvalidInput: it holds none of them.
    """
    variables = VARIABLES.get(kind, {})
    held = {key: environ[variable] for key, variable in variables.items() if environ.get(variable)}
    if not held:
        names = " and ".join(variables.values())
        raise InvalidInput(Problem("--from-env", f"finds no {names} in the environment.", "Set it, or leave this out."))
    return {**held, **named}


def with_prompts(named: Mapping[str, Any], *, kind: str, before: str) -> dict[str, Any]:
    """
    Return what was named, and what a person types: the secret where nothing was named, the password where it is new.

    Args:
        kind: the type afterwards, and *before* the change.

    Raises:
        InvalidInput: nothing was named, and there is nobody to ask.
    """
    if not named:
        name, words = ("token", "New token") if kind == "lytics-token" else ("secret", "New secret")
        return {name: asked_secret(None, f"--{name}", words)}
    if kind != before and "password" not in named and may_ask():
        return {**named, "password": asked_secret(None, "--password", "Password")}
    return dict(named)
