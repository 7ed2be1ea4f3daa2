"""
A job: what a person configured, the states it can be in, and which event leads from one to another.

    runnable --sleep--> sleeping --wake--> runnable          an outage comes and goes by itself
    runnable, sleeping --fault--> fault --mend--> runnable   something outside must change first
    runnable, sleeping --complete--> completed               a Backfill Only job has told everybody
    any live --fail--> failed                                by a person's or Lytics' word only
    runnable, sleeping, fault --pause--> paused --resume--> runnable
    fault, failed, paused, completed, sleeping --bounce--> runnable
    any but deleted --kill--> killed, --delete--> deleted
"""

from dataclasses import dataclass
from enum import StrEnum

from usher.domain import removal_brake
from usher.domain.attribute import IdentifierType, Target, attribute_name, dynamic_prefix
from usher.errors import Conflict


class Status(StrEnum):
    """As Lytics' API spells them."""

    RUNNABLE = "runnable"
    SLEEPING = "sleeping"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAULT = "fault"
    FAILED = "failed"
    KILLED = "killed"
    DELETED = "deleted"


class Event(StrEnum):
    """What can happen to a job; the first five are people's."""

    PAUSE = "pause"
    RESUME = "resume"
    BOUNCE = "bounce"
    KILL = "kill"
    DELETE = "delete"
    SLEEP = "sleep"
    WAKE = "wake"
    FAULT = "fault"
    MEND = "mend"
    COMPLETE = "complete"
    FAIL = "fail"


class Cause(StrEnum):
    """Why a job is in fault, asleep, or paused before it ever began."""

    NONE = ""
    OUTAGE = "outage"
    MAPP_CREDENTIALS = "mapp_credentials"
    MAPP_INTEGRATION = "mapp_integration"
    LYTICS_CREDENTIALS = "lytics_credentials"
    LYTICS_OUTAGE = "lytics_outage"
    CLOCKS = "clocks"
    REJECTIONS = "rejections"
    REMOVALS = "removals"
    AUDIENCE = "audience"
    FIELD = "field"
    UNSTARTED = "unstarted"


S, E = Status, Event
LIVE = frozenset({S.RUNNABLE, S.SLEEPING, S.PAUSED, S.FAULT})  # takes in triggers, owns its attribute
SENDING = frozenset({S.RUNNABLE, S.SLEEPING})
NO_SCAN = frozenset({Cause.LYTICS_OUTAGE, Cause.CLOCKS})  # asleep for these, a job goes on sending

TRANSITIONS: dict[Event, dict[Status, Status]] = {
    E.PAUSE: dict.fromkeys((S.RUNNABLE, S.SLEEPING, S.FAULT, S.PAUSED), S.PAUSED),
    E.RESUME: {S.PAUSED: S.RUNNABLE, S.RUNNABLE: S.RUNNABLE},
    E.BOUNCE: dict.fromkeys((S.FAULT, S.FAILED, S.PAUSED, S.COMPLETED, S.SLEEPING, S.RUNNABLE), S.RUNNABLE),
    E.KILL: {status: S.KILLED for status in Status if status is not S.DELETED},
    E.DELETE: dict.fromkeys(Status, S.DELETED),
    E.SLEEP: {S.RUNNABLE: S.SLEEPING, S.SLEEPING: S.SLEEPING},
    E.WAKE: {S.SLEEPING: S.RUNNABLE, S.RUNNABLE: S.RUNNABLE},
    E.FAULT: dict.fromkeys((S.RUNNABLE, S.SLEEPING, S.FAULT), S.FAULT),
    E.MEND: {S.FAULT: S.RUNNABLE},
    E.COMPLETE: {S.RUNNABLE: S.COMPLETED, S.SLEEPING: S.COMPLETED},
    E.FAIL: dict.fromkeys((S.RUNNABLE, S.SLEEPING, S.PAUSED, S.FAULT), S.FAILED),
}

MAY_INSTEAD = {
    S.SLEEPING: "It goes on by itself; restart it (bounce) to go on at once.",
    S.PAUSED: "Resume it instead.",
    S.COMPLETED: "Restart it (bounce) to export again.",
    S.FAILED: "Restart it (bounce) instead.",
    S.FAULT: "Mend what its reason names, or restart it (bounce).",
    S.KILLED: "A killed job stays ended; duplicate it into a new one.",
    S.DELETED: "A deleted job stays ended; create a new one.",
}


def next_status(status: Status, event: Event) -> Status:
    """
    Return where *event* leads from *status*.

    Raises:
        Conflict: it leads nowhere from there; the message says what would.
    """
    try:
        return TRANSITIONS[event][status]
    except KeyError:
        raise Conflict(f"A job that is {status} cannot {event}. {MAY_INSTEAD.get(status, '')}".strip()) from None


@dataclass(frozen=True, slots=True)
class JobConfig:
    """
    A job's configuration, valid in itself, under the names that Lytics' API gives its keys.

    Args:
        segment_id: the audience's id, resolved when the job was created.
        lowercase_identifiers: e-mail addresses that differ in letter case only are one member; see *is_lowercasing*.
        reconcile_hours: how often the whole audience is compared again; 0 is never.
        exit_brake: whether many triggered exits at once wait for a person.
        exit_brake_people, exit_brake_percent: more exits than both, and the brake holds them.
    """

    segment_id: str
    uid_field: str
    group_id: str
    mapp_attribute_name: str = ""
    enable_dynamic_attributes: bool = False
    dynamic_attribute_prefix: str = ""
    withbackfill: bool = False
    backfill_only: bool = False
    create_users: bool = False
    identifier_type: IdentifierType = "email"
    lowercase_identifiers: bool = False
    reconcile_hours: float = 0.0
    exit_brake: bool = True
    exit_brake_people: int = removal_brake.PEOPLE
    exit_brake_percent: float = removal_brake.PERCENT
    allow_unlisted_group: bool = False

    @property
    def is_lowercasing(self) -> bool:
        """Whether members are named in lower case; only e-mail addresses ever are."""
        return self.lowercase_identifiers and self.identifier_type == "email"

    def target(self, *, audience_slug: str) -> Target:
        """Where in Mapp this job writes, with every blank filled in."""
        prefix = None
        if self.enable_dynamic_attributes:
            prefix = dynamic_prefix(self.dynamic_attribute_prefix, group_id=self.group_id)
        return Target(
            group_id=self.group_id,
            attribute_name=attribute_name(self.mapp_attribute_name, audience_slug=audience_slug),
            prefix=prefix,
            identifier_type=self.identifier_type,
            create_users=self.create_users,
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """
    How triggers reach a job.

    Args:
        state: "made" (by Usher, in Lytics), "manual" (a person must paste it), "off" (none is wanted).
        note: why it is manual, in a sentence.
        is_tried_again: it is manual only until Lytics answers; Usher tries again by itself.
    """

    state: str = "manual"
    job_id: str = ""
    auth_id: str = ""
    note: str = ""
    is_tried_again: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """
    One job as it stands. *key* is the ledger's short name for *id*; times are milliseconds since 1970.

    Args:
        sleep_until_ms: while asleep, until when; in fault for rejections, since when people were set aside for it.
        is_baselined: the first scan of this job has been taken in whole (backfill or silent baseline).
        scan_wanted: a scan should start as soon as it may ("backfill", "reconcile" or "").
        next_reconcile_ms: when the next scheduled reconcile is due, None where there is none.
        exits_held: triggered exits wait for a person; entries go on.
    """

    key: int
    id: str
    name: str
    description: str
    mapp_auth: str
    lytics_auth: str
    config: JobConfig
    audience_slug: str
    audience_name: str
    status: Status
    cause: Cause
    reason: str
    sleep_until_ms: int | None
    is_baselined: bool
    scan_wanted: str
    next_reconcile_ms: int | None
    exits_held: bool
    webhook: Webhook
    first_trigger_ms: int | None
    last_trigger_ms: int | None
    created_ms: int
    updated_ms: int
    created_by: str = ""

    @property
    def target(self) -> Target:
        return self.config.target(audience_slug=self.audience_slug)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE
