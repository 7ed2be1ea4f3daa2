"""What is written down for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

KEPT = "kept"  # a person overruled, at the removal brake, that somebody left
OWED = "owed"  # a person asked for this one member to be sent again
LOCAL_OPERATOR = "local operator"  # in the audit trail: whoever works on the data's own machine


class LogCode(StrEnum):
    """What a line of a job's log is about, whatever its words. FAULT is Lytics' own; the others are ours."""

    CREATED = "JOB-CREATE"
    ADVICE = "JOB-ADVICE"  # something to know, said when the job was made
    EDITED = "JOB-EDIT"
    PAUSED = "JOB-PAUSE"
    RESUMED = "JOB-RESUME"
    RESTARTED = "JOB-BOUNCE"
    KILLED = "JOB-KILL"
    DELETED = "JOB-DELETE"
    COMPLETED = "JOB-COMPLETE"
    FAULT = "JOB-FAULT-022"  # what stops a job; a warning where the removal brake does
    MENDED = "JOB-MEND"
    ASLEEP = "JOB-SLEEP"
    AWAKE = "JOB-WAKE"
    RETRIED = "JOB-RETRY"  # who was set aside is tried again
    RESENT = "JOB-RESEND"  # why everybody is told again
    SOME_RESENT = "JOB-RESEND-SOME"
    DECIDED = "JOB-REMOVALS"  # a person decided about those whom the brake held
    SCAN_BEGUN = "SCAN-BEGIN"
    SCAN_DONE = "SCAN-END"
    SCAN_DOUBTED = "SCAN-DOUBT"  # it ended, and cannot say who left
    SCAN_INTERRUPTED = "SCAN-INTERRUPT"
    NO_IDENTIFIER = "SCAN-NO-IDENTIFIER"
    WEBHOOK = "WEBHOOK"  # how triggers reach the job from here on
    WEBHOOK_LOST = "WEBHOOK-LOST"
    GAP = "TRIGGER-GAP"  # triggers may be missing
    GAP_OVER = "TRIGGER-GAP-OVER"
    REDEFINED = "AUDIENCE-REDEFINED"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """
    Something about one member that was not routine.

    Args:
        kind: "enter", "exit", "seen", "absent", "accepted", "retry", "rejected", "unknown", "owed", "ignored", …
        version: source time in nanoseconds, where there is one.
        note: a sentence, or a reason; never a secret.
    """

    job: int
    member: str
    kind: str
    is_in: bool | None = None
    version: int | None = None
    note: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class LogEntry:
    """
    One line of a job's log, as Lytics' API shows them. Never holds a member's identifier.

    Args:
        level: "info", "warn" or "error".
        code: a LogCode; blank, or one that is gone, in what was kept by an earlier version.
    """

    job: int
    level: str
    message: str
    code: str
    context: dict[str, Any] | None = None
    at_ms: int = 0
    id: int = 0  # given when it is kept


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A trigger message, or one item of it, that made no sense; the body is sealed before it is kept."""

    auth_id: str
    reason: str
    body_sealed: bytes
    body_bytes: int
    job: int | None = None


@dataclass(frozen=True, slots=True)
class KeptUnreadable:
    """An unreadable message as it is kept; *job_id* is None where it belongs to no job."""

    id: int
    at_ms: int
    reason: str
    auth_id: str
    job_id: str | None
    body_bytes: int
    body_sealed: bytes


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, and to what."""

    id: int
    at_ms: int
    actor: str
    action: str
    what: str
    note: str
