"""
How a job changes: its name at any time, the rest after the same checks that a new job passes.

What a draft leaves out stays as it is. The audience, the identifier field and the letter case in which identifiers
are taken decide who the ledger's members are, so they cannot change; a new place in Mapp means that everybody is owed
again.
"""

from dataclasses import asdict, dataclass
from typing import Any

from usher.access.roles import Actor
from usher.domain.attribute import Target
from usher.domain.configuration import read_config
from usher.domain.job import Cause, Event, Job, JobConfig, Status, Webhook, next_status
from usher.domain.notes import LogEntry
from usher.errors import Conflict, InvalidInput, Problem
from usher.jobs.collisions import integration_of, place_of, refuse_collision
from usher.jobs.creating import check_job, first_scan
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft
from usher.jobs.vendors import LYTICS, MAPP
from usher.jobs.webhooks import ENDED, in_step, remove_webhook
from usher.mapp.wire import attribute_key
from usher.store import jobs, notes, scans
from usher.store.authorizations import Authorization, all_authorizations, authorization_by_id
from usher.store.database import Txn

FIXED = {
    "segment_id": "audience",
    "uid_field": "identifier field",
    "lowercase_identifiers": "way to read identifiers",
}
CLONE = "Clone this job's configuration into a new job, and end this one."
CREDENTIALS = frozenset({Cause.MAPP_CREDENTIALS, Cause.MAPP_INTEGRATION, Cause.LYTICS_CREDENTIALS})


@dataclass(frozen=True, slots=True)
class Edited:
    """The job as it is now, and what somebody should know about the change."""

    job: Job
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Plan:
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


async def edit_job(desk: Desk, actor: Actor, job_id: str, draft: JobDraft) -> Edited:
    """
    Change a job. Name and description always work; so does whatever no vendor need be asked about.

    Raises:
        NotFound: there is no such job.
        InvalidInput: every problem; nothing was changed.
        Conflict: it has ended, somebody changed it meanwhile, or a live job writes the new attribute.
        Unavailable: what would change must be checked, and Mapp or Lytics cannot be reached.

    Idempotent: yes; the same change again changes nothing.
    """
    job = await desk.database.read(lambda txn: jobs.job_by_id(txn, job_id))
    if job.status in ENDED:
        raise Conflict(f"A {job.status} job cannot be changed. Clone its configuration into a new one.")
    plan = await _plan(desk, job, draft)
    if plan.needs_check:
        await check_job(desk, plan.draft, job_id=job.id)

    fresh, said = await desk.database.write(lambda txn: _change(txn, plan, actor=actor))
    desk.refresh()
    if plan.lytics_auth != job.lytics_auth:
        await remove_webhook(desk, job)
    return Edited(await in_step(desk, fresh), said)


async def _plan(desk: Desk, job: Job, draft: JobDraft) -> _Plan:
    problems = list(draft.problems)
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
        problems.append(Problem("config.identifier_type", said, CLONE))
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
    return _Plan(job, whole, config, mapp_auth, lytics_auth, is_same)


def _are_one_account(old: Authorization | None, new: Authorization) -> bool:
    return old is not None and integration_of(old) == integration_of(new)


def _given(job: Job, raw: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return what *raw* sets, with the audience by its id; what cannot change is a problem."""
    given = {key: value.strip() if isinstance(value, str) else value for key, value in raw.items()}
    if given.get("segment_id") == job.audience_slug:
        given["segment_id"] = job.config.segment_id
    for key, word in FIXED.items():
        if key in given and given[key] != getattr(job.config, key):
            problems.append(Problem(f"config.{key}", f"cannot change: a job keeps its {word}.", CLONE))
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


def _change(txn: Txn, plan: _Plan, *, actor: Actor) -> tuple[Job, list[str]]:
    job = jobs.job_by_id(txn, plan.job.id)
    if (job.config, job.mapp_auth, job.lytics_auth) != (plan.job.config, plan.job.mapp_auth, plan.job.lytics_auth):
        raise Conflict("Somebody else changed this job at the same time. Look at it again, then repeat your change.")
    if job.status in ENDED:
        raise Conflict(f"The job was {job.status} meanwhile.")
    if job.is_live and plan.needs_check:
        refuse_collision(txn, place_of(authorization_by_id(txn, plan.mapp_auth), plan.target), but=job.id)
    said = _notes(job, plan)
    jobs.change_job(txn, job.key, **_columns(job, plan))
    if plan.is_moving:
        scans.add_sweep(txn, job.key, kind="resend")
    for note in said:
        notes.add_log(txn, LogEntry(job.key, "info", note))
    notes.add_audit(txn, actor=actor.name, action="job.edit", what=job.id, note=", ".join(_changed(job, plan)))
    return jobs.job_by_key(txn, job.key), said


def _columns(job: Job, plan: _Plan) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "name": plan.draft.name,
        "description": plan.draft.description,
        "config": plan.config,
        "mapp_auth": plan.mapp_auth,
        "lytics_auth": plan.lytics_auth,
        "scan_wanted": _scan_wanted(job, plan.config),
    }
    if plan.config.reconcile_hours != job.config.reconcile_hours:
        columns["next_reconcile_ms"] = None
    if plan.lytics_auth != job.lytics_auth:
        columns["webhook"] = Webhook("manual")
    if plan.needs_check and job.status is Status.FAULT and job.cause in CREDENTIALS:
        columns |= {"status": next_status(job.status, Event.MEND), "cause": Cause.NONE, "reason": ""}
    return columns


def _scan_wanted(job: Job, config: JobConfig) -> str:
    """Existing Users switched on wants everybody; how a job begins may change until its first scan is over."""
    if config.withbackfill and not job.config.withbackfill:
        return "backfill"
    if not job.is_baselined and first_scan(config) != first_scan(job.config):
        return first_scan(config)
    return job.scan_wanted


def _changed(job: Job, plan: _Plan) -> list[str]:
    before, after = asdict(job.config), asdict(plan.config)
    changed = [f"config.{key}" for key in after if after[key] != before[key]]
    changed += ["name"] if plan.draft.name != job.name else []
    changed += ["description"] if plan.draft.description != job.description else []
    return changed + (["auth_ids"] if plan.are_accounts_new else [])


def _notes(job: Job, plan: _Plan) -> list[str]:
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
