"""Which two authorizations a job uses: one of Mapp, one of Lytics; the latter is found by itself where there is one."""

from dataclasses import dataclass, replace

from usher.errors import Problem
from usher.jobs.vendors import LYTICS, MAPP, SYSTEMS
from usher.store.authorizations import Authorization

FIELD = "auth_ids"


@dataclass(frozen=True, slots=True)
class Chosen:
    """None stands for what could not be chosen; *problems* says why."""

    mapp: Authorization | None
    lytics: Authorization | None
    problems: tuple[Problem, ...]


def choose(auth_ids: tuple[str, ...] | None, *, among: list[Authorization]) -> Chosen:
    """Return the authorizations that *auth_ids* names, in whatever order."""
    known = {auth.id: auth for auth in among}
    problems = [
        Problem(FIELD, f"There is no authorization {auth_id[:64]!r}.", "List them with `usher auth list`.")
        for auth_id in auth_ids or ()
        if auth_id not in known
    ]
    named = [known[auth_id] for auth_id in auth_ids or () if auth_id in known]
    mapp, lytics = (_only(provider, named, problems) for provider in (MAPP, LYTICS))
    if mapp is None and not problems:
        problems.append(_none_named(MAPP, among))
    if lytics is None and not any(auth.provider == LYTICS for auth in named):
        lytics = _the_one(LYTICS, among, problems)
    return Chosen(mapp, lytics, tuple(problems))


def _only(provider: str, named: list[Authorization], problems: list[Problem]) -> Authorization | None:
    found = [auth for auth in named if auth.provider == provider]
    if len(found) > 1:
        problems.append(Problem(FIELD, f"names {len(found)} authorizations of {SYSTEMS[provider]}.", "Name one."))
    return found[0] if len(found) == 1 else None


def _the_one(provider: str, among: list[Authorization], problems: list[Problem]) -> Authorization | None:
    found = [auth for auth in among if auth.provider == provider]
    if len(found) == 1:
        return found[0]
    problems.append(_none_named(provider, among))
    return None


def _none_named(provider: str, among: list[Authorization]) -> Problem:
    count = sum(auth.provider == provider for auth in among)
    mend = f"Name one of the {count} (--{provider})." if count else f"Add one first (`usher auth add {provider}`)."
    return Problem(FIELD, f"names no authorization of {SYSTEMS[provider]}.", mend)


def choose_lytics(auth_id: str | None, *, among: list[Authorization]) -> Authorization | Problem:
    """Return the Lytics authorization by that id, or the only one there is, or what speaks against either."""
    problems: list[Problem] = []
    if auth_id is None:
        return _the_one(LYTICS, among, problems) or replace(problems[0], field="auth_id")
    found = next((auth for auth in among if auth.id == auth_id and auth.provider == LYTICS), None)
    return found or Problem("auth_id", "is no authorization of Lytics.", "List them with `usher auth list`.")
