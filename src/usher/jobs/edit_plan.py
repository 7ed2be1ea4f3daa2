"""
What a job would become: a draft's gaps filled with what the job is, and whatever cannot change refused.

The audience, the identifier field and the letter case in which identifiers are taken decide who the ledger's members
are, so they cannot change; a new place in Mapp means that everybody is owed again.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from usher.domain.attribute import Target
from usher.domain.configuration import read_config
from usher.domain.job import Job, JobConfig
from usher.errors import InvalidInput, Problem
from usher.jobs.collisions import integration_of
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.vendors import LYTICS, MAPP
from usher.mapp.wire import attribute_key
from usher.store.authorizations import Authorization, all_authorizations

FIXED = {
    "segment_id": "audience",
    "uid_field": "identifier field",
    "lowercase_identifiers": "way to read identifiers",
}
DUPLICATE = "Duplicate this job into a new one, and end this one."


@dataclass(frozen=True, slots=True)
class EditPlan:
    """
    What a job is to become.

    Args:
        draft: everything that it will be, nothing left out.
        is_same_account: its Mapp authorization speaks for the same integration as before.
    """

    job: Job
    draft: JobDraft
    config: JobConfig
    mapp_auth: str
    lytics_auth: str
    is_same_account: bool

    @property
    def target(self) -> Target:
        return self.config.target(audience_slug=self.job.audience_slug)

    @property
    def is_moving(self) -> bool:
        """Whether people have to be told again, under another name or to another account."""
        return self.is_place_new or self.target.identifier_type != self.job.target.identifier_type

    @property
    def is_place_new(self) -> bool:
        """Whether it will write another attribute than before."""
        old, new = self.job.target, self.target
        is_key_new = (old.group_id, attribute_key(old)) != (new.group_id, attribute_key(new))
        return is_key_new or not self.is_same_account

    @property
    def are_accounts_new(self) -> bool:
        return (self.mapp_auth, self.lytics_auth) != (self.job.mapp_auth, self.job.lytics_auth)

    @property
    def needs_check(self) -> bool:
        """Whether a vendor has to be asked first."""
        return self.is_moving or self.are_accounts_new


async def plan_edit(desk: Desk, job: Job, draft: JobDraft) -> EditPlan:
    """
    Return what *draft* makes of *job*; no vendor is asked.

    Raises:
        InvalidInput: every problem.
    """
    problems = list(draft.problems)
    if draft.start is not None:
        problems.append(Problem("start", "is for new jobs only.", "Resume or pause this one."))
    if draft.name == "":
        problems.append(Problem("name", "is required.", "Give the job a label."))
    raw = asdict(job.config) | _given(job, draft.config or {}, problems)
    try:
        config = read_config(raw)
    except InvalidInput as error:
        config = job.config
        problems += error.problems
    if config.is_lowercasing != job.config.is_lowercasing:
        said = "cannot change from or to email: this job's identifiers are in lower case as long as they are e-mail."
        problems.append(Problem("config.identifier_type", said, DUPLICATE))
    auths = {auth.id: auth for auth in await desk.database.read(all_authorizations)}
    mapp_auth, lytics_auth = _authorizations(job, draft, auths, problems)
    if problems:
        raise InvalidInput(*problems)
    whole = JobDraft(
        name=draft.name or job.name,
        description=job.description if draft.description is None else draft.description,
        auth_ids=(mapp_auth, lytics_auth),
        config=asdict(config),
    )
    is_same = mapp_auth == job.mapp_auth or _are_one_account(auths.get(job.mapp_auth), auths[mapp_auth])
    return EditPlan(job, whole, config, mapp_auth, lytics_auth, is_same)


def _are_one_account(old: Authorization | None, new: Authorization) -> bool:
    return old is not None and integration_of(old) == integration_of(new)


def _given(job: Job, raw: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return what *raw* sets, with the audience by its id; what cannot change is a problem."""
    given = {key: value.strip() if isinstance(value, str) else value for key, value in raw.items()}
    if given.get("segment_id") == job.audience_slug:
        given["segment_id"] = job.config.segment_id
    for key, word in FIXED.items():
        if key in given and given[key] != getattr(job.config, key):
            problems.append(Problem(f"config.{key}", f"cannot change: a job keeps its {word}.", DUPLICATE))
            del given[key]
    return given


def _authorizations(
    job: Job, draft: JobDraft, auths: dict[str, Authorization], problems: list[Problem]
) -> tuple[str, str]:
    """Return the authorizations that the draft names; the job's own stand in for those that it does not."""
    named = draft.auth_ids or ()
    chosen = {MAPP: job.mapp_auth, LYTICS: job.lytics_auth}
    for auth_id in named:
        if auth_id in chosen.values():
            continue
        auth = auths.get(auth_id)
        if auth is None:
            mend = "List them with `usher auth list`."
            problems.append(Problem("auth_ids", f"There is no authorization {auth_id[:64]!r}.", mend))
        elif chosen[auth.provider] in named:
            problems.append(Problem("auth_ids", "names two authorizations of one provider.", "Name one of each."))
        else:
            chosen[auth.provider] = auth_id
    return chosen[MAPP], chosen[LYTICS]


def mark_of(job: Job) -> str:
    """Return a mark of everything about *job* that an edit may change; it is another once anything of it is."""
    seen = (job.name, job.description, job.mapp_auth, job.lytics_auth, sorted(asdict(job.config).items()))
    return sha256(repr(seen).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changes; *field* is a dotted path as in the API's body."""

    field: str
    old: Any
    new: Any


def changes_of(job: Job, plan: EditPlan) -> list[Change]:
    """Return what *plan* changes of *job*, settings first."""
    before, after = asdict(job.config), asdict(plan.config)
    changes = [Change(f"config.{key}", before[key], after[key]) for key in after if after[key] != before[key]]
    others = [
        Change("name", job.name, plan.draft.name),
        Change("description", job.description, plan.draft.description),
        Change("auth_ids", [job.mapp_auth, job.lytics_auth], [plan.mapp_auth, plan.lytics_auth]),
    ]
    return changes + [change for change in others if change.old != change.new]


def notes_of(job: Job, plan: EditPlan) -> list[str]:
    """Return what somebody should know about the change."""
    said = []
    if plan.is_moving:
        key, group = attribute_key(plan.target), plan.config.group_id
        said.append(f"Everybody who was told is owed again, as {key!r} in group {group}.")
    if plan.is_place_new:
        key, group = attribute_key(job.target), job.config.group_id
        said.append(f"The old attribute {key!r} of group {group} stays in Mapp as it is; Usher writes it no more.")
    if plan.config.create_users and not job.config.create_users:
        said.append("People whom Mapp does not know are created from now on; resend to create those it passed over.")
    if job.config.withbackfill and not plan.config.withbackfill:
        said.append("Existing Users is off from now on; whoever is owed already is still sent.")
    return said
