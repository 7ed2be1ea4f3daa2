"""What is kept, and for how long, said from the very figures that the code goes by, so that it cannot lie."""

from dataclasses import dataclass

from usher.access.links import FIRST_LINK_MS, INVITATION_MS
from usher.access.sessions import IDLE_MS, WHOLE_MS
from usher.access.throttle import FORGOTTEN_AFTER_MS, KNOWN_FOR_MS
from usher.jobs.desk import USUAL_RETENTION
from usher.jobs.endpoint import OLD_TOKEN_DAYS
from usher.lytics.triggers import EXCERPT_BYTES
from usher.settings import Retention
from usher.store.activity import KEEP_SECONDS
from usher.store.database import HOUR, MINUTE
from usher.store.notes import HISTORY_KEEP, LOGS_KEEP, SCANS_KEEP, UNREADABLE_KEEP

HOUR_MS, MINUTE_MS, DAY_MS = 3_600_000, 60_000, 86_400_000
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of record, and how long it is kept, in a sentence."""

    what: str
    how_long: str


def retention(keep: Retention = USUAL_RETENTION) -> list[Kept]:
    """
    Return what is kept and for how long; the kind that names people first.

    Args:
        keep: the days that the settings say.
    """
    return [
        Kept("Members of a job", "Until the job is deleted; then they are removed at once, piece by piece."),
        Kept(
            "History of members",
            f"{_days(keep.history_days)}, at most the newest {HISTORY_KEEP:,} entries over all jobs; those of a deleted"
            " job go with it.",
        ),
        Kept("Job logs", f"{_days(keep.logs_days)}, at most the newest {LOGS_KEEP:,} lines. They never name a member."),
        Kept(
            "Unreadable messages",
            f"{_days(keep.unreadable_days)}, at most the newest {UNREADABLE_KEEP:,}, {_excerpt()}",
        ),
        Kept("Who was erased", "Until that is lifted, only as keyed hashes."),
        Kept("Scans", f"The newest {SCANS_KEEP} of each job."),
        Kept("Activity", f"Minute by minute for {_hours()} h, hour by hour for {_hourly_days()} days. Counts only."),
        Kept("Audit log", f"{_days(keep.audit_days)}. No part of Usher changes an entry, or removes one earlier."),
        Kept("Sessions", f"{IDLE_MS // HOUR_MS} h after they were last used, {WHOLE_MS // DAY_MS} days at most."),
        Kept("One-time links", f"{INVITATION_MS // HOUR_MS} h, the first one {FIRST_LINK_MS // MINUTE_MS} min."),
        Kept("Failed sign-ins", f"{FORGOTTEN_AFTER_MS // HOUR_MS} h, as counts; names and addresses only as hashes."),
        Kept("Where people signed in from", f"{KNOWN_FOR_MS // DAY_MS} days after the last time, only as hashes."),
        Kept("Trigger tokens", f"The newest until it is replaced; the one before for {OLD_TOKEN_DAYS} days more."),
        Kept("API tokens", "Until they are revoked, expired ones too; only as hashes."),
    ]


def _excerpt() -> str:
    return f"encrypted, the beginning of each only ({EXCERPT_BYTES // 1024} kB)."


def _hours() -> int:
    return KEEP_SECONDS[MINUTE] // HOUR


def _days(count: int) -> str:
    if not count:
        return "For ever"
    return "1 day" if count == 1 else f"{count:,} days"


def _hourly_days() -> int:
    return KEEP_SECONDS[HOUR] // DAY
