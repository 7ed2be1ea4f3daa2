"""What the ledger's row of one member means, and what comes next, in plain sentences."""

from dataclasses import dataclass
from enum import StrEnum

from usher.clock import iso_from_ms
from usher.domain.attribute import value_of
from usher.domain.job import Job, Status
from usher.domain.notes import HistoryEntry, LogEntry
from usher.domain.observation import NS_PER_MS
from usher.domain.scan import Scan
from usher.store.members import MemberRow
from usher.store.statements import LANE_HELD


class MemberState(StrEnum):
    """Where a member of a job stands."""

    UNKNOWN = "unknown"  # never seen by this job
    KNOWN = "known"  # a silent baseline saw them; nothing was ever owed
    DUE = "due"
    HELD = "held"  # an exit that waits for a person's decision, or somebody whom a held scan did not find
    SET_ASIDE = "set_aside"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Situation:
    """
    A member of a job, now.

    Args:
        row: None for somebody whom the job has never seen.
        leaves_before: the version before which a held scan would let people leave; None where none is held.
        kept: a person overruled Lytics' last word.
        heard: Lytics' last word about this person, as it was written down, where it was.
        heard_ms: when what is wanted now came to be, as far as is known.
        missed_by: the last scan did not find this person, who is wanted true all the same.
        found_by: the scan that is Lytics' last word about this person, where one is.
        asked_again: why everybody was told again, where that is why this person is owed.
        sent_again: a person's word that this one is to be sent again.
        lost: the attempt whose answer was lost and for which this person waits.
        history_from: since when it is known what happened, where older entries were dropped.
        erased_ms: when this person was erased, where they were.
    """

    job: Job
    key: str
    row: MemberRow | None
    now_ms: int
    leaves_before: int | None = None
    kept: HistoryEntry | None = None
    heard: HistoryEntry | None = None
    heard_ms: int = 0
    missed_by: Scan | None = None
    found_by: Scan | None = None
    asked_again: LogEntry | None = None
    sent_again: HistoryEntry | None = None
    lost: HistoryEntry | None = None
    history_from: int | None = None
    erased_ms: int | None = None

    @property
    def is_explained(self) -> bool:
        """Whether it is known how this member came to be wanted as they are."""
        return any((self.kept, self.heard, self.found_by, self.missed_by))

    @property
    def state(self) -> MemberState:
        return state_of(self.row, leaves_before=self.leaves_before)


def state_of(row: MemberRow | None, *, leaves_before: int | None = None) -> MemberState:
    """Return where a row stands while a held scan would let those of an older version than *leaves_before* leave."""
    if row is None:
        return MemberState.UNKNOWN
    if leaves_before is not None and row.is_in and row.version < leaves_before:
        return MemberState.HELD
    if row.due_at is not None:
        return MemberState.HELD if row.lane == LANE_HELD else MemberState.DUE
    if row.aside is not None:
        return MemberState.SET_ASIDE
    return MemberState.ACCEPTED if row.accepted is not None else MemberState.KNOWN


def why(situation: Situation) -> list[str]:
    """Return what is wanted, what Mapp has accepted, and why they differ where they do."""
    row = situation.row
    if row is None and situation.erased_ms is not None:
        return [f"This person was erased at {iso_from_ms(situation.erased_ms)}. What Lytics says of them is dropped."]
    if row is None:
        return [_never_seen(situation.job)]
    said = _answer(situation, row) or [_wanted(situation, row), _accepted(row)]
    if row.aside is not None:
        said.append(f"Mapp rejected it, so it was set aside: {row.aside}")
    if row.due_at is not None and row.attempts:
        said.append(_failed(row.attempts))
    if row.due_at is not None and row.accepted is not None and row.accepted == row.is_in:
        said.append(_once_more(situation))
    if not situation.is_explained and situation.history_from is not None:
        said.append(f"What happened before {iso_from_ms(situation.history_from)} is no longer kept.")
    return said


def _answer(situation: Situation, row: MemberRow) -> list[str]:
    """Return why Mapp accepted what is wanted, and when; nothing where it has not, or did before that was wanted."""
    if situation.state is not MemberState.ACCEPTED or row.accepted != row.is_in or situation.missed_by is not None:
        return []
    if row.accepted_at is None or row.accepted_at < situation.heard_ms:
        return []
    because = f"Mapp accepted {value_of(row.is_in)!r} for {situation.key!r}, because {_because(situation, row)}."
    span = _span(row.accepted_at - situation.heard_ms) if situation.heard is not None else ""
    after = f", {span} after Usher heard of it" if span else ""
    return [because, f"It last accepted that at {iso_from_ms(row.accepted_at)}{after}."]


def _because(situation: Situation, row: MemberRow) -> str:
    audience, as_of = situation.job.audience_name, iso_from_ms(row.version // NS_PER_MS)
    if (kept := situation.kept) is not None:
        return f"{kept.note.rstrip('.')}, at {iso_from_ms(kept.at_ms)}"
    if (scan := situation.found_by) is not None:
        return f"the {scan.kind} scan that began at {iso_from_ms(scan.started_ms)} found this person in {audience}"
    if (heard := situation.heard) is None:
        return f"Lytics' last word, as of {as_of}, is that this person is {_side(row)} the audience"
    if heard.kind == "absent":
        return f"a complete scan did not find this person in {audience}, as was noted at {iso_from_ms(heard.at_ms)}"
    # A trigger that names no time is as old as its arrival: the change itself came before.
    at = "by" if row.version == heard.at_ms * NS_PER_MS else "at"
    return f"this person {'entered' if row.is_in else 'left'} {audience} in Lytics {at} {as_of}"


def _side(row: MemberRow) -> str:
    return "inside" if row.is_in else "outside"


def _span(ms: int) -> str:
    """24 -> "24 ms"; 1_840 -> "1.8 s"; 300_000 -> "5 min"; blank from an hour on, which says nothing of the sending."""
    if ms < 1_000:
        return f"{ms} ms"
    if ms < 90_000:
        return f"{ms / 1_000:.1f} s"
    return f"{ms / 60_000:.0f} min" if ms < 3_600_000 else ""


def _wanted(situation: Situation, row: MemberRow) -> str:
    so = f"so {situation.key!r} is to be {value_of(row.is_in)!r}."
    if situation.kept is not None:
        return f"{situation.kept.note} That was at {iso_from_ms(situation.kept.at_ms)}, {so}"
    if (scan := situation.missed_by) is not None:
        began = iso_from_ms(scan.started_ms)
        stays = "Until a person decides, it stays so." if situation.state is MemberState.HELD else scan.reason
        return f"The scan that began at {began} did not find this person, who was inside before, {so} {stays}"
    if (scan := situation.found_by) is not None:
        return f"The {scan.kind} scan that began at {iso_from_ms(scan.started_ms)} found this person inside, {so}"
    as_of = iso_from_ms(row.version // NS_PER_MS)
    return f"Lytics' last word, as of {as_of}, is that this person is {_side(row)} the audience, {so}"


def _failed(attempts: int) -> str:
    return "The last attempt failed." if attempts == 1 else f"{attempts} attempts have failed in a row."


def _once_more(situation: Situation) -> str:
    if (own := situation.sent_again) is not None:
        return f"It is sent once more: {own.note} That was at {iso_from_ms(own.at_ms)}."
    asked = situation.asked_again
    if asked is None:
        return "It is sent once more although Mapp took this value before: it changed meanwhile, or was asked for."
    return f"Mapp took this value before; it was asked for again at {iso_from_ms(asked.at_ms)}. {asked.message}"


def what_next(situation: Situation) -> str:
    """Return what happens next to this member, in one sentence."""
    if situation.job.status in _NOTHING_MORE:
        return _NOTHING_MORE[situation.job.status]
    if situation.row is None and situation.erased_ms is not None:
        return "Nothing is sent unless an admin lifts the erasure."
    if situation.row is not None and situation.state is MemberState.DUE:
        return _when(situation, situation.row)
    if situation.state is MemberState.HELD and situation.missed_by is not None:
        return _UNDECIDED.format(count=situation.missed_by.leaving)
    return _AT_REST[situation.state]


_AT_REST = {
    MemberState.UNKNOWN: "Nothing is sent until Lytics says that this person entered or left.",
    MemberState.KNOWN: "Nothing is sent until this person leaves the audience, or enters it again.",
    MemberState.ACCEPTED: "Nothing is owed. The next change in Lytics is sent when it comes.",
    MemberState.SET_ASIDE: (
        "Nothing is sent until the value changes or somebody retries it. Mend what Mapp names first."
    ),
    MemberState.HELD: "This exit waits for a person: confirm or discard the removals of this job.",
}
_UNDECIDED = (
    "This person waits for a decision with all {count:,} whom the scan did not find: confirm-removals sets them to"
    " false, discard-removals keeps them as they are. Nothing is sent before."
)
_NOTHING_MORE = {
    Status.KILLED: "Nothing more is sent: the job was killed.",
    Status.DELETED: "Nothing more is sent: the job was deleted.",
    Status.COMPLETED: "Nothing more is sent: the job is completed. Restart it to export again.",
    Status.FAILED: "Nothing more is sent: the job failed. Restart it.",
}


def _when(situation: Situation, row: MemberRow) -> str:
    job = situation.job
    if job.status is Status.PAUSED:
        return "It is sent when somebody resumes the job."
    if job.status is Status.FAULT:
        return f"It is sent when the job's fault is mended: {job.reason}"
    assert row.due_at is not None
    moment = iso_from_ms(row.due_at)
    if job.status is Status.SLEEPING:
        return f"It is sent when Mapp answers again. {job.reason}".strip()
    if situation.lost is not None:
        return (
            f"Nothing is sent before {moment}: an answer was lost, and that request may still land."
            " Then it is sent once more."
        )
    if row.due_at > situation.now_ms:
        return f"It is being sent, or waits after an attempt; at {moment} at the latest it may be sent again."
    return "It is sent as soon as its turn comes."


def _never_seen(job: Job) -> str:
    if job.config.withbackfill and not job.is_baselined:
        return "This job has not seen this person yet; its first scan is not over."
    if job.config.withbackfill or job.is_baselined:
        return "This job has never seen this person in its audience."
    return "This job has never seen this person. Existing Users is off, so whoever was inside before is not known."


def _accepted(row: MemberRow) -> str:
    if row.accepted is None:
        return "Mapp has not accepted any value for this person from this job."
    moment = iso_from_ms(row.accepted_at) if row.accepted_at is not None else "an unknown time"
    return f"Mapp last accepted {value_of(row.accepted)!r}, at {moment}."
