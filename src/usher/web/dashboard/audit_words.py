"""What somebody did, in plain words. Pure; the names stay as the trail has them for whoever greps."""

from typing import NamedTuple

from usher.domain.job import Status
from usher.domain.notes import AuditEntry
from usher.jobs.trail import Named, TrailEntry
from usher.web.dashboard.words import STATUS_WORDS

DID = {
    "alert_channel.change": "Changed the alert channel",
    "alert_channel.create": "Added the alert channel",
    "alert_channel.delete": "Deleted the alert channel",
    "alert_channel.test": "Tested the alert channel",
    "auth.change": "Changed the authorization",
    "auth.create": "Added the authorization",
    "auth.delete": "Deleted the authorization",
    "auth.drop_trigger_tokens": "Ended older trigger tokens of",
    "auth.new_trigger_token": "Made a new trigger token for",
    "auth.read_trigger_token": "Looked at the trigger token of",
    "auth.test": "Tested the authorization",
    "job.bounce": "Restarted the job",
    "job.confirm_removals": "Confirmed removals of",
    "job.create": "Created the job",
    "job.delete": "Deleted the job",
    "job.discard_removals": "Kept people as they are in",
    "job.edit": "Changed the job",
    "job.kill": "Terminated the job",
    "job.pause": "Paused the job",
    "job.reconcile": "Had the audience read again for",
    "job.resend": "Had everybody told again by",
    "job.resume": "Resumed the job",
    "job.retry": "Retried people set aside by",
    "job.trial": "Sent one person to try out",
    "job.webhook": "Made the webhook anew for",
    "member.erase": "Erased a person",
    "member.lift_erasure": "Let somebody come back who was erased",
    "person.create": "Added",
    "person.password": "Set a password",
    "person.remove": "Removed",
    "person.reset": "Made a new one-time link for",
    "person.role": "Changed the role of",
    "person.sign_in": "Signed in",
    "person.sign_in_failed": "Failed to sign in",
    "person.sign_out": "Signed out",
    "session.end": "Ended sessions of",
    "token.create": "Made an API token",
    "token.revoke": "Revoked the API token",
    "unreadable.read": "Looked at unreadable messages",
}
OF_THEMSELVES = {
    "person.create": "Became the first administrator",
    "person.remove": "Removed themselves",
    "person.reset": "Made themselves a new one-time link",
    "person.role": "Changed their own role",
    "session.end": "Signed out their other browsers",
}
PLACES = {"job": "/jobs/", "authorization": "/authorizations/"}
ON_PEOPLE = ("person.", "session.", "token.revoke")  # their object is a name already


class Deed(NamedTuple):
    """One entry as it is shown: what was done, to what (with its page), and what else is known."""

    did: str
    whom: str
    path: str
    note: str


def deed_of(found: TrailEntry) -> Deed:
    """Return what an entry says; an action without words of its own is shown as the trail has it."""
    entry = found.entry
    did, note = _did(entry), _note(entry.note)
    if found.about is not None:
        return Deed(did, found.about.name, _path(found.about), note)
    return Deed(did, _whom(entry), "", note)


def _did(entry: AuditEntry) -> str:
    usual = DID.get(entry.action, entry.action)
    return OF_THEMSELVES.get(entry.action, usual) if entry.what == entry.actor else usual


def _path(about: Named) -> str:
    return f"{PLACES[about.kind]}{about.id}"


def _whom(entry: AuditEntry) -> str:
    if entry.action.startswith(ON_PEOPLE) or entry.action not in DID:
        return "" if entry.what == entry.actor else entry.what
    return "that is gone" if entry.action.startswith(("job.", "auth.")) else ""


def _note(text: str) -> str:
    """Return a note with states in words ("runnable -> paused": "Running → Paused"); anything else as it is."""
    before, arrow, after = text.partition(" -> ")
    if arrow and {before, after} <= set(Status):
        return f"{STATUS_WORDS[Status(before)].word} → {STATUS_WORDS[Status(after)].word}"
    return text
