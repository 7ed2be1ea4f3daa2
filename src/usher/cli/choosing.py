"""Which job or authorization somebody means: an id, the unique beginning of one, or a unique name."""

from typing import Any

from usher.cli.api import Api
from usher.errors import Conflict, InvalidInput, NotFound, Problem

SHORTEST_PREFIX = 4


def chosen(things: list[dict[str, Any]], text: str, *, kind: str, name_key: str, listing: str) -> dict[str, Any]:
    """
    Return the one of *things* that *text* means.

    Args:
        kind: what they are called, in a message.
        listing: the command that lists them.

    Raises:
        NotFound: none is meant. Conflict: several are; say more of the id.
    """
    same = [thing for thing in things if thing["id"] == text]
    named = [thing for thing in things if thing[name_key] == text]
    begun = [thing for thing in things if len(text) >= SHORTEST_PREFIX and thing["id"].startswith(text)]
    for found in (same, named, begun):
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(thing["id"][:12] for thing in found[:5])
            raise Conflict(f"{text!r} means {len(found)} {kind}s ({ids}). Say more of the id.")
    raise NotFound(f"There is no {kind} {text!r}. List them with `{listing}`.")


async def job_named(api: Api, text: str) -> dict[str, Any]:
    """Return the job that *text* means; deleted ones by their whole id only."""
    jobs = await api.every("/v2/job", {"show_all": "true"})
    living = [job for job in jobs if not job["deleted"] or job["id"] == text]
    return chosen(living, text, kind="job", name_key="name", listing="usher job list --all")


async def authorization_named(api: Api, text: str) -> dict[str, Any]:
    auths = await api.get("/v2/auth")
    return chosen(auths, text, kind="authorization", name_key="label", listing="usher auth list")


async def labels_of(api: Api) -> dict[str, str]:
    """Return what the authorizations are called, by their ids."""
    return {auth["id"]: auth["label"] for auth in await api.get("/v2/auth")}


async def authorization_of(api: Api, provider: str, text: str | None) -> dict[str, Any]:
    """
    Return the authorization of *provider* ("mapp", "lytics") that *text* means; without one the only one there is.

    Raises:
        NotFound: none is meant. Conflict: several are.
        InvalidInput: nothing was said, and there are several or none.
    """
    if text is not None:
        return await authorization_named(api, text)
    found: list[dict[str, Any]] = [auth for auth in await api.get("/v2/auth") if auth["provider_slug"] == provider]
    if len(found) == 1:
        return found[0]
    mend = f"Name one of the {len(found)}." if found else f"Add one first (`usher auth add {provider}`)."
    raise InvalidInput(Problem(f"--{provider}", "is needed.", mend))


async def authorizations_for(api: Api, *, mapp: str | None, lytics: str | None) -> list[str]:
    """
    Return the ids of the authorizations for a new job: those named, else the only one of a provider.

    What cannot be chosen is left out, and a name that nothing has goes as it is: the service says what is wrong with
    either, together with every other problem of the job.

    Raises:
        Conflict: a name means several.
    """
    auths = await api.get("/v2/auth")
    ids = [_meant(auths, "mapp", mapp), _meant(auths, "lytics", lytics)]
    return [auth_id for auth_id in ids if auth_id is not None]


def _meant(auths: list[dict[str, Any]], provider: str, text: str | None) -> str | None:
    if text is None:
        found = [auth for auth in auths if auth["provider_slug"] == provider]
        return str(found[0]["id"]) if len(found) == 1 else None
    try:
        return str(chosen(auths, text, kind="authorization", name_key="label", listing="usher auth list")["id"])
    except NotFound:
        return text
