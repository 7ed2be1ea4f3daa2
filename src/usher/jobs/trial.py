"""
One person sent to Mapp before a job exists, so that somebody can look there whether it arrives as it should.

A trial keeps the promise that the ledger keeps for jobs: what it may have in flight is written down before it is
sent, and holds the attribute until nothing of it can land any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from usher.access.roles import Actor
from usher.clock import iso_from_ms
from usher.domain.attribute import Target
from usher.domain.identifier import normalise
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopJob, Unknown
from usher.errors import Conflict, InvalidInput, Problem, Unavailable
from usher.jobs.collisions import place_of, place_text, refuse_collision
from usher.jobs.creating import checked
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft, read_job_draft
from usher.jobs.erasing import refuse_erased
from usher.jobs.examining import Examined, examine
from usher.mapp.client import MappClient, PreparedRequest
from usher.mapp.wire import attribute_key
from usher.redact import mask_member
from usher.store import notes
from usher.store.authorizations import Authorization, authorization_by_id
from usher.store.database import Txn
from usher.store.trials import begin_trial, end_trial

EXPIRY_GRAIN_SECONDS = 1.0  # a request's expiry is in whole seconds, so the last one of the room cannot be used
KINDS: dict[type[Outcome], str] = {
    Accepted: "accepted",
    RetryLater: "retry_later",
    Rejected: "rejected",
    Unknown: "unknown",
    Late: "late",
    StopJob: "stop_job",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """
    What came of sending one person.

    Args:
        member: who it was, masked for those who may not see people.
        request: as it was sent, its token masked.
        outcome: "accepted", "retry_later", "rejected", "unknown", "late" or "stop_job".
        answer: Mapp's own words, where it gave any.
        took_ms: from sending to the answer, or to giving up on one.
        sentence: what it means, and the next step.
    """

    member: str = field(repr=False)
    request: PreparedRequest
    outcome: str
    answer: str
    took_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """One person who may be sent; *member* as the job would name them."""

    client: MappClient
    mapp_auth: Authorization
    target: Target
    member: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Room:
    """Until when the request may be sent (monotonic seconds), Mapp may take it (ms), and it may land (ms)."""

    send_by: float
    expires_at_ms: int
    until_ms: int


def read_trial(body: Mapping[str, Any]) -> tuple[JobDraft, str | None]:
    """Return the job that *body* tries out, and whom to send: None for the first whom Lytics shows. Never fails."""
    draft = read_job_draft({key: value for key, value in body.items() if key != "member"})
    member = body.get("member")
    if member is None or isinstance(member, str):
        return draft, member
    problem = Problem("member", "must be text.", "Name one person, or leave it out.")
    return replace(draft, problems=(*draft.problems, problem)), None


async def send_one(
    desk: Desk, actor: Actor, draft: JobDraft, member: str | None = None, *, may_see_people: bool = True
) -> Trial:
    """
    Tell Mapp that one person is inside, as the job that *draft* asks for would.

    Repeat it as the outcome's sentence says: the same value twice is the same as once.

    Args:
        member: one of the first people whom Lytics shows of the audience; None for the very first.

    Raises:
        InvalidInput: what *check_job* would refuse, or nobody by that name is among those whom Lytics shows.
        Conflict: a job or another trial has the attribute, or what was sent there may still land.
        Unavailable: Mapp or Lytics cannot be reached; nothing was sent.
    """
    plan = _plan(await examine(desk, draft), member)
    shown = plan.member if may_see_people else mask_member(plan.member)
    request = plan.client.preview(plan.target, shown, is_in=True)
    room = await _begin(desk, actor, plan)
    began = desk.clock.monotonic()
    outcome = await _outcome(desk, plan, room)
    took_ms = round((desk.clock.monotonic() - began) * 1000)
    if not isinstance(outcome, Unknown):
        await _end(desk, plan, room)
    return Trial(
        member=shown,
        request=request,
        outcome=KINDS[type(outcome)],
        answer="" if isinstance(outcome, Accepted) else outcome.reason,
        took_ms=took_ms,
        sentence=sentence_of(outcome, plan.target, until_ms=room.until_ms),
    )


def sentence_of(outcome: Outcome, target: Target, *, until_ms: int) -> str:
    """Say what *outcome* means for a trial that may land until *until_ms*, and the next step; names nobody."""
    match outcome:
        case Accepted():
            return (
                f"Mapp took it. Look this person up in Mapp: {attribute_key(target)!r} should become 'true' in group"
                f" {target.group_id} soon. Mapp also takes what it then drops, as where the attribute is not mapped."
            )
        case Unknown():
            return (
                "Mapp's answer is not known, so this may have been applied, or may be yet. Nobody is sent to this"
                f" attribute before {iso_from_ms(until_ms)[11:19]} UTC; then try again."
            )
        case Rejected():
            return "Mapp will not take this person as they are. The job would set them aside and go on with the others."
        case StopJob():
            return "Mapp refuses the authorization, so the job could not send to anybody. Mend it first."
        case RetryLater():
            return "Mapp did not take it for now, and nothing was changed. Try again in a moment; a job does so itself."
        case Late():
            return "It came too late for Mapp to take it, and nothing was changed. Try again."


def _plan(seen: Examined, member: str | None) -> _Plan:
    ready = checked(seen)
    assert seen.client is not None
    found = seen.sample.members if seen.sample is not None else ()
    if not found:
        mend = "Use an audience with people in it, and a Lytics token that may read them."
        raise InvalidInput(Problem("member", "cannot be chosen: Lytics shows nobody of this audience.", mend))
    named = found[0] if member is None else normalise(member, lowercase=ready.config.is_lowercasing)
    if named is None or named not in found:
        problem = f"is not among the first {len(found):,} people whom Lytics shows of this audience."
        raise InvalidInput(Problem("member", problem, "Leave it out, and the first of them is sent."))
    return _Plan(seen.client, ready.mapp_auth, ready.config.target(audience_slug=ready.audience.slug), named)


async def _begin(desk: Desk, actor: Actor, plan: _Plan) -> _Room:
    """Write down that the request may live, before it does; the times to send it in are counted from before that."""
    room_seconds = desk.timing.send_room_seconds
    send_by = desk.clock.monotonic() + room_seconds - EXPIRY_GRAIN_SECONDS
    expires_at_ms = desk.clock.now_ms() + round(room_seconds * 1000)

    def work(txn: Txn) -> int:
        auth = authorization_by_id(txn, plan.mapp_auth.id)
        place = place_of(auth, plan.target)
        if auth.revision != plan.mapp_auth.revision:
            raise Conflict("Somebody changed the Mapp authorization at the same time. Try again.")
        refuse_collision(txn, place, hold_ms=desk.timing.hold_ms)
        refuse_erased(txn, desk, plan.member)
        until_ms = begin_trial(txn, place_text(place), hold_ms=desk.timing.hold_ms)
        note = f"one person -> {attribute_key(plan.target)} of group {plan.target.group_id}"
        notes.add_audit(txn, actor=actor.name, action="job.trial", what=auth.id, note=note)
        return until_ms

    return _Room(send_by, expires_at_ms, await desk.database.write(work))


async def _outcome(desk: Desk, plan: _Plan, room: _Room) -> Outcome:
    if desk.clock.monotonic() >= room.send_by:
        return Late("The room to send it in had ended.")
    return await plan.client.send(plan.target, plan.member, is_in=True, expires_at_ms=room.expires_at_ms)


async def _end(desk: Desk, plan: _Plan, room: _Room) -> None:
    place = place_text(place_of(plan.mapp_auth, plan.target))
    try:
        await desk.database.write(lambda txn: end_trial(txn, place, until_ms=room.until_ms))
    except Unavailable:
        return  # as with a lost answer: the row runs out by itself
