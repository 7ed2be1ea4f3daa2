"""
A time for which triggers of a job may be missing: what it is, when it is over, and the words for it.

It is over once what was missed is known, and nothing that is known keeps triggers from coming. What came after it was
noticed is told from what was there before by what it is, never by a clock, which may be set back meanwhile.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from usher.clock import iso_from_ms
from usher.domain.absence import Doubt


class GapKind(StrEnum):
    """Why triggers may be missing."""

    SILENT = "silent"  # none came for unusually long
    ENDED = "webhook_ended"  # the webhook in Lytics had failed, or was gone
    STALLED = "webhook_stalled"  # the webhook in Lytics sleeps or is paused
    DOWN = "usher_down"  # Usher took none in
    REDEFINED = "redefined"  # Lytics does not promise any for those whom a new definition moves


@dataclass(frozen=True, slots=True)
class Gap:
    """
    An open gap.

    Args:
        since_ms: from when on triggers may be missing.
        heard_before_ms: when the last trigger had come, when it was noticed; None where none ever had.
        note: a word of Lytics' for the webhook's state, or a sentence to add (with a space before it); may be blank.
        found_before: how many whom scans had found changed, of whom no trigger had told, when it was noticed.
        scan_before: the id of the newest scan, running or not, when it was noticed; 0 where there was none.
    """

    kind: GapKind
    since_ms: int
    heard_before_ms: int | None = None
    note: str = ""
    found_before: int = 0
    scan_before: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """
    A comparison of the whole audience that began after a gap was noticed, and has ended.

    Args:
        found: how many changes it found of which no trigger had told.
        doubt: why it cannot say who left; blank where it can.
        inside: how many are wanted true.
    """

    found: int
    doubt: str = ""
    inside: int = 0

    @property
    def is_told(self) -> bool:
        """Whether anything came of it: an audience that is empty all at once says nothing."""
        return self.doubt != Doubt.EMPTY or not self.inside


@dataclass(frozen=True, slots=True)
class Supply:
    """
    How triggers come to a job now.

    Args:
        heard_ms: when the last one came; None where none ever did.
        is_webhook_at_work: Lytics says so of the webhook that Usher made; False where it cannot be asked.
    """

    heard_ms: int | None
    is_webhook_at_work: bool


def with_newer(open_gap: Gap | None, new: Gap) -> Gap:
    """Return what is open once *new* was noticed: the older beginning, and the cause that says more than silence."""
    if open_gap is None:
        return new
    told = open_gap if new.kind is GapKind.SILENT else new
    return replace(told, since_ms=min(open_gap.since_ms, new.since_ms))


def over_because(gap: Gap, *, supply: Supply, compared: Compared | None) -> str | None:
    """Return why *gap* is over, in a sentence, or None where it is not."""
    is_heard = supply.heard_ms != gap.heard_before_ms
    match gap.kind:
        case GapKind.SILENT if is_heard:
            return "Triggers come again."
        case GapKind.SILENT:
            is_quiet = compared is not None and not compared.found and not compared.doubt
            return (
                "A comparison found nobody whom a trigger had missed: the audience is only quiet." if is_quiet else None
            )
        case GapKind.STALLED:
            return "The webhook in Lytics is at work again." if supply.is_webhook_at_work else None
        case GapKind.ENDED if not (supply.is_webhook_at_work or is_heard):
            return None
    return None if compared is None or not compared.is_told else _said_of(compared)


def _said_of(compared: Compared) -> str:
    if compared.doubt:
        return f"The audience was compared, but that cannot say who left ({compared.doubt})."
    found = {0: "nobody", 1: "1 person"}.get(compared.found, f"{compared.found:,} people")
    return f"The audience was compared: {found} had changed without a trigger."


def gap_said(gap: Gap) -> str:
    """Return what happened and what comes next, in a few sentences; never anybody's identifier."""
    return _SAID[gap.kind].format(since=f"{iso_from_ms(gap.since_ms)[:16].replace('T', ' ')} UTC", note=gap.note)


_COMPARES = "Usher compares the whole audience by itself."
_SAID = {
    GapKind.SILENT: (
        "No trigger has come from Lytics since {since}, which is unusually long for this job.{note} "
        + _COMPARES
        + " Look in Lytics whether the webhook of this audience is at work."
    ),
    GapKind.ENDED: "The webhook in Lytics had ended ({note}), so triggers since {since} may be missing. " + _COMPARES,
    GapKind.STALLED: (
        "The webhook in Lytics has not been at work since {since} ({note}), so triggers wait there or are lost. "
        + _COMPARES
        + " Look in Lytics' log of that job what it was answered."
    ),
    GapKind.DOWN: (
        "Usher could not take in triggers from {since} on, for so long that Lytics may have given some up. " + _COMPARES
    ),
    GapKind.REDEFINED: (
        "The audience was redefined in Lytics, as was seen at {since}. Lytics need not send triggers for those who"
        " enter or leave by that.{note} " + _COMPARES
    ),
}
